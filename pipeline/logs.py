"""Log lines: one JSON object a line, with secrets taken out, for our code and the libraries alike."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, BinaryIO, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from pipeline import uncaught
from pipeline.log_lines import LONGEST, Console, Ecs, Json, complete, of_run
from pipeline.log_sink import LogSink
from pipeline.process import identity
from pipeline.redaction import hide, may_hold_secrets, redact
from pipeline.run import Run

__all__ = ["configure", "emit", "flush", "redact"]

Format = Literal["auto", "json", "ecs", "console"]

#: Libraries that tell at level info what concerns only themselves.
_CHATTY = ("httpx", "httpx2", "httpcore", "openai", "anthropic", "alembic", "asyncio", "urllib3")

#: The sink in force, if logging was configured.
_sinks: list[LogSink] = []

#: How lines are made and where they go, for ``emit``.
_direct: list[tuple[int, LogSink, Callable[[WrappedLogger, str, EventDict], bytes]]] = []


def configure(
    level: str = "info",
    fmt: Format = "json",
    *,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    worker_id: str = "",
) -> None:
    """Send every log line of this process to stderr, from ``level`` on, without ``secrets``.

    The format ``auto`` is for people on a terminal, and JSON anywhere else. A line written while a run is worked on
    names it, whoever writes it (docs/logs.md has the fields); what is bound with ``structlog.contextvars`` is in each
    line too. Exceptions that nobody catches are lines as well.
    """
    hide(secrets)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    for former in _sinks:
        former.flush()
    target = stream if stream is not None else sys.stderr
    sink = LogSink(_binary(target))
    _sinks[:] = [sink]
    render = _renderer(fmt, target, worker_id)
    _direct[:] = [(threshold, sink, render)]
    processors: list[Processor] = [structlog.contextvars.merge_contextvars, complete, render]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *name: _Named(sink, name),
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
    uncaught.tell()


def emit_plain(event: str, run: Run | None, fields: dict[str, Any], logger: str) -> None:
    """Log a line at level info whose ``fields`` are numbers and words of ours: nothing in it has to be hidden.

    It is written for every attempt that ends well, and looking for secrets is half of what a line costs.
    """
    if not _direct or not isinstance(_direct[0][2], Json):
        emit("info", event, logger=logger, **fields)
        return
    threshold, sink, render = _direct[0][0], _direct[0][1], _direct[0][2]
    if threshold <= logging.INFO:
        fields["event"] = event
        if run is not None:
            fields.update(of_run(run))
            if (here := run.trace) is not None:
                fields["trace_id"] = here.trace_id
                fields["span_id"] = here.span_id
                fields["trace_flags"] = here.flags
        fields["logger"] = logger
        fields["level"] = "info"
        fields["timestamp"] = datetime.now(UTC)
        if run is not None and (run.correlation_id or run.group):  # words of whoever sent it, and not ours
            foreign = f"{run.correlation_id} {run.group}".encode("utf-8", "replace")
            sink.info(render(sink, "info", fields) if may_hold_secrets(foreign) else render.plain(fields))
            return
        sink.info(render.plain(fields))


def tells_debug() -> bool:
    """Tell whether lines of level debug are written: what it costs to make one can be saved otherwise."""
    return bool(_direct) and _direct[0][0] <= logging.DEBUG


def emit(level: Literal["debug", "info", "warning"], event: str, **fields: Any) -> None:
    """Log one line, as a structlog logger would, without building one: for what is written for every attempt."""
    threshold_of_line = logging.DEBUG if level == "debug" else logging.INFO if level == "info" else logging.WARNING
    if not _direct:
        structlog.get_logger().log(threshold_of_line, event, **fields)
        return
    [(threshold, sink, render)] = _direct
    if threshold_of_line >= threshold:
        fields["event"] = event
        getattr(sink, level)(render(sink, level, complete(sink, level, fields)))


def flush() -> None:
    """Write the lines that are waiting for company; to be called before a process ends without saying goodbye."""
    for sink in _sinks:
        sink.flush()


def _renderer(fmt: Format, stream: TextIO, worker_id: str) -> Json | Console:
    if fmt == "console" or (fmt == "auto" and stream.isatty()):
        return Console(stream)
    constants = identity(os.environ) | ({"worker_id": worker_id} if worker_id else {})
    return Ecs(constants) if fmt == "ecs" else Json(constants)


class _Named:
    """The sink, as a logger of this name sees it."""

    def __init__(self, sink: LogSink, name: tuple[Any, ...]) -> None:
        self.name = str(name[0]) if name else ""
        self.debug = self.msg = self.info = sink.info
        self.warning = self.warn = self.error = self.err = sink.warning
        self.critical = self.fatal = self.exception = self.failure = sink.warning


class _Through(logging.Handler):
    """Hands what libraries log to the same processors and the same stream."""

    def __init__(self, sink: LogSink, processors: list[Processor]) -> None:
        super().__init__()
        self._sink = sink
        self._processors = processors

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = record.getMessage()
            event: Any = {"event": said if len(said) <= LONGEST else redact(said)[:LONGEST], "logger": record.name}
            if record.exc_info:
                event["exc_info"] = record.exc_info
            for process in self._processors:
                event = process(self._sink, record.levelname.lower(), event)
            (self._sink.info if record.levelno < logging.WARNING else self._sink.warning)(event)
        except Exception:  # noqa: BLE001 - a handler reports its own failures this way, and never to who logs
            self.handleError(record)


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
