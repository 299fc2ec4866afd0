"""The long forms of what schedules promise."""

from __future__ import annotations

from tests.chaos import ticking
from tests.chaos.scenario import Scenario

SCHEDULE_SCENARIOS = (
    Scenario(
        "R21",
        "three schedulers, the leader killed every 5 s for 120 s",
        lambda here, seed: ticking.leaders(here, seconds=120, every=5, hurts=("kill",), within=5, seed=seed),
    ),
    Scenario(
        "R21b",
        "the leader frozen, cut off, stopped and killed in turn for 120 s",
        lambda here, seed: ticking.leaders(here, seconds=120, every=5, hurts=ticking.HURTS, within=5, seed=seed),
    ),
    Scenario(
        "R22",
        "300 specs in 12 zones over 6 years, minute by minute",
        lambda here, seed: ticking.calendars(here, count=300, years=6, seed=seed),
    ),
)
