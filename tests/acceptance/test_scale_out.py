"""More than one machine: Redis fails over (R13), and a worker's machine is cut off for a while."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.chaos.scale_failover import failover
from tests.chaos.scale_machines import cut_off
from tests.support.machines import require_namespaces

SECOND = timedelta(seconds=1)


def test_a_failover_loses_nothing_that_replicas_had_to_confirm(tmp_path: Path) -> None:
    """R13: the replicas are a second behind when the primary dies; the worker goes on by itself."""
    report = failover(
        tmp_path, rounds=1, replicas=2, durable=True, stall=SECOND, senders=2, workers=1, before=0.3 * SECOND
    )
    assert not report.broken, report


def test_a_machine_that_was_cut_off_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    """Three machines with addresses of their own; one is off the net for longer than its lease."""
    require_namespaces()
    report = cut_off(
        tmp_path,
        runs=12,
        workers=2,
        threads=2,
        seconds=0.3,
        lease=1,
        cuts=1,
        away=4 * SECOND,
        supervised=False,
    )
    assert not report.broken, report
