"""The long form of what webhooks promise: one run an event, whatever comes how often, and whoever is killed."""

from __future__ import annotations

from tests.chaos import hooking
from tests.chaos.scenario import MINUTE, Scenario

WEBHOOK_SCENARIOS = (
    Scenario(
        "S09",
        "1,000 webhooks, each 5 times and 5 times spoiled, 2 servers, 8 kills, replies of Redis lost",
        lambda here, seed: hooking.storm(
            here, seed=seed, events=1_000, copies=5, servers=2, kills=8, lost=0.02, limit=3 * MINUTE
        ),
    ),
)
