"""The long form of what is promised of statistics."""

from __future__ import annotations

from tests.chaos import rolling
from tests.chaos.scenario import MINUTE, SECOND, Scenario

STATS_SCENARIOS = (
    Scenario(
        "R30",
        "roll-ups are killed while 10,000 runs end",
        lambda here, seed: rolling.rolled_up(
            here, seed=seed, runs=10_000, batch=100, workers=3, every=1.5 * SECOND, settled=3 * MINUTE
        ),
    ),
)
