"""The long forms of what is promised about messages to people."""

from __future__ import annotations

from tests.chaos import day, dripping
from tests.chaos.scenario import MINUTE, SECOND, Scenario

GROWTH_SCENARIOS = (
    Scenario(
        "R29",
        "1,000 people, a drip of 4 messages, workers killed every 2 s for 60 s, 6 zones",
        lambda here, seed: dripping.drip(
            here,
            seed=seed,
            contacts=1000,
            workers=3,
            every=2 * SECOND,
            storm=MINUTE,
            settled=8 * MINUTE,
            day=2 * SECOND,
        ),
    ),
    Scenario(
        "DAY",
        "a day of 1,000 leads, two campaigns and schedules by a still clock",
        lambda here, seed: day.day(seed=seed, leads=1000, members=200),
    ),
)
