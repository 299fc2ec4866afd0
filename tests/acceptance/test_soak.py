"""Work leaves nothing behind (R31), and goes on as before while many look on (S12)."""

from __future__ import annotations

from tests.chaos import crowding, soaking
from tests.chaos.stage import Stage


def test_a_thousand_runs_leave_no_memory_key_descriptor_thread_or_process_behind(here: Stage) -> None:
    """Some fail once, some for good, some have children, and all fill a megabyte of memory and of a file."""
    report = soaking.soaked(here, runs=800, every=100, slope_mb=25, spare_mb=40, drift=None)
    assert not report.broken, report


def test_those_who_look_on_do_not_stop_the_work(here: Stage) -> None:
    """Clients listen and lists are read, and nothing reads all of what Redis holds."""
    report = crowding.watched(here, finished=500, clients=60, lists=10, seconds=3, loss=0.5, list_ms=2_000, slow_ms=500)
    assert not report.broken, report
