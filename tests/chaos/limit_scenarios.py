"""The long forms of what limits, breakers, budgets, turns and children promise."""

from __future__ import annotations

from datetime import timedelta

from pipeline import Breaker
from tests.chaos import breaking, budgeting, fanning, limiting, sharing
from tests.chaos.scenario import MINUTE, SECOND, Scenario

DAY = timedelta(days=1)

LIMIT_SCENARIOS = (
    Scenario(
        "R18",
        "a provider away for 60 s, 1,000 runs, 8 slots",
        lambda here, seed: breaking.retry_storm(
            here,
            runs=1000,
            tenants=3,
            workers=2,
            threads=4,
            outage=MINUTE,
            breaker=Breaker(),
            rate=50,
            back=30 * SECOND,
        ),
    ),
    Scenario(
        "R18b",
        "a provider away for 3 minutes, 2,000 runs, 16 slots",
        lambda here, seed: breaking.retry_storm(
            here,
            runs=2000,
            tenants=5,
            workers=4,
            threads=4,
            outage=3 * MINUTE,
            breaker=Breaker(),
            rate=100,
            back=30 * SECOND,
            limit=10 * MINUTE,
        ),
    ),
    Scenario(
        "R19",
        "50 starts a second and 5 at once, 4 workers, changed to 10, a holder killed",
        lambda here, seed: limiting.exactness(
            here, workers=4, threads=4, job_s=0.06, seconds=30, slower=10, seconds_slow=15
        ),
    ),
    *(
        Scenario(
            f"R20{letter}",
            f"10 runs beside 10,000, {'a limit of both' if limited else 'no limit'}",
            lambda here, seed, limited=limited: sharing.crowded(
                here, crowd=10_000, few=10, job_s=0.1, workers=2, threads=2, limited=limited
            ),
        )
        for letter, limited in (("", False), ("b", True))
    ),
    *(
        Scenario(
            f"R20{letter}",
            f"1,000 runs ten times as dear, {'turns by cost' if counted else 'the control: turns by number'}",
            lambda here, seed, counted=counted: sharing.cost_fair(
                here, heavy=1000, light=100, tenants=10, workers=2, threads=4, job_s=0.03, counted=counted
            ),
        )
        for letter, counted in (("c", True), ("d", False))
    ),
    Scenario(
        "R26",
        "5,000 children, 10 kills, 1 % fail for good",
        lambda here, seed: fanning.gathered(
            here,
            children=5000,
            fails_every=100,
            child_s=0.03,
            workers=3,
            threads=4,
            kills=10,
            every=2 * SECOND,
            slowest_ms=10,
            seed=seed,
        ),
    ),
    Scenario(
        "R26b",
        "each call of a parent lost, there and back",
        lambda here, seed: fanning.lost_replies_while_spawning(here, children=250),
    ),
    Scenario(
        "R26c",
        "a family of 2,003 cancelled",
        lambda here, seed: fanning.cancelled(here, children=1000, threads=8),
    ),
    *(
        Scenario(
            f"R32{letter}",
            f"10,000 calls by 64 threads, $1 {told}, then {then}",
            lambda here, seed, then=then, per=per: budgeting.budget_stop(
                here,
                dollars=1.0,
                then=then,
                runs=2500,
                calls=4,
                workers=4,
                threads=16,
                per=per,
                patience=3 * MINUTE,
            ),
        )
        for letter, told, then, per in (
            ("", "a day", "wait", DAY),
            ("b", "every 5 s", "wait", 5 * SECOND),
            ("c", "a day", "stop", DAY),
        )
    ),
    Scenario(
        "R32d",
        "half of 4 workers killed in their calls",
        lambda here, seed: budgeting.killed_reservations(
            here, workers=4, threads=8, lease=2, runs=64, calls=4, seconds=1
        ),
    ),
    Scenario(
        "R32e",
        "a limit of tokens, calls ask for 20 times what they take",
        lambda here, seed: budgeting.token_limit(
            here, runs=2000, workers=2, threads=8, a_second=20_000, calls_a_second=20, seconds=60, overstated=20
        ),
    ),
)
