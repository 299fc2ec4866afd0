"""The long forms of what a long day of work leaves behind, and of many who look on."""

from __future__ import annotations

from tests.chaos import crowding, soaking
from tests.chaos.scenario import Scenario

SOAK_SCENARIOS = (
    Scenario(
        "R31",
        "50,000 runs with a megabyte of memory and of files each",
        lambda here, seed: soaking.soaked(here, runs=50_000, every=1_000, slope_mb=2, spare_mb=40, drift=0.1),
    ),
    Scenario(
        "S12",
        "200 clients listen and 50 lists a second are read for 60 s, with 100,000 runs finished",
        lambda here, seed: crowding.watched(
            here, finished=100_000, clients=200, lists=50, seconds=60, loss=0.05, list_ms=300, slow_ms=10
        ),
    ),
)
