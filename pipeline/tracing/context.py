"""Trace context: which trace work belongs to (W3C Trace Context), carried from a sender to its runs and on.

Nothing here needs OpenTelemetry. A run that nobody gave a trace begins one whose id is made of its own, and each start
of a run has a span id that follows from the run and the number of the start: whoever knows a run can name its spans.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

#: The options of a message that carry a trace, named as the headers are.
TRACEPARENT, TRACESTATE = "traceparent", "tracestate"

#: The header in which proxies and web frameworks number requests.
REQUEST_ID = "x-request-id"

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE = re.compile(r"[ -~]{1,512}")
_LABEL = re.compile(r"[!-~]{1,200}")
_HEX = re.compile(r"[0-9a-f]{16,32}")


class TraceContext(NamedTuple):
    """A place in a trace, as W3C Trace Context writes it."""

    trace_id: str
    span_id: str
    flags: str = "00"
    state: str = ""

    @property
    def header(self) -> str:
        """The header ``traceparent``."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


class Carried(NamedTuple):
    """What a piece of work was given by whoever asked for it."""

    trace: TraceContext | None = None
    correlation_id: str = ""


#: What the work of this thread, or this task, was given outside of any run.
_carried: ContextVar[Carried | None] = ContextVar("dramaturg_carried", default=None)


def parse(traceparent: object, tracestate: object = "") -> TraceContext | None:
    """Read the two headers; none for what is no trace context: a trace begins anew then."""
    found = _PARENT.fullmatch(traceparent) if isinstance(traceparent, str) and len(traceparent) < 512 else None  # noqa: PLR2004 - longer is no header of ours
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    state = tracestate if isinstance(tracestate, str) and _STATE.fullmatch(tracestate) else ""
    return TraceContext(trace_id, span_id, flags, state)


def of_start(run_id: str, start: int, options: Mapping[str, Any]) -> TraceContext:
    """Give the place of a start of a run in its trace: the one it was sent in, its flow's, or one of its own."""
    own = _hex_of(run_id)
    span_id = f"{int(own[-16:], 16) ^ start:016x}"
    if (given := options.get(TRACEPARENT)) and (parent := parse(given, options.get(TRACESTATE))):
        return TraceContext(parent.trace_id, span_id, parent.flags, parent.state)
    flow = options.get("flow")
    return TraceContext((_hex_of(flow) if isinstance(flow, str) and flow else own).rjust(32, "0"), span_id)


def place_of(run_id: str, start: int, here: TraceContext) -> TraceContext:
    """Give the place of a start of a run that is in the same trace as ``here``."""
    return here._replace(span_id=f"{int(_hex_of(run_id)[-16:], 16) ^ start:016x}")


def current(of_run: TraceContext | None) -> TraceContext | None:
    """Give where this thread, or task, is: in a span of OpenTelemetry, in what was carried here, or in its run."""
    # Whoever traces has loaded it; nobody else has to.
    opentelemetry: Any = sys.modules.get("opentelemetry.trace")
    if opentelemetry is not None and (look := getattr(opentelemetry, "get_current_span", None)) is not None:
        span = look().get_span_context()
        if span.is_valid:
            state = span.trace_state.to_header() if span.trace_state else ""
            return TraceContext(f"{span.trace_id:032x}", f"{span.span_id:016x}", f"{int(span.trace_flags):02x}", state)
    carried = _carried.get()
    if carried is not None and carried.trace is not None:
        return carried.trace
    return of_run


def current_correlation() -> str:
    """Give the correlation id that was carried here, or that the sender has bound for its log lines; else nothing."""
    carried = _carried.get()
    if carried is not None and carried.correlation_id:
        return carried.correlation_id
    bound: Any = sys.modules.get("structlog.contextvars")
    told = None if bound is None else bound.get_contextvars().get("correlation_id")
    return told if isinstance(told, str) and _LABEL.fullmatch(told) else ""


def carry(options: dict[str, Any], of_run: TraceContext | None) -> None:
    """Write the place we are at into the options of a message, unless they name another."""
    if TRACEPARENT not in options and (here := current(of_run)) is not None:
        options[TRACEPARENT] = here.header
        if here.state:
            options[TRACESTATE] = here.state


@contextmanager
def carried(traceparent: str = "", tracestate: str = "", correlation_id: str = "") -> Iterator[None]:
    """Have what is sent and logged in here belong to a trace, and to a correlation id, that came from elsewhere."""
    before = _carried.get() or Carried()
    trace = parse(traceparent, tracestate)
    token = _carried.set(Carried(trace or before.trace, correlation_id or before.correlation_id))
    attached = _attach(trace)
    try:
        yield
    finally:
        if attached is not None:
            from opentelemetry import context

            context.detach(attached)
        _carried.reset(token)


def of_request(headers: Mapping[str, str]) -> Carried:
    """Read what a request carries: its trace, and its number as the correlation id."""
    told = headers.get(REQUEST_ID, "")
    return Carried(
        parse(headers.get(TRACEPARENT, ""), headers.get(TRACESTATE, "")), told if _LABEL.fullmatch(told) else ""
    )


def headers(of_run: TraceContext | None = None) -> dict[str, str]:
    """Give the headers that carry this trace to a service that is called."""
    here = current(of_run)
    if here is None:
        return {}
    return {TRACEPARENT: here.header} | ({TRACESTATE: here.state} if here.state else {})


def _attach(trace: TraceContext | None) -> Any:
    if trace is None or "opentelemetry.trace" not in sys.modules:
        return None
    from opentelemetry import context

    from pipeline.tracing.spans import remote

    return context.attach(remote(trace))


def _hex_of(run_id: str) -> str:
    """Give at least 16 hexadecimal digits, and at most 32, for an id; most ids are that."""
    if _HEX.fullmatch(run_id) and run_id[-16:] != "0" * 16:
        return run_id
    plain = run_id.replace("-", "")  # as Dramatiq writes its own
    if _HEX.fullmatch(plain) and plain[-16:] != "0" * 16:
        return plain
    return hashlib.blake2b(run_id.encode("utf-8", "replace"), digest_size=16).hexdigest()
