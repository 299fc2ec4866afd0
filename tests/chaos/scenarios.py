"""Every fault scenario in its long form: the sizes of the promises, not of a test suite."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos import crashing, garbling, killing, losing, stalling, stopping
from tests.chaos.backup_scenarios import BACKUP_SCENARIOS
from tests.chaos.campaign_scenarios import CAMPAIGN_SCENARIOS
from tests.chaos.database_scenarios import DATABASE_SCENARIOS
from tests.chaos.deploy_scenarios import DEPLOY_SCENARIOS
from tests.chaos.growth_scenarios import GROWTH_SCENARIOS
from tests.chaos.limit_scenarios import LIMIT_SCENARIOS
from tests.chaos.policy_scenarios import POLICY_SCENARIOS
from tests.chaos.scale_scenarios import SCALE_SCENARIOS
from tests.chaos.scenario import MINUTE, SECOND, Scenario
from tests.chaos.schedule_scenarios import SCHEDULE_SCENARIOS
from tests.chaos.soak_scenarios import SOAK_SCENARIOS
from tests.chaos.stage import Report, Stage
from tests.chaos.stats_scenarios import STATS_SCENARIOS
from tests.chaos.webhook_scenarios import WEBHOOK_SCENARIOS
from tests.support.proxy import Fault


def _storm(here: Stage, seed: int) -> Report:
    return killing.kill_storm(
        here,
        seed=seed,
        runs=2000,
        step=(0.05, 0.3),
        workers=4,
        every=2 * SECOND,
        storm=MINUTE,
        settled=30 * SECOND,
        threads=6,
    )


def _poison(here: Stage, seed: int) -> Report:
    return killing.poison_pills(
        here, pills=1, normals=500, seconds=0.3, processes=4, threads=2, limit=2 * MINUTE, baseline=True
    )


def _several_poisons(here: Stage, seed: int) -> Report:
    return killing.poison_pills(here, pills=3, normals=300, seconds=0.2, processes=4, threads=2, limit=3 * MINUTE)


def _outage(point: str) -> Callable[[Stage, int], Report]:
    def play(here: Stage, seed: int) -> Report:
        return losing.outage(here, point=point, runs=25, length=30 * SECOND, settled=20 * SECOND, lease=8)

    return play


def _zombie(point: str) -> Callable[[Stage, int], Report]:
    def play(here: Stage, seed: int) -> Report:
        return stalling.zombie(here, point=point, lease=2)

    return play


#: In the order of their ids.
SCENARIOS = (
    Scenario("R01", "kill -9 of a random worker every 2 s for 60 s, 2,000 runs of 3 steps", _storm),
    Scenario(
        "R02",
        "a killed worker's run starts again, default lease",
        lambda here, seed: killing.dead_worker(here, samples=20, at_once=5),
    ),
    Scenario(
        "R03",
        "kill -9 of 1 of 4 processes, 50 runs in flight",
        lambda here, seed: killing.one_of_a_pool(here, processes=4, threads=13, seconds=6),
    ),
    Scenario("R04", "a poison pill among 500 runs", _poison),
    Scenario("R04b", "three poison pills among 300 runs", _several_poisons),
    Scenario(
        "R04c",
        "long runs share their worker with a poison pill",
        lambda here, seed: killing.neighbours_of_poison(here, neighbours=7, seconds=3, limit=2 * MINUTE),
    ),
    *(
        Scenario(f"R06{letter}", f"Redis away for 30 s {point}", _outage(point))
        for letter, point in zip("abcd", losing.POINTS, strict=True)
    ),
    Scenario(
        "R08",
        "every command of a run lost in turn, there and back",
        lambda here, seed: losing.lost_replies(here, faults=tuple(Fault)),
    ),
    Scenario(
        "R09",
        "unreadable messages among good ones",
        lambda here, seed: garbling.malformed(here, good=100, copies=5, limit=MINUTE),
    ),
    *(
        Scenario(f"R10{letter}", f"SIGSTOP for 3 leases {point}", _zombie(point))
        for letter, point in zip("abcde", stalling.POINTS, strict=True)
    ),
    Scenario(
        "R10f",
        "a step's result that arrives when the run is another's",
        lambda here, seed: stalling.late_result(here, lease=2),
    ),
    Scenario(
        "R10g",
        "SIGSTOP for 3 leases, and the same worker takes its run again",
        lambda here, seed: stalling.own_zombie(here, lease=2),
    ),
    Scenario("R10h", "the interpreter held for 2.5 leases", lambda here, seed: stalling.held_lock(here, lease=1)),
    Scenario(
        "R11",
        "kill -9 before and after every call of a flow that fans out",
        lambda here, seed: crashing.crash_points(here, words=3, share=1, seed=seed),
    ),
    Scenario(
        "R12",
        "kill -9 of Redis every 10 s for 60 s, 1,000 runs of 3 steps",
        lambda here, seed: losing.redis_killed(
            here, runs=1000, times=6, every=9 * SECOND, back=SECOND, settled=5 * MINUTE
        ),
    ),
    Scenario(
        "R16",
        "SIGTERM with 40 runs in steps and 100 waiting",
        lambda here, seed: stopping.graceful(here, threads=40, waiting=100, laps_each=12, lap_s=0.5, limit=30 * SECOND),
    ),
    Scenario(
        "R16b",
        "SIGTERM with a run that outlasts the bound",
        lambda here, seed: stopping.stubborn(here, grace=3, limit=30 * SECOND),
    ),
    Scenario(
        "R25",
        "5,000 delayed runs, all workers killed twice",
        lambda here, seed: stopping.delayed(
            here, runs=5000, window=(1, 120), restarts=2, down=5 * SECOND, settled=3 * MINUTE
        ),
    ),
    *POLICY_SCENARIOS,
    *SCHEDULE_SCENARIOS,
    *LIMIT_SCENARIOS,
    *DATABASE_SCENARIOS,
    *DEPLOY_SCENARIOS,
    *STATS_SCENARIOS,
    *BACKUP_SCENARIOS,
    *CAMPAIGN_SCENARIOS,
    *GROWTH_SCENARIOS,
    *WEBHOOK_SCENARIOS,
    *SOAK_SCENARIOS,
    *SCALE_SCENARIOS,
)
