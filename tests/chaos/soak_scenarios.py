"""The long form of what a long day of work leaves behind."""

from __future__ import annotations

from tests.chaos import soaking
from tests.chaos.scenario import Scenario

SOAK_SCENARIOS = (
    Scenario(
        "R31",
        "50,000 runs with a megabyte of memory and of files each",
        lambda here, seed: soaking.soaked(here, runs=50_000, every=1_000, slope_mb=2, spare_mb=40, drift=0.1),
    ),
)
