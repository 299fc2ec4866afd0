"""Spans: how long a send, an attempt, a step, a model call or an effect took, for whoever collects traces.

While nobody does, opening one costs a look at a list. OpenTelemetry is loaded where a span is really made.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from pipeline.errors import Cancelled, Interrupted, LeaseLost, Moved, NeedsReview, Parked, Snooze, Waiting
from pipeline.redaction import redact
from pipeline.tracing import semantics
from pipeline.tracing.context import TraceContext, place_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext, Tracer

Kind = Literal["INTERNAL", "CLIENT", "PRODUCER", "CONSUMER"]

#: What makes the spans of this process, once somebody collects them (``pipeline.tracing.export``).
tracers: list[Tracer] = []

#: The trace id and the span id that the next span is to have.
wanted: ContextVar[tuple[int, int] | None] = ContextVar("dramaturg_wanted", default=None)

#: What ends a piece of work early and is no failure of it.
NO_FAILURES = (Cancelled, Interrupted, LeaseLost, Moved, NeedsReview, Parked, Snooze, Waiting)

#: Characters of an error's message and of its stack.
_MESSAGE, _STACK = 500, 8_000

#: Links of one span at most, which is what SDKs keep.
_LINKS = 128


class NoSpan:
    """Stands where a span would, while nobody collects any."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def note(self, attributes: Mapping[str, Any]) -> None:
        """Do nothing."""


_NO_SPAN = NoSpan()


class OpenSpan:
    """A span; it is current from ``__enter__``, or ``open``, to its end."""

    def __init__(self, span: Span) -> None:
        self.raw = span
        self._token: Any = None

    def __enter__(self) -> Self:
        from opentelemetry import context, trace

        self._token = context.attach(trace.set_span_in_context(self.raw))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, NO_FAILURES):
            self.fail(error)
        self.close()

    def note(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes."""
        self.raw.set_attributes(dict(attributes))

    def fail(self, error: BaseException) -> None:
        """Note a failure, without secrets."""
        from opentelemetry.trace import Status, StatusCode

        if not self.raw.is_recording():
            return
        told = redact(str(error))[:_MESSAGE]
        self.raw.set_status(Status(StatusCode.ERROR, told))
        self.raw.set_attribute(semantics.ERROR_TYPE, type(error).__name__)
        self.raw.add_event(
            semantics.EXCEPTION,
            {
                semantics.EXCEPTION_TYPE: type(error).__name__,
                semantics.EXCEPTION_MESSAGE: told,
                semantics.EXCEPTION_STACK: redact("".join(traceback.format_exception(error)))[-_STACK:],
            },
        )

    def close(self) -> None:
        """End it, and make the one around it current again."""
        from opentelemetry import context

        if self._token is not None:
            context.detach(self._token)
            self._token = None
        self.raw.end()


def span(name: str, kind: Kind = "INTERNAL", attributes: Mapping[str, Any] | None = None) -> OpenSpan | NoSpan:
    """Open a span inside the one we are in; to be used in a ``with``. Nothing happens while nobody collects any."""
    if not tracers:
        return _NO_SPAN
    return _open(tracers[0], name, kind, attributes)


def sends_are_seen() -> bool:
    """Tell whether somebody collects spans: we do, or the application that sends."""
    opentelemetry: Any = sys.modules.get("opentelemetry.trace")
    look = getattr(opentelemetry, "get_current_span", None)
    return look is not None and (bool(tracers) or look().is_recording())


def sending(name: str, attributes: Mapping[str, Any]) -> OpenSpan:
    """Open a span around a send; by the application's own tracer where it has one."""
    from opentelemetry import trace

    return _open(tracers[0] if tracers else trace.get_tracer("dramaturg"), name, "PRODUCER", attributes)


def attempt(
    name: str,
    here: TraceContext,
    parent: TraceContext | None,
    links: Iterable[tuple[TraceContext, str]],
    attributes: Mapping[str, Any],
) -> OpenSpan:
    """Open the span of an attempt at its place in the trace, whatever this thread did before."""
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind

    token = wanted.set((int(here.trace_id, 16), int(here.span_id, 16)))
    try:
        made = tracers[0].start_span(
            name,
            context=Context() if parent is None else remote(parent),
            kind=SpanKind.CONSUMER,
            attributes=dict(attributes),
            links=[Link(_context_of(place), {semantics.LINK: why}) for place, why in list(links)[:_LINKS]],
        )
    finally:
        wanted.reset(token)
    return OpenSpan(made)


def gathered(here: TraceContext | None, run_ids: Sequence[str]) -> None:
    """Link the span we are in to the runs whose results come together in it."""
    if not tracers or here is None:
        return
    from opentelemetry.trace import get_current_span

    for run_id in run_ids[:_LINKS]:
        get_current_span().add_link(_context_of(place_of(run_id, 1, here)), {semantics.LINK: "child"})


def remote(place: TraceContext) -> Context:
    """Give OpenTelemetry's context of a place that is in another process."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    return set_span_in_context(NonRecordingSpan(_context_of(place)), Context())


def _context_of(place: TraceContext) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags, TraceState

    return SpanContext(
        int(place.trace_id, 16),
        int(place.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(place.flags, 16)),
        trace_state=TraceState.from_header([place.state]) if place.state else None,
    )


def _open(tracer: Tracer, name: str, kind: Kind, attributes: Mapping[str, Any] | None) -> OpenSpan:
    from opentelemetry.trace import SpanKind

    return OpenSpan(tracer.start_span(name, kind=SpanKind[kind], attributes=dict(attributes or {})))
