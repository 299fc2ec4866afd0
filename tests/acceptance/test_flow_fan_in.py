"""Flows: what is joined is joined once, what fails is told and does not take its neighbours along (F20, J12)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from pipeline import RunFailed
from pipeline.engine.records import Commit
from tests.actors.chained import Order, strict_tally, tally
from tests.chaos.stage import Stage
from tests.support.proxy import Command, Fault, Proxy
from tests.support.waiting import eventually

SOON = timedelta(seconds=20)


def test_a_failed_node_leaves_the_results_of_its_neighbours(crew: Stage) -> None:
    """The join gets what there is and why the rest is missing; the flow is partial."""
    flow = tally.send(Order(words=["a", "unmeasurable", "ccc"]))
    assert flow.result(SOON).lengths == [1, -1, 3]
    eventually(lambda: flow.state() == "partial")
    assert flow.runs["test.measure[0]"].result(SOON).length == 1
    states = {name: handle.state() for name, handle in flow.runs.items()}
    assert Counter(states.values()) == {"completed": 6, "dead": 1}


def test_what_needs_the_failed_is_cancelled_and_told_why(crew: Stage) -> None:
    """Down to the last node; what did not need it completes."""
    flow = strict_tally.send(Order(words=["a", "unreadable"]))
    with pytest.raises(RunFailed, match="input_failed") as failure:
        flow.result(SOON)
    assert failure.value.state == "cancelled"
    eventually(lambda: flow.state() == "failed", SOON)
    assert flow.runs["test.measure[1]"].state() == "cancelled"
    assert flow.runs["test.measure[0]"].state() == "completed"
    story = list(flow.events(timeout=SOON))
    assert [event.event for event in story][-1] == "failed"
    assert len([event for event in story if event.event == "node"]) == 5
    assert not crew.ledger.entries(what="started", run=flow.runs["test.add_all"].id)


def test_a_cancelled_node_cancels_what_needs_it_and_no_other(here: Stage) -> None:
    """Before any of it has run."""
    flow = tally.send(Order(words=["a", "bb"]))
    assert flow.runs["test.read_word[1]"].cancel() == "cancelled"
    assert flow.runs["test.measure[1]"].state() == "cancelled"
    here.worker()
    assert flow.result(SOON).lengths == [1, -1]
    assert flow.state() == "partial"


def test_a_cancelled_flow_runs_nothing_more(here: Stage) -> None:
    """All nodes end, and the flow with them."""
    flow = tally.send(Order(words=["a", "bb"]))
    flow.cancel()
    assert flow.state() == "failed"
    here.worker()
    other = tally.send(Order(words=["c"]))
    assert other.result(SOON).lengths == [1]
    assert not [e for handle in flow.runs.values() for e in here.ledger.entries(run=handle.id)]


def test_the_join_starts_once_whatever_is_committed_twice(here: Stage) -> None:
    """Every commit arrives twice, and once more from a worker that has lost its lease."""
    flow = tally.send(Order(words=["a", "bb"]))
    actors = list(here.broker.actors)
    begun: list[str] = []
    for round_ in range(20):
        known = dict.fromkeys(actors, 1)
        leases, _ = here.store.claim("w", f"c{round_}", {"default": 4}, known, want=4, lease_ms=60_000)
        if not leases:
            break
        begun += [lease.run_id for lease in leases]
        commits = [Commit(x.run_id, x.fence, "completed", result=b'{"text":"a","length":1}') for x in leases]
        assert here.store.commit(commits) == [1] * len(commits)
        assert here.store.commit(commits) == [0] * len(commits)
        stale = [Commit(x.run_id, x.fence - 1, "dead", reason="late") for x in leases]
        assert here.store.commit(stale) == [-1] * len(stale)
    assert Counter(begun) == Counter(handle.id for handle in flow.runs.values())
    assert flow.state() == "completed"
    assert [event.event for event in flow.events(timeout=SOON)].count("completed") == 1


def test_the_join_starts_once_though_every_commits_reply_is_lost(redis_url: str, here: Stage) -> None:
    """The worker commits again until it hears; each node has one end."""
    named, struck = here.digests(), Counter[str]()
    with Proxy(redis_url) as between:

        def lose(command: Command) -> Fault | None:
            script = named.get(command.words[1].decode(errors="replace"), "") if len(command.words) > 1 else ""
            if script not in {"commit", "claim"}:
                return None
            struck[script] += 1
            return Fault.LOSE_REPLY if struck[script] % 2 else None

        worker = here.worker(url=between.url, threads=2)
        between.on_command = lose
        flow = tally.send(Order(words=["a", "bb", "ccc"]))
        assert flow.result(timedelta(seconds=30)).lengths == [1, 2, 3]
        between.on_command = None
        assert worker.alive
    assert struck["commit"] >= 2
    eventually(lambda: flow.state() == "completed")
    for handle in flow.runs.values():
        assert here.events_of(handle.id).count("completed") == 1
    assert len(here.ledger.entries(what="effect")) == 1


def test_a_worker_killed_in_the_middle_of_a_flow_changes_nothing(here: Stage) -> None:
    """The rest of the flow goes on elsewhere, and the join starts once."""
    victim = here.worker(threads=2, lease=1)
    flow = tally.send(Order(words=["a", "." * 15, "." * 15, "ccc"]))
    eventually(lambda: here.ledger.count("step") >= 5, SOON)
    victim.kill()
    here.worker(threads=2, lease=1)
    assert flow.result(SOON).lengths == [1, 15, 15, 3]
    eventually(lambda: flow.state() == "completed")
    assert len(here.ledger.entries(what="effect")) == 1
    assert len([e for e in here.ledger.entries(what="step") if e.step == "take_in"]) == 4


def test_the_correlation_id_reaches_every_node(crew: Stage) -> None:
    """F24: in the record and in the log."""
    flow = tally.send(Order(words=["a"]), correlation_id="request-0815")
    flow.result(SOON)

    def lines(run_id: str) -> list[str]:
        return [line for line in crew.running.started[0].output.splitlines() if run_id in line]

    for handle in flow.runs.values():
        assert (crew.inspector.show(handle.id) or {})["correlation"] == "request-0815"
        eventually(lambda run_id=handle.id: lines(run_id))
        assert all("request-0815" in line for line in lines(handle.id))


def test_a_read_that_fails_before_a_node_starts_does_not_start_it_without_its_inputs(
    redis_url: str, here: Stage
) -> None:
    """The inputs are read before the actor is called: a lost answer there is waited for, at no cost."""
    with Proxy(redis_url) as between:
        lost: list[str] = []

        def lose(command: Command) -> Fault | None:
            if command.name == "HMGET" and len(lost) < 3:
                lost.append(command.name)
                return Fault.LOSE_REPLY
            return None

        between.on_command = lose
        here.worker(url=between.url)
        flow = tally.send(Order(words=["a", "bb"]))
        assert flow.result(timedelta(seconds=30)).lengths == [1, 2]
    assert len(lost) == 3
    assert all((here.inspector.show(handle.id) or {})["attempt"] == 1 for handle in flow.runs.values())
