"""Memory runs out, of a document's reader or of Redis, and no run is lost by it (R05, R07, R15)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.chaos import pressure
from tests.chaos.stage import Stage

SECOND = timedelta(seconds=1)


def test_a_document_that_takes_too_much_memory_ends_its_reader_only(here: Stage) -> None:
    """It is permanent after one start, and the worker has hardly grown."""
    report = pressure.hungry_document(here, documents=4, megabytes=60, growth_mb=20)
    assert not report.broken, report


@pytest.mark.parametrize(
    ("how", "point"), [("out of memory", "at a step's result"), ("a replica", "at a success's commit")]
)
def test_while_redis_refuses_to_write_nothing_is_lost(here: Stage, how: str, point: str) -> None:
    """The runs go on when it writes again, as if it always had."""
    report = pressure.refused(here, how=how, point=point, runs=6, length=2 * SECOND, settled=15 * SECOND)
    assert not report.broken, report


def test_a_redis_that_is_nearly_full_accepts_nothing_new_and_finishes_what_it_has(here: Stage) -> None:
    """The senders are told so by name, at four fifths of its memory."""
    report = pressure.nearly_full(here, megabytes=24, producers=2, off=0.06, drained=30 * SECOND)
    assert not report.broken, report
