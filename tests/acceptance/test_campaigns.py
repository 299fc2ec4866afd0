"""Audiences with real workers: killed in the middle, and large; and the commands about them."""

from __future__ import annotations

from datetime import timedelta

from tests.chaos import campaigning
from tests.chaos.stage import Stage

MINUTE = timedelta(minutes=1)


def test_a_sync_whose_worker_is_killed_ends_as_if_it_was_not(here: Stage) -> None:
    """Both sides are the same, nobody is there twice, nobody who left is back, and ten calls are the most at a time."""
    report = campaigning.killed(here, members=90, kills=1, seed=3, settled=MINUTE)
    assert not report.broken, report


def test_a_larger_audience_takes_no_more_memory(here: Stage) -> None:
    """Pages are read and written one at a time; the long form has 50,000 members."""
    report = campaigning.large(here, members=3000, ours=600, growth_mb=15, settled=MINUTE)
    assert not report.broken, report
