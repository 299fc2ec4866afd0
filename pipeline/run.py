"""Run: one message's life, as an actor sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, get_type_hints

import orjson
from pydantic import TypeAdapter

from pipeline.errors import Cancelled, Interrupted, LeaseLost, Unavailable

if TYPE_CHECKING:
    import structlog

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

#: Reports of one run that are published in a second, at most; the last one always is.
REPORTS_PER_SECOND = 10

#: The run of the attempt that this thread, or this task, is working on.
current_run: ContextVar[Run | None] = ContextVar("current_run", default=None)


class Journal(Protocol):
    """Where a run's steps and reports are kept, and what its worker knows about it."""

    stopping: bool
    cancelled: bool
    lost: bool

    def load_steps(self) -> dict[str, bytes]:
        """Give the results of the steps that finished in earlier attempts."""

    def confirm(self) -> None:
        """Make sure that the run is still this worker's; raises ``LeaseLost`` if it is another's."""

    def save_step(self, name: str, value: bytes) -> None:
        """Remember a finished step for good; raises ``LeaseLost`` if the run is another worker's now."""

    def report(self, progress: bytes) -> None:
        """Publish a report; raises ``LeaseLost`` if the run is another worker's now."""


class Run:
    """What an actor knows of its run, and what it may ask of it."""

    def __init__(
        self,
        journal: Journal,
        *,
        run_id: str,
        actor: str,
        queue: str,
        attempt: int = 1,
        models: tuple[str, ...] = ("offline",),
        correlation_id: str = "",
        group: str = "",
    ) -> None:
        self._journal = journal
        self._steps: dict[str, bytes] | None = None
        self._used: set[str] = set()
        self._reported_at = 0.0
        self._unpublished: dict[str, Any] | None = None
        self._stage = ""
        self._span = (0.0, 0.0)
        self.id = run_id
        self.actor = actor
        self.queue = queue
        self.attempt = attempt
        self.models = models
        self.correlation_id = correlation_id
        self.group = group

    @property
    def model(self) -> str:
        """The language model to use: the first of the chain."""
        return self.models[0]

    @property
    def log(self) -> structlog.typing.FilteringBoundLogger:
        """A logger that names this run in every line."""
        import structlog

        logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(self.actor)
        return logger

    def step(self, fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``fn`` once in the life of this run; after a retry, or on another worker, give what it returned.

        A step is named by its function, and a name is used once a run: a second use raises ``ValueError``. The body may
        run again if the worker dies before its result is saved, so it is idempotent. The result is whatever Pydantic
        turns to JSON and back by the function's return annotation.
        Raises ``Interrupted`` when the worker is stopping, ``Cancelled`` when somebody asked the run to stop, and
        ``LeaseLost`` when another worker has taken it over.
        """
        name = _name(fn)
        self._use(name)
        return self._remembered(name, fn, *args, **kwargs)

    def each(
        self, fn: Callable[Concatenate[T, P], R], items: Iterable[T], *args: P.args, **kwargs: P.kwargs
    ) -> list[R]:
        """Run ``fn`` for every item, each as a step of its own, and report how many of them are done.

        Items are known by their position, so they come from the payload or from an earlier step.
        """
        name = _name(fn)
        self._use(name)
        todo = list(items)
        results: list[R] = []
        for position, item in enumerate(todo):
            results.append(self._remembered(f"{name}[{position}]", fn, item, *args, **kwargs))
            start, end = self._span
            percent = start + (end - start) * (position + 1) / len(todo)
            stage = self._stage or name
            self._report(stage, percent, f"{position + 1} of {len(todo)}", position + 1, len(todo), {})
        return results

    def progress(
        self,
        stage: str,
        percent: float,
        message: str = "",
        *,
        done: int | None = None,
        total: int | None = None,
        until: float | None = None,
        **metadata: Any,
    ) -> None:
        """Report how far the run is: at most ten reports a second are published, the last one always.

        ``until`` is the percent at which the stage ends: ``each`` goes from here to there.
        """
        if not 0 <= percent <= 100:  # noqa: PLR2004 - percent
            raise ValueError(f"progress({stage!r}, {percent}): percent is 0 to 100")
        self._stage, self._span = stage, (percent, percent if until is None else until)
        self._report(stage, percent, message, done, total, metadata)

    def check_cancelled(self) -> None:
        """Raise ``Cancelled`` if somebody asked the run to stop, ``LeaseLost`` if it is another worker's now."""
        if self._journal.lost:
            raise LeaseLost(f"run {self.id} was taken over by another worker")
        if self._journal.cancelled:
            raise Cancelled(f"run {self.id} was asked to stop")

    def flush(self) -> None:
        """Publish the last report if its turn had not come."""
        if self._unpublished is not None:
            self._publish(self._unpublished)

    def _use(self, name: str) -> None:
        if name in self._used:
            raise ValueError(
                f"step {name!r} is used twice in run {self.id}: a step is named by its function, once a run"
            )
        self._used.add(name)

    def _remembered(self, name: str, fn: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        if self._steps is None:
            self._steps = self._journal.load_steps()
        shape = _result_of(fn)
        found = self._steps.get(name)
        if found is not None:
            value: R = shape.validate_json(found)
            return value
        self.check_cancelled()
        if self._journal.stopping:
            raise Interrupted(f"worker is stopping before step {name!r}")
        self._journal.confirm()
        result = fn(*args, **kwargs)
        self._journal.save_step(name, shape.dump_json(result))
        return result

    def _report(  # noqa: PLR0917 - the fields of a report, in their order
        self, stage: str, percent: float, message: str, done: int | None, total: int | None, metadata: dict[str, Any]
    ) -> None:
        report: dict[str, Any] = {"stage": stage, "percent": round(percent, 1), "message": message}
        if total is not None:
            report |= {"done": done or 0, "total": total}
        if metadata:
            report["metadata"] = metadata
        if time.monotonic() - self._reported_at < 1 / REPORTS_PER_SECOND:
            self._unpublished = report
        else:
            self._publish(report)

    def _publish(self, report: dict[str, Any]) -> None:
        self._reported_at = time.monotonic()
        self._unpublished = report
        try:
            self._journal.report(orjson.dumps(report))
        except Unavailable as error:
            self.log.warning("report_delayed", error=str(error))  # worth less than the attempt it would end
        else:
            self._unpublished = None


def _name(fn: Callable[..., Any]) -> str:
    name: str = getattr(fn, "__name__", "")
    if not name or name == "<lambda>":
        raise ValueError(f"{fn!r} has no name; a step is named by its function")
    return name


@lru_cache(maxsize=1024)
def _result_of(fn: Callable[..., Any]) -> TypeAdapter[Any]:
    return TypeAdapter(get_type_hints(fn).get("return", Any))


def as_ms(duration: timedelta) -> int:
    """Give a duration in whole milliseconds, as Redis and Dramatiq count."""
    return int(duration.total_seconds() * 1000)
