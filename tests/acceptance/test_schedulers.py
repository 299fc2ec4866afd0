"""Several schedulers: one fires; whatever becomes of it, each tick has one run."""

from __future__ import annotations

from tests.chaos import ticking
from tests.chaos.stage import Stage


def test_the_lead_moves_and_no_tick_is_missed_or_doubled(here: Stage) -> None:
    """Killed, frozen, cut off: another leads within five seconds; stopped: within two."""
    report = ticking.leaders(here, seconds=6, every=0.3, hurts=("kill", "freeze", "stop"), within=5, seed=1)
    assert not report.broken, report
