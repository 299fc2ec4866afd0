"""A span for every attempt, where somebody collects traces; without, an attempt passes through here untouched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from dramatiq.middleware import Middleware

from pipeline.engine.delivery import Delivery
from pipeline.run import Run
from pipeline.tracing import export, semantics
from pipeline.tracing.context import TRACEPARENT, TRACESTATE, TraceContext, parse, place_of
from pipeline.tracing.spans import OpenSpan, attempt, tracers

#: States after which the run did not do what it was sent for.
_FAILED = ("dead",)


class Tracing(Middleware):
    """Reads ``delivery.run``, ``kind`` and ``verdict``; opens and ends ``delivery.span``."""

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        del worker
        export.start(os.environ, worker_id=broker.worker_id)

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        del broker, worker
        export.stop()

    def before_process_message(self, broker: Any, message: Any) -> None:
        del broker
        delivery: Delivery = message
        run = delivery.run
        if not tracers or run is None or run.trace is None:
            return
        options = delivery.options
        span = attempt(
            f"process {run.actor}",
            run.trace,
            parse(options.get(TRACEPARENT), options.get(TRACESTATE)),
            _links(delivery, run.trace),
            _attributes(delivery, run),
        )
        delivery.span = span.__enter__()
        here = span.raw.get_span_context()
        run.trace = run.trace._replace(
            trace_id=f"{here.trace_id:032x}", span_id=f"{here.span_id:016x}", flags=f"{int(here.trace_flags):02x}"
        )

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del broker, result
        delivery: Delivery = message
        span: OpenSpan | None = delivery.span
        if span is None:
            return
        delivery.span = None
        verdict = delivery.verdict
        if verdict is not None:
            told: dict[str, Any] = {semantics.STATE: verdict.state}
            if delivery.kind is not None:
                told[semantics.KIND] = delivery.kind
            if verdict.reason:
                told[semantics.REASON] = verdict.reason
            span.note(told)
        if exception is not None and _is_failure(delivery):
            span.fail(exception)
        span.close()


def _is_failure(delivery: Delivery) -> bool:
    verdict = delivery.verdict
    return verdict is None or verdict.state in _FAILED or verdict.spends


def _attributes(delivery: Delivery, run: Run) -> dict[str, Any]:
    told: dict[str, Any] = {
        semantics.MESSAGING_SYSTEM: semantics.SYSTEM,
        semantics.MESSAGING_OPERATION: "process",
        semantics.MESSAGING_OPERATION_TYPE: "process",
        semantics.MESSAGING_DESTINATION: run.queue,
        semantics.MESSAGING_MESSAGE_ID: run.id,
        semantics.ACTOR: run.actor,
        semantics.ATTEMPT: run.attempt,
        semantics.START: delivery.lease.fence,
    }
    if run.correlation_id:
        told[semantics.MESSAGING_CONVERSATION_ID] = run.correlation_id
    if run.group:
        told[semantics.GROUP] = run.group
    if flow := delivery.options.get("flow"):
        told[semantics.FLOW] = flow
    return told


def _links(delivery: Delivery, here: TraceContext) -> Iterator[tuple[TraceContext, str]]:
    """Give the start before this one, and the runs whose results it takes, which are in the same trace."""
    if delivery.lease.fence > 1:
        yield place_of(delivery.lease.run_id, delivery.lease.fence - 1, here), "previous start"
    inputs = delivery.options.get("inputs")
    for source in inputs.values() if isinstance(inputs, dict) else ():
        for run_id in source["runs"]:
            yield place_of(run_id, 1, here), "input"
