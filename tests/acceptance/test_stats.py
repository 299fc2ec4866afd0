"""Statistics under real workers (R30): what they roll up is what ran, though they are killed while they do."""

from __future__ import annotations

from datetime import timedelta

from tests.chaos import rolling
from tests.chaos.stage import Stage


def test_killed_roll_ups_count_every_run_once(here: Stage) -> None:
    """Two at once, again and again, with their workers killed under them."""
    report = rolling.rolled_up(
        here, seed=3, runs=200, batch=40, workers=2, every=timedelta(seconds=0.9), settled=timedelta(seconds=40)
    )
    assert not report.broken, report
    assert report.figures["kills"]
