"""A run that was cancelled, or takes too long, is stopped wherever it is, and its worker goes on (F19, R27)."""

from __future__ import annotations

from datetime import timedelta

from tests.chaos import interrupting
from tests.chaos.stage import Stage

SECOND = timedelta(seconds=1)


def test_a_cancelled_run_is_stopped_wherever_it_is(here: Stage) -> None:
    """In line, before a retry, between steps, in Python, in a coroutine, at a model, in a child process."""
    report = interrupting.cancelled(here, each=1, within=2 * SECOND)
    assert not report.broken, report


def test_cancelling_a_flow_cancels_all_of_its_nodes(here: Stage) -> None:
    """Those that run, those that wait for a thread, and those that wait for another's result."""
    report = interrupting.cancelled_flow(here, words=6, within=2 * SECOND)
    assert not report.broken, report


def test_threads_that_are_stuck_lose_their_runs_and_their_process_is_replaced(here: Stage) -> None:
    """Within seconds of the limit, or of the cancel; their neighbours stop at the next step and go on elsewhere."""
    report = interrupting.stuck(here, how="socket", neighbours=2, laps_each=12, freed=5 * SECOND)
    assert not report.broken, report


def test_what_a_thread_that_was_given_up_writes_later_is_refused(here: Stage) -> None:
    """It is a zombie as any other: the fence keeps it out."""
    report = interrupting.late_writer(here, seconds=5)
    assert not report.broken, report


def test_an_attempt_ends_at_its_limit_and_a_run_at_its_deadline(here: Stage) -> None:
    """What it finished is kept, and the next attempt goes on from there; past the deadline there is none."""
    report = interrupting.overdue(here, deadline=2 * SECOND, late=SECOND)
    assert not report.broken, report
