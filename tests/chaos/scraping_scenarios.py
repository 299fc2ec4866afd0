"""The long forms of what figures promise."""

from __future__ import annotations

from tests.chaos import scraping
from tests.chaos.scenario import Scenario

SCRAPING_SCENARIOS = (
    Scenario(
        "R31",
        "5,000 runs under a real Prometheus, a worker process killed 6 times",
        lambda here, seed: scraping.scraped(here, runs=5000, kills=6, rough=True),
    ),
)
