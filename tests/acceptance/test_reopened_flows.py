"""A dead node that is tried again takes everything along that was made without it, and nothing else (F17, F20)."""

from __future__ import annotations

from datetime import timedelta

from pipeline import FlowHandle
from tests.actors.chained import Order, Tally, strict_tally, tally
from tests.chaos.stage import Stage
from tests.support.waiting import eventually

SOON = timedelta(seconds=20)


def test_a_retried_node_is_waited_for_by_what_tolerated_its_failure(here: Stage) -> None:
    """The join had made do without it; it is joined anew, and the nodes that had completed are not run again."""
    here.worker()
    flow = tally.send(Order(words=["a", "unready", "ccc"]))
    assert flow.result(SOON).lengths == [1, -1, 3]
    eventually(lambda: flow.state() == "partial")
    _mend(here, flow, "test.measure[1]")
    assert flow.result(SOON).lengths == [1, 7, 3]
    eventually(lambda: flow.state() == "completed")
    starts = {name: len(here.ledger.entries(what="started", run=run.id)) for name, run in flow.runs.items()}
    assert {name: count for name, count in starts.items() if count != 1} == {"test.measure[1]": 2, "test.add_up": 2}


def test_a_retried_node_brings_back_what_was_cancelled_for_want_of_it(here: Stage) -> None:
    """Down to the last node."""
    here.worker()
    flow = strict_tally.send(Order(words=["a", "unready"]))
    eventually(lambda: flow.state() == "failed", SOON)
    assert flow.runs["test.add_all"].state() == "cancelled"
    _mend(here, flow, "test.measure[1]")
    assert flow.result(SOON).lengths == [1, 7]
    eventually(lambda: flow.state() == "completed")


def test_a_node_is_retried_while_the_rest_of_its_flow_still_runs(here: Stage) -> None:
    """What waits for it goes on waiting, and is run once."""
    here.worker(threads=1)
    flow = tally.send(Order(words=["unready", "." * 15]))
    eventually(lambda: flow.runs["test.measure[0]"].state() == "dead", SOON)
    _mend(here, flow, "test.measure[0]")
    assert flow.result(SOON).lengths == [7, 15]
    eventually(lambda: flow.state() == "completed")
    assert len(here.ledger.entries(what="started", run=flow.runs["test.add_up"].id)) == 1


def test_what_has_not_ended_is_not_reopened(here: Stage) -> None:
    """Neither a node that waits nor one that completed is dead."""
    flow = tally.send(Order(words=["a"]))
    assert here.inspector.retry(flow.runs["test.add_up"].id) == 0
    assert here.inspector.retry("nobody") == -1


def _mend(here: Stage, flow: FlowHandle[Tally], node: str) -> None:
    here.ledger.record("mended", flow.runs[node].id)
    assert here.inspector.retry(flow.runs[node].id) == 1
