"""Log lines: one JSON object a line, with secrets taken out, for our code and the libraries alike."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, BinaryIO, Literal, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from pipeline.log_sink import LogSink
from pipeline.redaction import hide, may_hold_secrets, redact, redact_field
from pipeline.run import Run, current_run

__all__ = ["configure", "emit", "flush", "redact"]

#: Libraries that tell at level info what concerns only themselves.
_CHATTY = ("httpx", "httpx2", "httpcore", "openai", "anthropic", "alembic", "asyncio")

#: The sink in force, if logging was configured.
_sinks: list[LogSink] = []

#: How lines are made and where they go, for ``emit``.
_direct: list[tuple[int, LogSink, Callable[[WrappedLogger, str, EventDict], bytes]]] = []

_stack = structlog.processors.StackInfoRenderer()

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


def configure(
    level: str = "info",
    fmt: Literal["json", "console"] = "json",
    *,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send every log line of this process to stderr, from ``level`` on, without ``secrets``.

    A line written while a run is worked on names it (run_id, attempt, actor, queue, correlation_id), whoever writes it;
    what is bound with ``structlog.contextvars`` is in each line too.
    """
    hide(secrets)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    for former in _sinks:
        former.flush()
    sink = LogSink(_binary(stream if stream is not None else sys.stderr))
    _sinks[:] = [sink]
    render = _render_json if fmt == "json" else _Console(stream if stream is not None else sys.stderr)
    _direct[:] = [(threshold, sink, render)]
    processors: list[Processor] = [structlog.contextvars.merge_contextvars, _complete, render]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: sink,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Through(sink, processors)]
    root.setLevel(threshold)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING) if threshold > logging.DEBUG else threshold)
    # Dramatiq tells every failure with its arguments and its traceback. What a log should hold is in our own line; the
    # traceback is kept with the run.
    logging.getLogger("dramatiq.worker.WorkerThread").setLevel(logging.CRITICAL)
    logging.captureWarnings(capture=True)


def emit_plain(event: str, run: Run | None, fields: dict[str, Any]) -> None:
    """Log a line at level info whose ``fields`` are numbers and words of ours: nothing in it has to be hidden.

    It is written for every attempt that ends well, and looking for secrets is half of what a line costs.
    """
    if not _direct or (run is not None and run.correlation_id) or _direct[0][2] is not _render_json:
        emit("info", event, **fields)
        return
    [(threshold, sink, _)] = _direct
    if threshold <= logging.INFO:
        fields["event"] = event
        if run is not None:
            fields["run_id"] = run.id
            fields["actor"] = run.actor
            fields["attempt"] = run.attempt
            fields["queue"] = run.queue
        fields["level"] = "info"
        fields["timestamp"] = datetime.now(UTC)
        sink.info(orjson.dumps(fields, option=_OPTIONS))


def emit(level: Literal["info", "warning"], event: str, **fields: Any) -> None:
    """Log one line, as a structlog logger would, without building one: for what is written for every attempt."""
    if not _direct:
        structlog.get_logger().log(logging.getLevelNamesMapping()[level.upper()], event, **fields)
        return
    [(threshold, sink, render)] = _direct
    if (logging.WARNING if level == "warning" else logging.INFO) >= threshold:
        fields["event"] = event
        getattr(sink, level)(render(sink, level, _complete(sink, level, fields)))


def flush() -> None:
    """Write the lines that are waiting for company; to be called before a process ends without saying goodbye."""
    for sink in _sinks:
        sink.flush()


class _Through(logging.Handler):
    """Hands what libraries log to the same processors and the same stream."""

    def __init__(self, sink: LogSink, processors: list[Processor]) -> None:
        super().__init__()
        self._sink = sink
        self._processors = processors

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = {"event": record.getMessage(), "logger": record.name}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        try:
            for process in self._processors:
                event = process(self._sink, record.levelname.lower(), event)
            (self._sink.info if record.levelno < logging.WARNING else self._sink.warning)(event)
        except Exception:  # noqa: BLE001 - a handler reports its own failures this way, and never to who logs
            self.handleError(record)


def _complete(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add what every line has: the run it belongs to, the level, the time, and what went wrong."""
    run = current_run.get()
    if run is not None:
        event.setdefault("run_id", run.id)
        event.setdefault("actor", run.actor)
        event.setdefault("attempt", run.attempt)
        event.setdefault("queue", run.queue)
        if run.correlation_id:
            event.setdefault("correlation_id", run.correlation_id)
    event["level"] = "error" if method == "exception" else "warning" if method == "warn" else method
    event["timestamp"] = datetime.now(UTC)  # orjson writes it as RFC 3339, and in a third of the time of isoformat()
    if "exc_info" in event or "stack_info" in event:
        event = _stack(logger, method, event)
        event = structlog.processors.format_exc_info(logger, method, event)
    return event


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    line = _dumps(event)
    if may_hold_secrets(line):
        return _dumps({name: redact_field(name, value) for name, value in event.items()})
    return line


class _Console:
    """Renders for people, in colour on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._render = structlog.dev.ConsoleRenderer(colors=stream.isatty())

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        clean = {name: redact_field(name, value) for name, value in event.items()}
        clean["timestamp"] = clean["timestamp"].strftime("%H:%M:%S.%f")[:-3]
        return str(self._render(logger, method, clean)).encode("utf-8", "backslashreplace")


def _dumps(event: EventDict) -> bytes:
    try:
        return orjson.dumps(event, _text, _OPTIONS)
    except TypeError:  # a number of more than 64 bits, half a surrogate pair: rare, and still to be logged
        return json.dumps(event, default=_text, skipkeys=True).encode("ascii")


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return redact(str(value))


class _Text:
    """A stream of text that takes bytes: Dramatiq gives its workers one without a buffer."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def closed(self) -> bool:
        return bool(getattr(self._stream, "closed", False))

    def write(self, line: bytes) -> None:
        self._stream.write(line.decode("utf-8", "replace"))

    def flush(self) -> None:
        self._stream.flush()


def _binary(stream: TextIO) -> BinaryIO:
    return cast("BinaryIO", getattr(stream, "buffer", None) or _Text(stream))
