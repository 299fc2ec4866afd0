"""A run that starts many others goes on once, when all have ended, with what there is of them (R26)."""

from __future__ import annotations

from datetime import timedelta

from tests.chaos import fanning
from tests.chaos.stage import Stage


def test_children_are_joined_once_and_the_missing_named(here: Stage) -> None:
    """Though workers are killed meanwhile, and some children fail for good."""
    report = fanning.gathered(
        here,
        children=200,
        fails_every=50,
        child_s=0.005,
        workers=2,
        threads=4,
        kills=1,
        every=timedelta(milliseconds=300),
        slowest_ms=50,
    )
    assert not report.broken, report


def test_no_child_is_lost_or_doubled_when_redis_is_not_heard(here: Stage) -> None:
    """Whichever call of a parent is lost, there or back."""
    report = fanning.lost_replies_while_spawning(here, children=5)
    assert not report.broken, report


def test_cancelling_a_run_cancels_what_it_started(here: Stage) -> None:
    """And what that has started, be it running or not begun."""
    report = fanning.cancelled(here, children=20, threads=6)
    assert not report.broken, report
