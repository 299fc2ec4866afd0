"""The long forms of what audiences promise."""

from __future__ import annotations

from tests.chaos import campaigning
from tests.chaos.scenario import MINUTE, Scenario

CAMPAIGN_SCENARIOS = (
    Scenario(
        "campaigns",
        "syncs whose workers are killed 15 times",
        lambda here, seed: campaigning.killed(here, members=300, kills=15, seed=seed, settled=2 * MINUTE),
    ),
    Scenario(
        "campaigns-large",
        "50,000 members, 5,000 changes of ours",
        lambda here, seed: campaigning.large(here, members=50_000, ours=5_000, growth_mb=40, settled=8 * MINUTE),
    ),
)
