"""Trace context as it is read, made and carried, and spans as they are exported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from pipeline import Permanent, Snooze, ids, redaction
from pipeline.redaction import hide
from pipeline.tracing import carried, export, headers
from pipeline.tracing.context import (
    TraceContext,
    carry,
    current,
    current_correlation,
    of_request,
    of_start,
    parse,
    place_of,
)
from pipeline.tracing.spans import attempt, gathered, sends_are_seen, span

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Spans that are collected here."""
    monkeypatch.setattr(redaction, "_secrets", ())
    monkeypatch.setattr(redaction, "_secrets_in_json", ())
    exporter = InMemorySpanExporter()
    assert export.start({"OTEL_SERVICE_NAME": "unit"}, worker_id="w1", exporter=exporter)
    yield exporter
    export.stop()


@pytest.mark.parametrize(
    "bad",
    ["", "00", 7, None, f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
     f"00-{TRACE.upper()}-{SPAN}-01", f"{PARENT}-more", f"{PARENT}\n", f"00-{TRACE}-{SPAN}", "x" * 5_000],
)  # fmt: skip
def test_what_is_no_trace_context_is_none(bad: object) -> None:
    """A header that is malformed, of zeros, or of no version that may be, begins nothing and breaks nothing."""
    assert parse(bad) is None


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    """As the specification has it; a state that is no header is left out."""
    assert parse(f"01-{TRACE}-{SPAN}-01-more", "a=1,b=2") == TraceContext(TRACE, SPAN, "01", "a=1,b=2")
    assert parse(PARENT, "a=1\nb") == TraceContext(TRACE, SPAN, "01")
    assert parse(PARENT).header == PARENT  # type: ignore[union-attr]


@given(st.text(max_size=40), st.integers(1, 10_000))
def test_every_start_of_every_run_has_a_place_that_others_can_name(run_id: str, start: int) -> None:
    """Whatever its id is made of: the ids are those of the specification, and differ from start to start."""
    here = of_start(run_id, start, {})
    assert parse(here.header) is not None
    assert place_of(run_id, start, here) == here
    assert of_start(run_id, start + 1, {}).span_id != here.span_id
    assert of_start(run_id, start + 1, {}).trace_id == here.trace_id


def test_a_run_is_in_the_trace_it_was_sent_in_or_its_flows_or_its_own() -> None:
    """In this order; an option that is no trace is as if there were none."""
    run_id, flow = ids.new(), ids.new()
    assert of_start(run_id, 1, {"traceparent": PARENT, "flow": flow}).trace_id == TRACE
    assert of_start(run_id, 1, {"traceparent": 5, "flow": flow}).trace_id == flow.rjust(32, "0")
    assert of_start(run_id, 1, {}).trace_id == run_id.rjust(32, "0")
    assert of_start(run_id, 1, {"traceparent": PARENT}).flags == "01"


def test_what_is_carried_is_in_what_is_sent_and_called() -> None:
    """Inside of the block, and inside of the innermost; a correlation id that structlog has bound counts too."""
    with carried(PARENT, "a=1", "order-7"):
        options: dict[str, object] = {}
        carry(options, None)
        assert options == {"traceparent": PARENT, "tracestate": "a=1"}
        assert headers() == options
        assert current_correlation() == "order-7"
        with carried(correlation_id="item-1"):
            assert (current(None), current_correlation()) == (parse(PARENT, "a=1"), "item-1")
        options = {"traceparent": "mine"}
        carry(options, None)
        assert options == {"traceparent": "mine"}
    assert (headers(), current(None), current_correlation()) == ({}, None, "")
    with structlog.contextvars.bound_contextvars(correlation_id="bound-3"):
        assert current_correlation() == "bound-3"
    with structlog.contextvars.bound_contextvars(correlation_id="two\nlines"):
        assert current_correlation() == ""


def test_a_request_gives_its_number_and_its_trace() -> None:
    """A number that is no short word is none."""
    asked = of_request({"traceparent": PARENT, "x-request-id": "req-1"})
    assert (asked.trace, asked.correlation_id) == (parse(PARENT), "req-1")
    assert of_request({"traceparent": "x", "x-request-id": "a b"}) == (None, "")


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, ""),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "TRUE"}, ""),
    ],
)
def test_the_standard_variables_say_whether_spans_are_made(environ: dict[str, str], kind: str) -> None:
    """Nothing is made unless they ask for it."""
    assert export.asked_for(environ) == kind


@pytest.mark.parametrize(
    "environ",
    [{"OTEL_TRACES_EXPORTER": "zipkin"}, {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}],
)
def test_an_exporter_that_is_not_there_is_told_and_done_without(environ: dict[str, str]) -> None:
    """The process goes on; nothing is collected."""
    with structlog.testing.capture_logs() as lines:
        assert not export.start(environ)
    assert [line["event"] for line in lines] == ["tracing_off"]
    assert type(span("x")).__name__ == "NoSpan"
    assert not sends_are_seen()


def test_spans_nest_fail_and_are_clean(memory: InMemorySpanExporter) -> None:
    """Whatever made them: no secret is in a name, an attribute, an event or a status; what is no failure is none."""
    hide(["canary-value-0123456789"])

    def work() -> None:
        with pytest.raises(Snooze), span("step two"):
            raise Snooze(timedelta(1), "later")
        with trace.get_tracer("theirs").start_as_current_span("GET canary-value-0123456789") as theirs:
            theirs.set_attribute("url.full", "https://me:hunter22@example.org/")
            theirs.set_attribute("http.request.header.authorization", "Bearer hunter22")
            theirs.add_event("said", {"text": "canary-value-0123456789"})
        raise Permanent("with canary-value-0123456789")

    with pytest.raises(Permanent), span("step one", attributes={"dramaturg.step": "one"}):
        work()
    export._providers[0].force_flush()
    found = {one.name: one for one in memory.get_finished_spans()}
    assert set(found) >= {"step one", "step two"}
    one, two = found["step one"], found["step two"]
    assert two.parent is not None
    assert two.parent.span_id == one.context.span_id
    assert (one.status.status_code, one.status.description) == (StatusCode.ERROR, "with ***")
    assert two.status.status_code == StatusCode.UNSET
    assert one.resource.attributes["service.instance.id"] == "w1"
    told = "".join(one.to_json() for one in memory.get_finished_spans())
    assert "canary" not in told
    assert "hunter22" not in told


def test_an_attempt_has_the_place_that_follows_from_its_run(memory: InMemorySpanExporter) -> None:
    """So that others can link to it; what it gathers is linked, and a leftover of the thread is no parent of it."""
    run_id, child = ids.new(), ids.new()
    here = of_start(run_id, 1, {})
    with span("left over"), attempt("process x", here, None, [], {}):
        gathered(here, [child])
        inner = current(None)
    assert inner is not None
    assert inner[:2] == here[:2]
    export._providers[0].force_flush()
    (found,) = [one for one in memory.get_finished_spans() if one.name == "process x"]
    assert found.parent is None
    assert f"{found.context.trace_id:032x}" == here.trace_id
    assert [f"{link.context.span_id:016x}" for link in found.links] == [place_of(child, 1, here).span_id]


def test_an_application_that_is_traced_itself_is_the_parent_of_what_it_sends() -> None:
    """Its own tracer makes the span; nothing of ours has to be set up."""
    theirs = TracerProvider()
    assert not sends_are_seen()
    with theirs.get_tracer("app").start_as_current_span("GET /"):
        assert sends_are_seen()
        options: dict[str, object] = {}
        carry(options, None)
        assert parse(options["traceparent"]) is not None
