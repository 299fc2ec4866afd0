"""One id and one trace through everything that a send sets off, in the log and at a collector, with real processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.scheduler import Scheduler
from pipeline.schedule import every
from pipeline.testing import StillClock
from pipeline.tracing import carried
from pipeline.webhooks.intake import Intake
from pipeline.webhooks.signatures import Envelope, StandardWebhooks
from pipeline.webhooks.sources import Arrival, Source
from tests.acceptance.conftest import CANARY
from tests.actors import traced
from tests.actors.telling import correlated
from tests.actors.traced import Leaf, Tree, Ways
from tests.chaos.stage import Stage, stage
from tests.support.apart import apart
from tests.support.clockwork import instant
from tests.support.collector import Collector, Seen, collecting
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.schedules import no_schedules
from tests.support.waiting import eventually

SOON = timedelta(seconds=30)
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@dataclass
class Traced:
    """A worker whose spans are collected."""

    here: Stage
    worker: Process
    collector: Collector

    def lines(self, **fields: Any) -> list[dict[str, Any]]:
        """Give the log lines that have these fields; every line is an object."""
        found = [json.loads(line) for line in self.worker.output.splitlines()]
        return [line for line in found if fields.items() <= line.items()]

    def lines_soon(self, count: int, **fields: Any) -> list[dict[str, Any]]:
        """Wait for so many of them."""
        eventually(lambda: len(self.lines(**fields)) >= count, SOON)
        return self.lines(**fields)

    def spans(self, count: int, name: str, trace: str) -> list[Seen]:
        """Wait for so many spans of a name in a trace."""
        found = lambda: [s for s in self.collector.named(name) if s.trace_id == trace]  # noqa: E731 - asked twice
        eventually(lambda: len(found()) >= count, SOON)
        return found()


@pytest.fixture(scope="module")
def told(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """One worker and one collector, for all that is asked here."""
    if not redis_server.running:
        redis_server.start()
    folder: Path = tmp_path_factory.mktemp("traced")
    with collecting() as collector, stage(redis_server.url, folder, "traced") as here:
        worker = here.worker(
            threads=4,
            modules=("tests.actors.cast", traced.__name__),
            env={
                "CANARY_API_KEY": CANARY,
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                "OTEL_BSP_SCHEDULE_DELAY": "100",
                "OTEL_SERVICE_NAME": "forestry",
                "DRAMATURG_LOG_LEVEL": "debug",
            },
        )
        yield Traced(here, worker, collector)


def test_the_senders_id_and_trace_are_in_every_line_of_every_child(told: Traced) -> None:
    """Of the run itself, of what it sends and gathers, of its steps, and in what a library says meanwhile."""
    with carried(PARENT, correlation_id="order-17"):
        handle = traced.tree.send(Tree())
    assert handle.result(SOON)["traceparent"].split("-")[1] == TRACE
    reached = told.lines_soon(3, event="leaf_reached", correlation_id="order-17")
    assert {line["way"] for line in reached} == {"sent", "gathered-0", "gathered-1"}
    eventually(lambda: len(told.lines(correlation_id="order-17", event="attempt_ended")) >= 5, SOON)
    mine = told.lines(correlation_id="order-17")
    assert {line["trace_id"] for line in mine} == {TRACE}
    assert {line["logger"] for line in mine} >= {"test.leaf", "some.library", "middleware.telemetry"}
    for run_id in {line["run_id"] for line in mine}:
        assert {line.get("correlation_id") for line in told.lines(run_id=run_id)} == {"order-17"}
    (stepped,) = [line for line in mine if line["event"] == "seen in a step"]
    assert (stepped["step"], stepped["attempt"], stepped["actor"]) == ("look", 1, "test.tree")
    ended = next(line for line in mine if line["event"] == "attempt_ended" and line["actor"] == "test.leaf")
    wanted = {"timestamp", "level", "service.name", "service.version", "host.name", "process.pid", "worker_id"}
    assert wanted | {"queue", "duration_s", "span_id", "trace_flags"} <= set(ended)
    assert ended["service.name"] == "forestry"
    assert ended["process.pid"] == told.worker.pid
    assert ended["timestamp"].endswith("Z")


def test_every_attempt_step_and_effect_is_a_span_at_the_collector(told: Traced) -> None:
    """In one trace, each under what caused it; a retry is linked to the start before it, what is gathered to both."""
    trace = "1" * 31 + "a"
    with carried(f"00-{trace}-b7ad6b7169203331-01", correlation_id="order-18"):
        handle = traced.tree.send(Tree(fails=1))
    handle.result(SOON)
    attempts = sorted(told.spans(3, "process test.tree", trace), key=lambda s: s.attributes["dramaturg.start"])
    assert told.collector.paths[0] == "/v1/traces"
    assert [span.attributes["dramaturg.state"] for span in attempts] == ["retrying", "waiting", "completed"]
    assert [span.parent for span in attempts] == ["b7ad6b7169203331"] * 3
    assert [span.kind for span in attempts] == [5, 5, 5]
    assert attempts[0].attributes["messaging.message.id"] == handle.id
    assert attempts[0].attributes["messaging.message.conversation_id"] == "order-18"
    assert attempts[0].failed == "not yet, says ***"
    ((name, event),) = attempts[0].events
    assert (name, event["exception.type"]) == ("exception", "Transient")
    assert "Traceback" in event["exception.stacktrace"]
    assert [span.failed for span in attempts[1:]] == ["", ""]
    for before, after in pairwise(attempts):
        assert (trace, before.span_id, "previous start") in after.links
    leaves = {span.span_id: span for span in told.spans(3, "process test.leaf", trace)}
    children = {span_id for _, span_id, why in attempts[2].links if why == "child"}
    assert len(children) == 2
    assert children < set(leaves)
    by_id = {span.span_id: span for span in told.collector.spans}
    (look,) = told.spans(1, "step look", trace)
    (effect,) = told.spans(1, "effect call_out", trace)
    (sent,) = told.spans(1, "send test.leaf", trace)
    assert look.parent == attempts[0].span_id
    assert (effect.parent, effect.kind, effect.attributes["dramaturg.effect.key"]) == (attempts[1].span_id, 3, "call")
    assert by_id[sent.parent].name == "step send_on"
    assert [leaves[i].parent for i in leaves if i not in children] == [sent.span_id]
    assert look.resource["service.name"] == "forestry"
    assert look.resource["process.pid"] == told.worker.pid
    assert CANARY.encode() not in b"".join(told.collector.raw)


def test_a_flow_is_one_trace_and_its_nodes_are_linked_to_what_they_take(told: Traced) -> None:
    """Nobody gave it a trace or an id: its own are in all of its nodes."""
    handle = traced.forest.send(Ways(ways=["a", "b"]))
    assert handle.result(SOON) == 2
    reached = told.lines_soon(3, event="leaf_reached", correlation_id=handle.id)
    (trace,) = {line["trace_id"] for line in reached}
    assert trace.endswith(handle.id)
    firsts = told.spans(2, "process test.first_node", trace)
    (last,) = told.spans(1, "process test.last_node", trace)
    assert {link[1] for link in last.links} == {span.span_id for span in firsts}
    assert {link[2] for link in last.links} == {"input"}


def test_a_tick_has_an_id_and_a_trace_of_its_own(told: Traced) -> None:
    """The id says which schedule, and which tick."""
    with no_schedules():
        schedule = every("0 3 * * *", traced.leaf, Leaf(way="ticked"), name="nightly")
        clock = StillClock(instant("2030-01-01T02:59:59Z"))
        scheduler = Scheduler(told.here.broker, [schedule], clock=clock.now)
        scheduler.step()
        clock.forward(timedelta(seconds=2))
        scheduler.step()
    (line,) = told.lines_soon(1, event="leaf_reached", way="ticked")
    assert line["correlation_id"] == "nightly@2030-01-01T03:00:00Z"
    assert line["trace_id"].endswith(line["run_id"])


def test_the_number_and_the_trace_of_a_request_come_with_its_webhook(told: Traced) -> None:
    """From the headers of the request to the lines of the run; without them the id of the event stands in."""
    source = Source(
        name="orders",
        scheme=StandardWebhooks("whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3"),
        read=lambda envelope, body: [Arrival(envelope.headers["webhook-id"], {"way": body.decode()})],
        to=traced.leaf,
    )
    headers = {"webhook-id": "e1", "x-request-id": "req-7f", "traceparent": f"00-{'c' * 32}-{'d' * 16}-01"}

    async def arrive() -> None:
        intake = Intake()
        await intake.take(source, Envelope(headers), b"numbered")
        await intake.take(source, Envelope({"webhook-id": "e2", "x-request-id": "a b\n"}), b"bare")

    apart(arrive())
    (numbered,) = told.lines_soon(1, event="leaf_reached", way="numbered")
    assert (numbered["correlation_id"], numbered["trace_id"]) == ("req-7f", "c" * 32)
    (bare,) = told.lines_soon(1, event="leaf_reached", way="bare")
    assert bare["correlation_id"].endswith("e2")


def test_what_libraries_threads_and_loops_say_has_the_same_shape(told: Traced) -> None:
    """Every line that the worker wrote is one object with the same head, and none holds the secret."""
    traced.unruly.send(correlation_id="unruly-1").result(SOON)
    (warned,) = told.lines_soon(1, logger="py.warnings")
    assert "soon gone" in warned["event"]
    (fallen,) = told.lines_soon(1, event="uncaught_exception")
    assert (fallen["thread"], fallen["error.type"]) == ("falling", "RuntimeError")
    assert "fell in a thread with ***" in fallen["error.stack_trace"]
    (lost,) = told.lines_soon(1, logger="asyncio", level="error")
    assert lost["error.message"] == "gone"
    assert told.lines(logger="sqlalchemy.engine.Engine")
    assert told.lines(event="attempt_started", correlation_id="unruly-1")
    head = {"timestamp", "level", "event", "logger", "service.name", "host.name", "process.pid"}
    assert all(head <= set(line) for line in told.lines())
    assert all(datetime.fromisoformat(line["timestamp"]).tzinfo == UTC for line in told.lines())
    assert CANARY not in told.worker.output


def test_a_plain_run_has_a_trace_and_what_is_left_is_handed_over_at_the_end(told: Traced) -> None:
    """Its trace id is made of its own; a worker that is told to stop leaves no span behind."""
    handle = correlated.send()
    handle.result(SOON)
    told.worker.terminate()
    assert told.worker.wait() == 0
    (line,) = told.lines(event="correlated_actor", run_id=handle.id)
    assert line["trace_id"] == handle.id.rjust(32, "0")
    (span,) = [s for s in told.collector.named("process test.correlated") if s.trace_id == line["trace_id"]]
    assert (span.parent, span.span_id) == ("", line["span_id"])
    assert not [line for line in told.lines() if line["event"] == "spans_left"]
