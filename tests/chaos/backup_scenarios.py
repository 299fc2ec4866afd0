"""The long forms of what backups promise."""

from __future__ import annotations

from datetime import timedelta

from tests.chaos import backing
from tests.chaos.scenario import Scenario

BACKUP_SCENARIOS = (
    Scenario(
        "R30b",
        "a backup killed at 20 points",
        lambda here, seed: backing.killed(here, points=20, seed=seed),
    ),
    Scenario(
        "R30c",
        "everything lost while 600 effects are under way, and put back",
        lambda here, seed: backing.drill(here, count=600, settled=timedelta(minutes=3)),
    ),
)
