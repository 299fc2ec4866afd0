"""Reports of runs, batches and flows, from what is kept of them in Redis."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
import redis

from pipeline.blobs import Blobs
from pipeline.engine import keys
from pipeline.engine.records import Commit, NewRun
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.inspector import Inspector
from pipeline.reports import Reports

NS = "reports"
MESSAGE = orjson.dumps({"args": [{"lesson": "Zellen | <b>"}]})


class Place:
    """A store whose runs are worked on by hand."""

    def __init__(self, client: redis.Redis, folder) -> None:
        self.store = Store(client, NS)
        self.values = Values(Blobs(folder), inline_limit=100)
        self.reports = Reports(Inspector(self.store, self.values))

    def accept(self, *runs: NewRun) -> None:
        self.store.enqueue([replace(run, message=MESSAGE) for run in runs])

    def start(self, run_id: str) -> int:
        """Claim everything there is, and give one run's fence."""
        leases, _ = self.store.claim("w", f"c-{run_id}", {"q": 99}, {"a": 1, "b": 1}, want=99, lease_ms=60_000)
        return next(lease.fence for lease in leases if lease.run_id == run_id)

    def end(self, run_id: str, state: str, *, fence: int = 1, **error: object) -> None:
        told = orjson.dumps({"message": "", **error}) if error else b""
        commit = Commit(run_id, fence, state, result=b"1", reason=str(error.get("kind", "")), error=told)
        assert self.store.commit([commit]) == [1]

    def call(self, run_id: str, model: str, micros: int, **more: object) -> None:
        """Write down a call of a model."""
        told = {"model": model, "asked": "m1", "reason": "", "outcome": "ok", "tokens_in": 1000, "tokens_out": 100}
        told |= {"tokens_cached": 10, "micros": micros, "seconds": 0.5, "at_ms": 1} | more
        self.store.client.rpush(keys.calls(NS, run_id), orjson.dumps(told))


@pytest.fixture
def place(redis_client: redis.Redis, tmp_path) -> Place:
    return Place(redis_client, tmp_path)


def test_a_run_that_completed_tells_what_it_took(place: Place) -> None:
    """Models with their tokens and prices, gates with their scores, effects, items and steps."""
    place.accept(NewRun("r1", "a", "q", b""))
    fence = place.start("r1")
    running = place.reports.run("r1")
    assert (running.status, running.finished_ms) == ("running", None)
    place.call("r1", "m1", 1500, outcome="rate_limited", tokens_out=0)
    place.call("r1", "m2", 250, reason="m1 is down")
    place.call("r1", "m2", 250, reason="m1 is down")
    grade = {"draft": "draft#1", "model": "m2", "score": 0.4, "threshold": 0.75, "feedback": "x" * 200}
    grades = [grade, grade | {"draft": "draft#2", "score": 0.9, "accepted": True}]
    effect = {"state": "done", "key": "k", "call": 2, "at_ms": 1, "why": "y" * 200}
    for name, value in (("read", 1), ("gate:draft", grades), ("effect:mail", effect)):
        place.store.save_checkpoint("r1", fence, name, place.values.pack(orjson.dumps(value)))
    progress = {"stage": "s", "percent": 100, "message": "", "done": 4, "total": 5}
    place.store.report_progress("r1", fence, orjson.dumps(progress))
    place.end("r1", "completed")
    report = place.reports.find("r1")
    assert (report.status, report.kind, report.name, report.attempts) == ("success", "run", "a", 1)
    assert (report.items.done, report.items.total, report.items.failed) == (4, 5, 0)
    assert (report.calls, report.tokens_in, report.tokens_out, report.micros) == (3, 3000, 200, 2000)
    assert report.dollars == 0.002
    assert [(m.model, m.calls, m.failed, m.reasons) for m in report.models] == [
        ("m1", 1, 1, ()),
        ("m2", 2, 0, ("m1 is down",)),
    ]
    assert [(g.name, g.scores, g.accepted) for g in report.gates] == [("draft", (0.4, 0.9), True)]
    assert [(e.key, e.state, e.calls) for e in report.effects] == [("mail", "done", 2)]
    assert report.seconds is not None
    page = report.markdown()
    for told in ("# a: success", "$0.0020", "0.40, 0.90", "| mail | done | 2 |", "4 of 5 done"):
        assert told in page


def test_a_batch_is_partial_when_some_of_its_runs_failed(place: Place) -> None:
    """Each failure with its input, and whether it may be tried again; costs of all of them together."""
    place.accept(NewRun("batch", "a", "q", b""))
    place.start("batch")
    children = [NewRun(f"c{n}", "b", "q", b"", parent="batch") for n in range(4)]
    place.accept(*children)
    place.start("c0")
    for n in range(4):
        place.call(f"c{n}", "m1", 100)
    place.end("c0", "completed")
    place.end("c1", "dead", kind="transient", message="503")
    place.end("c2", "dead", kind="content", message="refused")
    place.end("c3", "cancelled")
    place.end("batch", "completed")
    report = place.reports.run("batch")
    assert report.status == "partial"
    assert (report.items.total, report.items.done, report.items.failed) == (4, 1, 3)
    assert report.micros == 400
    assert [(f.run, f.kind, f.retryable) for f in report.failures] == [
        ("c1", "transient", True),
        ("c2", "content", False),
        ("c3", "", False),
    ]
    assert report.failures[0].input == {"lesson": "Zellen | <b>"}
    assert len(report.runs) == 5
    assert "Zellen \\| &lt;b&gt;" in report.markdown()
    assert report.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize(
    ("second", "last", "status"),
    [("completed", "completed", "success"), ("dead", "completed", "partial"), ("completed", "dead", "failed")],
)
def test_a_flow_is_reported_as_a_whole(place: Place, second: str, last: str, status: str) -> None:
    """Success, partial or failed, as the flow itself ended; its nodes are its items."""
    nodes = [replace(NewRun(i, "a", "q", b"", node=f"n-{i}"), message=MESSAGE) for i in ("r1", "r2", "r3")]
    place.store.start_flow("f1", "study", nodes, "r3")
    place.start("r1")
    assert place.reports.find("f1").status == "running"
    place.end("r1", "completed")
    place.end("r2", second, **({"kind": "timeout"} if second == "dead" else {}))
    place.end("r3", last, **({"kind": "timeout"} if last == "dead" else {}))
    report = place.reports.find("f1")
    assert (report.status, report.kind, report.name) == (status, "flow", "study")
    assert report.items.total == 3
    assert report.items.failed == len(report.failures) == (status != "success")
    assert {member.node for member in report.runs} == {"n-r1", "n-r2", "n-r3"}
    assert place.reports.find("nobody") is None
