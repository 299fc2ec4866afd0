"""The long forms of what rolling deploys promise."""

from __future__ import annotations

from tests.chaos import checking, deploys
from tests.chaos.scenario import MINUTE, SECOND, Scenario

DEPLOY_SCENARIOS = (
    Scenario(
        "F02",
        "100,000 payloads of three versions, checked before a deploy",
        lambda here, seed: checking.deploy_check(here, runs=100_000, unreadable=250, limit=MINUTE),
    ),
    Scenario(
        "F02b",
        "the doctor where 100,000 runs wait",
        lambda here, seed: checking.doctor(here, runs=100_000, limit=5 * SECOND),
    ),
    Scenario(
        "R17b",
        "400 runs that old code began, and new code with other steps",
        lambda here, seed: deploys.histories(here, runs=200, threads=250, step_s=1.0, settled=3 * MINUTE),
    ),
)
