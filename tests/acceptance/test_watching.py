"""A run is watched and stopped from another process: progress, events, cancelling (F7, F8, F19)."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from pipeline import RunFailed
from tests.actors.plain import Nap, nap, spin
from tests.actors.stepped import Laps, Report, Walk, laps, reporter
from tests.chaos.stage import Stage
from tests.support.waiting import eventually

SOON = timedelta(seconds=15)


def test_at_most_ten_reports_a_second_are_published_and_the_last_one_always(crew: Stage) -> None:
    """F7: of a thousand reports in a second and a half."""
    handle = reporter.send(Report(count=1000, pause_s=0.001))
    reports = [event for event in handle.events(timeout=SOON) if event.event == "progress"]
    assert reports[-1].data["message"] == "1000"
    assert reports[-1].data["percent"] == 100
    seconds = (reports[-1].at_ms - reports[0].at_ms) / 1000
    assert 2 <= len(reports) <= seconds * 10 + 2
    assert (crew.inspector.show(handle.id) or {})["progress"] == reports[-1].data


def test_events_are_replayed_from_any_of_them(crew: Stage) -> None:
    """F8: the rest of the story, nothing twice, nothing left out."""
    handle = laps.send(Laps(count=3, walk=Walk(seconds=0.12)))
    story = list(handle.events(timeout=SOON))
    assert [story[0].event, story[1].event, story[-1].event] == ["queued", "started", "completed"]
    assert len({event.id for event in story}) == len(story)
    for at, event in enumerate(story[:-1]):
        assert list(handle.events(after=event.id, timeout=SOON)) == story[at + 1 :]


def test_items_are_reported_as_done_of_total(crew: Stage) -> None:
    """F7: by ``each``."""
    handle = laps.send(Laps(count=4, walk=Walk(seconds=0.12)))
    done = [event.data["done"] for event in handle.events(timeout=SOON) if event.event == "progress"]
    assert done == [1, 2, 3, 4]


def test_a_queued_run_is_cancelled_at_once(crew: Stage) -> None:
    """F19: it never starts."""
    blockers = nap.send_many([Nap(seconds=0.6)] * 4)
    handle = nap.send(Nap())
    assert handle.cancel() == "cancelled"
    for blocker in blockers:
        blocker.result(SOON)
    with pytest.raises(RunFailed) as failure:
        handle.result(SOON)
    assert failure.value.state == "cancelled"
    assert not crew.ledger.entries(what="started", run=handle.id)


def test_a_running_run_is_cancelled_at_its_next_step_within_two_seconds(crew: Stage) -> None:
    """F19: and does nothing after it."""
    handle = laps.send(Laps(count=200, walk=Walk(seconds=0.1)))
    eventually(lambda: len(crew.ledger.entries(what="step", run=handle.id)) >= 3, SOON)
    assert handle.cancel() == "asked"
    asked = time.time()
    eventually(lambda: handle.state() == "cancelled", timedelta(seconds=5))
    assert time.time() - asked <= 2
    done = len(crew.ledger.entries(what="step", run=handle.id))
    assert crew.ledger.entries(what="step", run=handle.id)[-1].at - asked <= 2
    assert crew.events_of(handle.id)[-1] == "cancelled"
    assert nap.send(Nap(tag="next")).result(SOON) == "next"
    assert len(crew.ledger.entries(what="step", run=handle.id)) == done


def test_a_run_that_looks_up_in_the_middle_of_a_step_hears_of_it_within_two_seconds(crew: Stage) -> None:
    """F19: with the renewal of its lease."""
    handle = spin.send(20)
    eventually(lambda: crew.ledger.entries(what="started", run=handle.id), SOON)
    assert handle.cancel() == "asked"
    asked = time.time()
    eventually(lambda: handle.state() == "cancelled", timedelta(seconds=5))
    [heeded] = crew.ledger.entries(what="heeded", run=handle.id)
    assert heeded.at - asked <= 2


def test_a_cancelled_run_of_a_killed_worker_does_not_start_again(here: Stage) -> None:
    """F19: the sweep cancels it."""
    worker = here.worker(lease=1)
    handle = nap.send(Nap(seconds=60))
    eventually(lambda: here.ledger.count("started") == 1)
    assert handle.cancel() == "asked"
    worker.kill()
    here.worker(lease=1)
    eventually(lambda: handle.state() == "cancelled", SOON)
    assert here.ledger.count("started") == 1
