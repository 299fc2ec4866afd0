"""The long forms of what several machines, Sentinels and a cluster promise."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos import scale_failover, scale_machines, scale_suites
from tests.chaos.scenario import SECOND, Scenario
from tests.chaos.stage import Report, Stage


def _failover(*, replicas: int, durable: bool, spare: bool = False) -> Callable[[Stage, int], Report]:
    def play(here: Stage, seed: int) -> Report:
        del seed  # nothing is left to chance but the machine's own time
        return scale_failover.failover(
            here.folder / "failover",
            rounds=5,
            replicas=replicas,
            durable=durable,
            spare=spare,
            stall=SECOND,
            senders=4,
            workers=2,
        )

    return play


SCALE_SCENARIOS = (
    *(
        Scenario(
            f"R13{letter}",
            f"primary killed behind a replica that is 1 s late, 5 times, {told}",
            _failover(replicas=1, durable=durable, spare=spare),
        )
        for letter, told, durable, spare in (
            ("", "a replica confirms what is accepted", True, False),
            ("b", "nothing is confirmed", False, False),
            ("c", "confirmed, and no primary writes without a replica", True, True),
        )
    ),
    Scenario(
        "R13d",
        "primary and two replicas, 5 times, a replica confirms what is accepted",
        _failover(replicas=2, durable=True),
    ),
    Scenario(
        "MACHINES",
        "three worker machines on one Redis, each cut off for 3 leases, twice",
        lambda here, seed: scale_machines.cut_off(
            here.folder / "machines", runs=240, workers=3, threads=4, seconds=0.4, lease=2, cuts=6, away=6 * SECOND
        ),
    ),
    Scenario("SENTINEL", "the engine's tests behind Sentinels", lambda here, seed: scale_suites.on("sentinel")),
    Scenario(
        "CLUSTER", "the engine's tests on a cluster of three nodes", lambda here, seed: scale_suites.on("cluster")
    ),
)
