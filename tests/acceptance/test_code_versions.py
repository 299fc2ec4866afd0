"""Workers of different code versions share a queue: what one does not know waits for the other (F2)."""

from __future__ import annotations

from datetime import timedelta

from tests.actors.newcomer import newcomer
from tests.actors.older import oldtimer
from tests.chaos.stage import Stage
from tests.support.waiting import eventually


def test_a_run_of_an_unknown_actor_is_parked_and_runs_when_its_code_arrives(here: Stage) -> None:
    """Nothing is spent while it waits, and its queue goes on."""
    old = here.worker(modules=["tests.actors.older"])
    unknown = [newcomer.send(f"{number}") for number in range(3)]
    known = oldtimer.send("1")
    here.accept([*unknown, known])
    assert known.result(timedelta(seconds=10)) == "old 1"
    eventually(lambda: [handle.state() for handle in unknown] == ["parked"] * 3)
    assert oldtimer.send("2").result(timedelta(seconds=10)) == "old 2"
    here.worker(modules=["tests.actors.older", "tests.actors.newcomer"])
    assert [handle.result(timedelta(seconds=10)) for handle in unknown] == ["new 0", "new 1", "new 2"]
    for handle in unknown:
        shown = here.inspector.show(handle.id) or {}
        assert (shown["attempt"], shown["fence"], shown["errors"]) == (1, 1, [])
    assert old.alive
    assert here.findings(effect="effect").lost == []


def test_a_parked_run_is_left_to_a_worker_that_serves_its_queue(here: Stage) -> None:
    """A worker that knows the actor and not the queue neither runs it nor stumbles over it."""
    here.worker(modules=["tests.actors.older"])
    handle = newcomer.send("x")
    eventually(lambda: handle.state() == "parked")
    other = here.worker(modules=["tests.actors.cast", "tests.actors.newcomer"], queues="default")
    from tests.actors.plain import echo

    assert echo.send("still here").result(timedelta(seconds=10)) == "still here"
    assert handle.state() == "parked"
    assert other.alive
    here.worker(modules=["tests.actors.newcomer"])
    assert handle.result(timedelta(seconds=10)) == "new x"


def test_a_parked_run_can_be_cancelled(here: Stage) -> None:
    """It is not there when its code arrives."""
    here.worker(modules=["tests.actors.older"])
    handle = newcomer.send("x")
    eventually(lambda: handle.state() == "parked")
    assert handle.cancel() == "cancelled"
    here.worker(modules=["tests.actors.newcomer"])
    assert newcomer.send("y").result(timedelta(seconds=10)) == "new y"
    assert handle.state() == "cancelled"
