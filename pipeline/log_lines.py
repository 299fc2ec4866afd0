"""What a log line looks like: JSON in our own words or in Elastic's (ECS), or text for people."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

from pipeline.redaction import may_hold_secrets, redact, redact_field
from pipeline.run import Run, current_run
from pipeline.tracing.context import current, current_correlation

OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z

#: Characters of a message and of a stack at most; of a stack the end is kept.
LONGEST = 16_000

#: The version of the Elastic Common Schema that lines of the format ``ecs`` follow.
ECS = "8.11.0"

_IN_ECS = {
    "timestamp": "@timestamp",
    "level": "log.level",
    "event": "message",
    "logger": "log.logger",
    "trace_id": "trace.id",
    "span_id": "span.id",
}
#: Sets of fields that mean in ECS what they mean here.
_SAME_IN_ECS = ("error.", "service.", "host.", "process.", "gen_ai.")

#: What people need not read; a line of JSON has it.
_FOR_PROGRAMS = ("trace_id", "span_id", "trace_flags")

#: Control characters, which a terminal would obey.
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in {9, 10}}
_ON_ONE_LINE = _VISIBLE | {10: "\\n"}

_stack = structlog.processors.StackInfoRenderer()


def complete(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add what every line has: the run and the trace it belongs to, the logger, the level, the time, what failed."""
    run = current_run.get()
    if run is not None:
        told = of_run(run)
        told.update(event)
        event = told
    elif "correlation_id" not in event and (carried := current_correlation()):
        event["correlation_id"] = carried
    here = current(None if run is None else run.trace)
    if here is not None:
        event["trace_id"], event["span_id"], event["trace_flags"] = here.trace_id, here.span_id, here.flags
    if "logger" not in event:
        event["logger"] = getattr(logger, "name", "") or "dramaturg"
    event["level"] = "error" if method == "exception" else "warning" if method == "warn" else method
    event["timestamp"] = datetime.now(UTC)  # orjson writes it as RFC 3339, and in a third of the time of isoformat()
    for ours, theirs in (("error", "error.message"), ("error_type", "error.type")):
        if ours in event:
            event[theirs] = event.pop(ours)
    if "exc_info" in event or "stack_info" in event:
        _tell_failure(logger, method, event)
    return event


def of_run(run: Run) -> dict[str, Any]:
    """Give the fields that say which run a line belongs to."""
    told: dict[str, Any] = {"run_id": run.id, "actor": run.actor, "attempt": run.attempt, "queue": run.queue}
    if run.correlation_id:
        told["correlation_id"] = run.correlation_id
    if run.group:
        told["group"] = run.group
    if run.working_on:
        told["step"] = run.working_on
    return told


def _tell_failure(logger: WrappedLogger, method: str, event: EventDict) -> None:
    given = event.pop("exc_info", None)
    if isinstance(given, tuple):
        given = given[1]
    elif given and not isinstance(given, BaseException):
        given = sys.exc_info()[1]
    if isinstance(given, BaseException):
        event.setdefault("error.type", type(given).__name__)
        event.setdefault("error.message", str(given))
        # Cut when it is clean: half a secret is not known as one.
        event["error.stack_trace"] = redact("".join(traceback.format_exception(given)))[-LONGEST:]
    if event.get("stack_info"):
        event["error.stack_trace"] = redact(str(_stack(logger, method, event).pop("stack", "")))[-LONGEST:]
    event.pop("stack_info", None)


class Json:
    """Renders an object a line; what is the same in every line of a process is made once."""

    def __init__(self, constants: Mapping[str, Any]) -> None:
        self._tail = b"," + orjson.dumps(dict(constants))[1:]

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        del logger, method
        line = _dumps(event)
        if may_hold_secrets(line):
            line = _dumps({name: redact_field(name, value) for name, value in event.items()})
        return line[:-1] + self._tail

    def plain(self, fields: dict[str, Any]) -> bytes:
        """Render a line that is complete and holds nothing that has to be hidden."""
        return orjson.dumps(fields, option=OPTIONS)[:-1] + self._tail


class Ecs(Json):
    """Renders an object a line in the words of Elastic's schema; what it has no word for is ``dramaturg.*``."""

    def __init__(self, constants: Mapping[str, Any]) -> None:
        super().__init__(_ecs(constants) | {"ecs.version": ECS})

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        first = {name: event[name] for name in ("timestamp", "level", "event") if name in event}
        return super().__call__(logger, method, _ecs({**first, **event}))

    def plain(self, fields: dict[str, Any]) -> bytes:
        """Render a line that is complete and holds nothing that has to be hidden."""
        return super().plain(_ecs(fields))


def _ecs(event: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in event.items():
        text = str(name)
        told[_IN_ECS.get(text) or (text if text.startswith(_SAME_IN_ECS) else f"dramaturg.{text}")] = value
    return told


class Console:
    """Renders for people, in colour on a terminal; nothing in a line can move the cursor or look like another line."""

    def __init__(self, stream: TextIO) -> None:
        self._render = structlog.dev.ConsoleRenderer(colors=stream.isatty())

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        clean = {name: _shown(redact_field(name, value)) for name, value in event.items() if name not in _FOR_PROGRAMS}
        if "error.stack_trace" in clean:
            clean["exception"] = str(redact(event["error.stack_trace"])).translate(_VISIBLE)
            del clean["error.stack_trace"]
        clean["timestamp"] = clean["timestamp"].strftime("%H:%M:%S.%f")[:-3]
        return str(self._render(logger, method, clean)).encode("utf-8", "backslashreplace")


def _shown(value: Any) -> Any:
    return value.translate(_ON_ONE_LINE) if isinstance(value, str) else value


def _dumps(event: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(event, _text, OPTIONS)
    except TypeError:  # a number of more than 64 bits, half a surrogate pair: rare, and still to be logged
        return json.dumps(event, default=_text, skipkeys=True).encode("ascii")


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return redact(str(value))
