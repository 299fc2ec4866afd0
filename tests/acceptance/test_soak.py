"""Work leaves nothing behind (R31; the long form has 50,000 runs)."""

from __future__ import annotations

from tests.chaos import soaking
from tests.chaos.stage import Stage


def test_a_thousand_runs_leave_no_memory_key_descriptor_thread_or_process_behind(here: Stage) -> None:
    """Some fail once, some for good, some have children, and all fill a megabyte of memory and of a file."""
    report = soaking.soaked(here, runs=800, every=100, slope_mb=25, spare_mb=40, drift=None)
    assert not report.broken, report
