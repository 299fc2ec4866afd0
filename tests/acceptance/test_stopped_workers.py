"""Workers are asked to stop, as every deploy does: nothing is repeated, no attempt spent, nothing late (R16, R25)."""

from __future__ import annotations

from datetime import timedelta

from tests.chaos import stopping
from tests.chaos.stage import Stage


def test_a_stopping_worker_gives_its_runs_back_at_the_next_step(here: Stage) -> None:
    """R16: with everything that waited in it."""
    report = stopping.graceful(here, threads=4, waiting=10, laps_each=5, lap_s=0.2, limit=timedelta(seconds=10))
    assert not report.broken, report


def test_a_run_that_outlasts_the_bound_does_not_hold_its_worker(here: Stage) -> None:
    """R16: the process ends, the lease ends, and the run goes on elsewhere."""
    report = stopping.stubborn(here, grace=0.5, limit=timedelta(seconds=10))
    assert not report.broken, report


def test_delayed_runs_survive_their_workers_and_are_never_early(here: Stage) -> None:
    """R25: they wait in Redis."""
    report = stopping.delayed(
        here, runs=60, window=(1, 7), restarts=1, down=timedelta(seconds=1), settled=timedelta(seconds=25)
    )
    assert not report.broken, report
