"""Worker processes are killed: what they did goes on elsewhere, and nothing is lost or done twice (R01 to R04)."""

from __future__ import annotations

from datetime import timedelta

from tests.chaos import killing
from tests.chaos.stage import Stage

SECOND = timedelta(seconds=1)


def test_a_storm_of_kills_loses_and_repeats_nothing(here: Stage) -> None:
    """R01: every run completes, and no finished step runs again."""
    report = killing.kill_storm(
        here, seed=7, runs=100, step=(0.01, 0.06), workers=3, every=0.8 * SECOND, storm=5 * SECOND, settled=25 * SECOND
    )
    assert not report.broken, report
    assert report.figures["kills"]


def test_a_killed_workers_run_starts_again_within_fifteen_seconds(here: Stage) -> None:
    """R02: with the default lease."""
    report = killing.dead_worker(here, samples=2, at_once=2)
    assert not report.broken, report


def test_a_dead_process_of_a_pool_is_replaced_and_the_others_are_not_touched(here: Stage) -> None:
    """R03: not one run of another process starts twice."""
    report = killing.one_of_a_pool(here, processes=3, threads=6, seconds=2.5)
    assert not report.broken, report


def test_a_run_that_kills_its_worker_is_stopped_after_three_starts(here: Stage) -> None:
    """R04: it is dead as a crash loop, and every run around it completes."""
    report = killing.poison_pills(
        here, pills=1, normals=60, seconds=0.2, processes=2, threads=4, limit=timedelta(seconds=40)
    )
    assert not report.broken, report


def test_long_runs_outlive_a_poison_pill_in_their_worker(here: Stage) -> None:
    """R04: three deaths of one worker are the fault of the run that died alone, not of all that were there."""
    report = killing.neighbours_of_poison(here, neighbours=3, seconds=1.5, limit=timedelta(seconds=60))
    assert not report.broken, report
