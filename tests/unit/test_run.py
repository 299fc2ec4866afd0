"""What an actor may ask of its run."""

from __future__ import annotations

import time

import pytest
from pydantic import BaseModel

from pipeline import Cancelled, Interrupted, LeaseLost
from pipeline.reporting import REPORTS_PER_SECOND
from pipeline.run import Run
from pipeline.testing import MemoryJournal


class Point(BaseModel):
    """A typed result."""

    x: int
    y: float


def origin() -> Point:
    return Point(x=0, y=0.5)


def untyped(value):
    return value


def a_run(journal: MemoryJournal) -> Run:
    return Run(journal, run_id="r1", actor="a", queue="q")


def test_a_step_gives_its_type_back_from_json() -> None:
    """A remembered result has the type that the function declares."""
    journal = MemoryJournal()
    assert a_run(journal).step(origin) == Point(x=0, y=0.5)
    assert journal.steps == {"origin": b'{"x":0,"y":0.5}'}
    again = a_run(journal).step(origin)
    assert isinstance(again, Point)
    assert again == Point(x=0, y=0.5)


def test_a_step_without_a_return_type_remembers_plain_json() -> None:
    """A function that declares nothing gives lists, dicts and numbers."""
    journal = MemoryJournal()
    assert a_run(journal).step(untyped, {"a": [1, 2]}) == {"a": [1, 2]}
    assert a_run(journal).step(untyped, "other") == {"a": [1, 2]}


def test_a_name_is_used_once_a_run() -> None:
    """A second use would give the first one's result; it raises instead."""
    run = a_run(MemoryJournal())
    run.step(origin)
    with pytest.raises(ValueError, match="step 'origin' is used twice"):
        run.step(origin)
    with pytest.raises(ValueError, match="has no name"):
        run.step(lambda: 1)


@pytest.mark.parametrize(("flag", "raised"), [("stopping", Interrupted), ("cancelled", Cancelled), ("lost", LeaseLost)])
def test_a_run_stops_before_its_next_step(flag: str, raised: type[Exception]) -> None:
    """Nothing new is begun by a worker that stops, for a run that was cancelled, or under a lost lease."""
    journal = MemoryJournal(steps={"origin": b'{"x":1,"y":1}'})
    run = a_run(journal)
    setattr(journal, flag, True)
    assert run.step(origin).x == 1, "what is remembered is given all the same"
    with pytest.raises(raised):
        run.step(untyped, 1)
    assert "untyped" not in journal.steps


def test_reports_are_bounded_and_the_last_one_is_published() -> None:
    """A thousand reports become a few, and the last is never lost."""
    journal = MemoryJournal()
    run = a_run(journal)
    begun = time.monotonic()
    for done in range(1000):
        run.progress("counting", done / 10, done=done + 1, total=1000)
    run.flush()
    most = 2 + REPORTS_PER_SECOND * (time.monotonic() - begun)
    assert 2 <= len(journal.reports) <= most
    assert journal.reports[-1]["done"] == 1000


def test_a_percentage_outside_its_range_is_refused() -> None:
    """Percent is 0 to 100."""
    with pytest.raises(ValueError, match="percent is 0 to 100"):
        a_run(MemoryJournal()).progress("x", 101)
