"""A worker that stalls loses its runs to another, and what it writes when it wakes counts for nothing (R10)."""

from __future__ import annotations

import pytest

from tests.chaos import stalling
from tests.chaos.stage import Stage


@pytest.mark.parametrize("point", stalling.POINTS)
def test_what_a_stalled_worker_writes_when_it_wakes_is_refused(here: Stage, point: str) -> None:
    """Stopped for three leases; the run completes once, and the sleeper begins no further step."""
    report = stalling.zombie(here, point=point)
    assert not report.broken, report


def test_a_stalled_worker_that_takes_its_own_run_again_works_on_it_once(here: Stage) -> None:
    """It holds the run twice, and the thread that stalled is told as if the run were another's."""
    report = stalling.own_zombie(here)
    assert not report.broken, report


def test_a_late_result_of_a_stalled_worker_is_not_kept(here: Stage) -> None:
    """The step is another worker's now, and it has not finished it yet."""
    report = stalling.late_result(here)
    assert not report.broken, report
