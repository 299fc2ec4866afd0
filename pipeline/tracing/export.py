"""Export: spans are handed to a collector in the background, as the standard ``OTEL_`` variables say, without secrets.

A collector that is slow or away costs no run anything: spans wait in a bounded queue, and what does not fit is dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from pipeline.redaction import may_hold_secrets, redact, redact_field
from pipeline.tracing.spans import tracers, wanted

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

#: How long a process that ends waits for its last spans to be taken.
FAREWELL = timedelta(seconds=3)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")

_providers: list[TracerProvider] = []

log = structlog.get_logger(__name__)


def asked_for(environ: Mapping[str, str]) -> str:
    """Give the exporter that the environment asks for: otlp, console, or nothing."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ""
    named = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if named:
        return "" if named == "none" else named
    return "otlp" if any(environ.get(name) for name in _ENDPOINTS) else ""


def start(environ: Mapping[str, str], *, worker_id: str = "", exporter: SpanExporter | None = None) -> bool:
    """Make spans from now on if the environment, or an ``exporter``, asks for it; says whether they are made.

    What cannot be done is logged, and the process goes on without. Called again it changes nothing.
    """
    kind = "given" if exporter is not None else asked_for(environ)
    if tracers or not kind:
        return bool(tracers)
    try:
        from opentelemetry import trace

        provider = _provider(environ, exporter if exporter is not None else _exporter(kind, environ), worker_id)
    except ImportError as error:
        log.warning("tracing_off", why=f"{error.name} is missing", mend="pip install 'dramaturg[otel]'")
        return False
    except ValueError as error:
        log.warning("tracing_off", why=str(error))
        return False
    if type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider":
        trace.set_tracer_provider(provider)  # for what the actors' libraries tell of themselves
    _providers.append(provider)
    tracers.append(provider.get_tracer("dramaturg"))
    log.info("tracing_on", exporter=kind)
    return True


def stop(within: timedelta = FAREWELL) -> None:
    """Hand over what is left and make no more spans; a collector that does not answer is not waited for."""
    tracers.clear()
    while _providers:
        provider = _providers.pop()
        # In a thread of its own: what the library calls a timeout does not bound a request that hangs.
        last = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(within.total_seconds())
        if last.is_alive():
            log.warning("spans_left", why="the collector does not answer")


def _exporter(kind: str, environ: Mapping[str, str]) -> SpanExporter:
    if kind == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    if kind != "otlp":
        raise ValueError(f"OTEL_TRACES_EXPORTER={kind}: there are otlp, console and none")
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol}: only http/protobuf is spoken")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _provider(environ: Mapping[str, str], exporter: SpanExporter, worker_id: str) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    from pipeline.process import identity

    class Ids(RandomIdGenerator):
        """Gives a span the ids it is to have, and chance where none are wanted."""

        def generate_trace_id(self) -> int:
            ids = wanted.get()
            return super().generate_trace_id() if ids is None else ids[0]

        def generate_span_id(self) -> int:
            ids = wanted.get()
            return super().generate_span_id() if ids is None else ids[1]

    said: dict[str, Any] = dict(identity(environ))
    if worker_id:
        said["service.instance.id"] = worker_id
    provider = TracerProvider(resource=Resource.create(said), id_generator=Ids(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_clean(exporter)))
    return provider


def _clean(exporter: SpanExporter) -> SpanExporter:
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Clean(SpanExporter):
        """Takes secrets out of spans, whoever made them, in the thread that sends them."""

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return exporter.export([_cleaned(span) for span in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return Clean()


def _cleaned(span: ReadableSpan) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Link, Status

    status = span.status
    # One look at all of it: most spans hold nothing that would be taken out.
    told = [span.name, status.description, span.attributes, *(link.attributes for link in span.links)]
    told += [part for event in span.events for part in (event.name, event.attributes)]
    if not may_hold_secrets(orjson.dumps(told, dict, orjson.OPT_NON_STR_KEYS)):
        return span
    return ReadableSpan(
        name=redact(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_clean_values(span.attributes),
        events=[_clean_event(event) for event in span.events],
        links=[Link(link.context, _clean_values(link.attributes)) for link in span.links],
        kind=span.kind,
        status=Status(status.status_code, redact(status.description)) if status.description else status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _clean_event(event: Event) -> Event:
    from opentelemetry.sdk.trace import Event

    return Event(redact(event.name), _clean_values(event.attributes), event.timestamp)


def _clean_values(values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: redact_field(name, value) for name, value in (values or {}).items()}
