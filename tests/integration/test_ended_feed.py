"""The feed of ended runs: each end is in it once, whatever ended the run and however often the call was repeated."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import redis

from pipeline.blobs import Blobs
from pipeline.ended import BEGINNING, EndedRun, ModelUse
from pipeline.engine import keys
from pipeline.engine.ended_feed import EndedFeed
from pipeline.engine.records import Commit, NewRun
from pipeline.engine.reviews import ReviewQueue
from pipeline.engine.values import Values
from tests.support.gated import LEASE_MS, NS, Fleet
from tests.support.waiting import eventually


@pytest.fixture
def fleet(redis_client: redis.Redis) -> Fleet:
    """A fleet of workers on an empty Redis."""
    return Fleet(redis_client)


def told(fleet: Fleet) -> list[EndedRun]:
    """Everything that is in the feed, read in small portions."""
    feed = EndedFeed(fleet.store, entries=2)
    runs: list[EndedRun] = []
    position, more = BEGINNING, True
    while more:
        position, portion, more = feed.after(position)
        runs += portion
    assert feed.state().waiting == len(runs)
    return runs


def now_ms(fleet: Fleet) -> int:
    return EndedFeed(fleet.store).state().now_ms


def ends(fleet: Fleet) -> list[tuple[str, str, str]]:
    return [(run.id, run.state, run.reason) for run in told(fleet)]


def test_what_commits_end_is_told_once(fleet: Fleet) -> None:
    """Completed, dead and cancelled, several in one call, and the same call again after a lost reply."""
    runs = fleet.send(4, group="acme")
    fleet.start(4)
    fleet.store.cancel_run(runs[3])
    commits = [
        Commit(runs[0], 1, "completed", result=b"1"),
        Commit(runs[1], 1, "dead", reason="attempts_exhausted: transient"),
        Commit(runs[2], 1, "retrying", delay_ms=60_000, reason="transient"),
        Commit(runs[3], 1, "completed", result=b"1"),
    ]
    assert fleet.store.commit(commits) == [1, 1, 1, 2]
    assert fleet.store.commit(commits) == [0, 0, 0, 0]

    assert ends(fleet) == [
        (runs[0], "completed", ""),
        (runs[1], "dead", "attempts_exhausted: transient"),
        (runs[3], "cancelled", "asked"),
    ]
    first = told(fleet)[0]
    assert (first.actor, first.queue, first.group, first.attempts) == ("a", "q", "acme", 1)


def test_what_is_cancelled_before_it_runs_is_told_once(fleet: Fleet) -> None:
    """Queued, delayed and waiting; nobody started it."""
    queued, delayed = fleet.send(1)[0], fleet.send(1, delay_ms=60_000)[0]
    waiting = fleet.send(1, needs=1)[0]
    for run in (queued, delayed, waiting):
        assert fleet.store.cancel_run(run) == "cancelled"
        assert fleet.store.cancel_run(run) == "cancelled"

    assert ends(fleet) == [(run, "cancelled", "asked") for run in (queued, delayed, waiting)]
    assert [run.started_ms for run in told(fleet)] == [None, None, None]


def test_what_the_sweep_ends_is_told_once(fleet: Fleet) -> None:
    """A crash loop, and a run that was to stop when its worker died."""
    looping, stopped = fleet.send(2)
    for start in range(3):
        assert set(fleet.start(2)) == ({looping, stopped} if start == 0 else {looping})
        if start == 0:
            fleet.store.cancel_run(stopped)
            began = fleet.started_ms(looping)
        fleet.die(looping, *([stopped] if start == 0 else []))

    assert sorted(ends(fleet)) == sorted([(looping, "dead", "crash_loop"), (stopped, "cancelled", "asked")])
    assert next(run for run in told(fleet) if run.id == looping).started_ms == began


def test_what_a_claim_ends_is_told_once(fleet: Fleet) -> None:
    """Too late to start; and the child of a run that was cancelled."""
    late = fleet.send(1, deadline_ms=1)[0]
    parent = fleet.send(1)[0]
    child = fleet.send(1, parent=parent, feeds=f"{parent}:0")[0]
    fleet.store.cancel_run(parent)
    assert fleet.start(3) == []

    assert sorted(ends(fleet)) == sorted(
        [(late, "dead", "deadline"), (parent, "cancelled", "asked"), (child, "cancelled", "parent_cancelled")]
    )


def test_what_waits_for_the_impossible_is_told_once(fleet: Fleet) -> None:
    """A flow of four of which the first is dead: the others are cancelled with it, down the line."""
    names = ["one", "two", "three", "four"]
    ids = [f"f{n}" for n in range(4)]
    nodes = [
        NewRun(
            id=run,
            actor="a",
            queue="q",
            message=b"{}",
            node=name,
            needs=int(n > 0),
            feeds=f"{ids[n + 1]}:1" if n < 3 else "",
        )
        for n, (run, name) in enumerate(zip(ids, names, strict=True))
    ]
    fleet.store.start_flow("flow", "all", nodes, last="f3")
    fleet.start(1)
    fleet.end("f0", state="dead")

    found = ends(fleet)
    assert sorted((run, state) for run, state, _ in found) == [("f0", "dead")] + [(i, "cancelled") for i in ids[1:]]
    assert {reason for _, state, reason in found if state == "cancelled"} == {
        f"input_failed: {name}" for name in names[:3]
    }


def test_a_rejected_review_is_told_once(fleet: Fleet, tmp_path: Path) -> None:
    """A person's no is an end; the same answer again is none."""
    run = fleet.send(1)[0]
    fleet.start(1)
    assert fleet.store.commit([Commit(run, 1, "review", reason="review", notes=b'{"review":"{}"}')]) == [1]
    assert ends(fleet) == []
    queue = ReviewQueue(fleet.store, Values(Blobs(tmp_path)))
    asked = queue.find(run)
    assert asked is not None
    for code in (1, 0):
        assert queue.reject(asked, "ticket", why="no good", told={"verdict": "reject"}) == code

    assert ends(fleet) == [(run, "dead", "rejected: no good")]


def test_a_run_that_is_retried_by_hand_ends_again(fleet: Fleet) -> None:
    """Each of its lives has a wait and a duration of its own."""
    run = fleet.send(1)[0]
    fleet.start(1)
    fleet.end(run, state="retrying")
    fleet.starts(1)
    fleet.end(run, state="dead")
    died = told(fleet)[0].ended_ms
    eventually(lambda: now_ms(fleet) > died)
    assert fleet.store.retry_run(run) == 1
    fleet.start(1)
    fleet.end(run)

    first, second = told(fleet)
    assert (first.state, second.state) == ("dead", "completed")
    assert second.since_ms > first.ended_ms
    assert second.started_ms is not None
    assert second.started_ms >= second.since_ms


def test_wait_and_duration_are_of_the_first_start(fleet: Fleet) -> None:
    """From when it was due to its first start, and from there to its end, through retries and dead workers."""
    run = fleet.send(1, delay_ms=50)[0]
    due = int(fleet.client.hget(keys.run(NS, run), "due_ms"))
    fleet.starts(1)
    began = fleet.started_ms(run)
    fleet.end(run, state="retrying", delay_ms=30)
    fleet.starts(1)
    fleet.die(run)
    fleet.starts(1)
    fleet.end(run)

    found = told(fleet)[0]
    assert (found.since_ms, found.started_ms) == (due, began)
    assert found.ended_ms >= began + 30
    assert fleet.started_ms(run) > began


def test_the_wait_of_a_delayed_run_begins_when_it_is_due(fleet: Fleet) -> None:
    """And not when it was sent."""
    run = fleet.send(1, delay_ms=50)[0]
    due = int(fleet.client.hget(keys.run(NS, run), "due_ms"))
    fleet.starts(1)
    fleet.end(run)

    assert [ended.since_ms for ended in told(fleet)] == [due]


def test_a_run_that_waited_for_children_keeps_its_start(fleet: Fleet) -> None:
    """What it did after its children counts to the same duration as what it did before."""
    parent = fleet.send(1)[0]
    fleet.start(1)
    began = fleet.started_ms(parent)
    assert fleet.store.expect_children(parent, 1, "pages", 1) == 1
    child = fleet.send(1, parent=parent, feeds=f"{parent}:0")[0]
    assert fleet.store.commit([Commit(parent, 1, "waiting", reason="children", spends=False)]) == [1]
    assert fleet.start(1) == [child]
    eventually(lambda: now_ms(fleet) > began)
    fleet.end(child)
    assert fleet.start(1) == [parent]
    fleet.end(parent)

    of_child, of_parent = told(fleet)
    assert (of_child.id, of_parent.id) == (child, parent)
    assert of_parent.started_ms == began


def test_what_calls_took_is_told_with_the_end_and_once(fleet: Fleet) -> None:
    """By model, the one asked last at the end; a second life tells only of its own calls."""
    run = fleet.send(1)[0]
    fleet.start(1)
    fleet.call(run, "fail", model="large", tokens=100, micros=3_000_000_000)
    fleet.call(run, model="small", tokens=7, micros=5)
    fleet.call(run, model="large", tokens=20, micros=1)
    fleet.call(run, model="small", tokens=1, micros=2)
    fleet.end(run, state="dead")
    fleet.store.retry_run(run)
    fleet.start(1)
    fleet.call(run, model="large", tokens=3, micros=4)
    fleet.end(run)

    first, second = told(fleet)
    assert first.uses == (ModelUse("large", 2, 120, 0, 3_000_000_001), ModelUse("small", 2, 8, 0, 7))
    assert second.uses == (ModelUse("large", 1, 3, 0, 4),)


def test_a_call_that_outlives_its_run_is_told_at_once(fleet: Fleet) -> None:
    """What was paid is paid, also where its run was taken from its worker and ended, or is gone."""
    ended, gone = fleet.send(2, group="acme")
    fleet.start(2)
    calls = {run: fleet.asking(run, group="acme") for run in (ended, gone)}
    held = {run: fleet.reserve(call) for run, call in calls.items()}
    fleet.end(ended, gone, state="dead")
    fleet.store.discard_run(gone)
    for run in (ended, gone):
        fleet.settle(calls[run], tokens=9, micros=11, reserved=held[run])  # type: ignore[arg-type] # not refused

    late = [run for run in told(fleet) if not run.state]
    assert [run.id for run in late] == [ended, gone]
    assert {run.uses for run in late} == {(ModelUse("m", 1, 9, 0, 11),)}
    assert [run.group for run in late] == ["acme", ""]


def test_what_was_read_is_forgotten_and_nothing_else(fleet: Fleet) -> None:
    """Up to a position, once or twice; what ended since stays, and a feed has one name."""
    feed = EndedFeed(fleet.store)
    name = feed.state().name
    first, second = fleet.send(2)
    fleet.start(2)
    fleet.end(first)
    position = feed.after(BEGINNING).position
    fleet.end(second)
    feed.forget(position)
    feed.forget(position)

    assert [run.id for run in feed.after(BEGINNING).runs] == [second]
    assert [run.id for run in feed.after(position).runs] == [second]
    assert (feed.state().waiting, feed.state().name) == (1, name)


def test_a_feed_behind_its_own_position_goes_on_after_it(fleet: Fleet) -> None:
    """A Redis that was put back from a copy has told of less than was read: what is new must not count as read."""
    feed = EndedFeed(fleet.store)
    runs = fleet.send(2)
    fleet.start(2)
    fleet.end(runs[0])
    feed.forget(feed.after(BEGINNING).position)
    ahead = f"{int(time.time() * 1000) + 3_600_000}-0"
    feed.forget(ahead)
    fleet.end(runs[1])

    assert [run.id for run in feed.after(ahead).runs] == [runs[1]]


def test_a_feed_that_nobody_reads_is_cut_and_says_so(fleet: Fleet) -> None:
    """The oldest go first; how many, and from when to when, is known as long as the feed."""
    feed = EndedFeed(fleet.store)
    runs = fleet.send(60)
    fleet.start(60)
    for at in range(0, 60, 3):
        fleet.end(*runs[at : at + 3])
    every = told(fleet)
    assert fleet.store.sweep("s", lease_ms=LEASE_MS, feed_limit=60)[5] == 0
    assert fleet.store.sweep("s", lease_ms=LEASE_MS, feed_limit=10)[5] == 51
    assert fleet.store.sweep("s", lease_ms=LEASE_MS, feed_limit=10)[5] == 0

    assert told(fleet) == every[51:]
    state = feed.state()
    assert (state.cut, state.waiting) == (51, 9)
    assert state.cut_from_ms == every[0].ended_ms
    assert state.cut_until_ms == every[50].ended_ms


def test_a_thousand_entries_are_forgotten_in_bounded_calls(fleet: Fleet) -> None:
    """More than one call forgets are forgotten by several."""
    feed = EndedFeed(fleet.store)
    runs = fleet.send(1100)
    fleet.start(600)
    fleet.start(500)
    for run in runs:
        fleet.end(run)
    entries = EndedFeed(fleet.store, entries=5000).after(BEGINNING)
    assert len(entries.runs) == 1100
    feed.forget(entries.position)

    assert feed.state().waiting == 0
    assert fleet.client.xlen(f"{{{NS}}}:ended") == 0
