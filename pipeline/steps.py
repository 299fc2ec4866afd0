"""Steps: what a run remembers from one attempt to the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

import orjson
from pydantic import TypeAdapter, ValidationError

from pipeline import metrics
from pipeline.errors import Cancelled, ContextOverflow, Interrupted, LeaseLost, Permanent
from pipeline.journal import Journal
from pipeline.reporting import Reporter
from pipeline.tracing.semantics import STEP
from pipeline.tracing.spans import span
from pipeline.writing import Writer, mark_of

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


class Steps:
    """The named results of a run's finished steps, and how further ones are made."""

    # What most runs never have stands here: setting it anew for each would cost every run of a short job.
    _found: dict[str, bytes] | None = None
    _texts: Writer | None = None
    #: The step whose function runs now; empty between steps.
    working_on = ""

    def __init__(self, journal: Journal, *, run_id: str, actor: str) -> None:
        self.journal = journal
        self.id = run_id
        self.actor = actor

    @cached_property
    def _used(self) -> set[str]:
        return set()

    @cached_property
    def _reporter(self) -> Reporter:
        return Reporter(self.journal, self.actor)

    def step(self, fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``fn`` once in the life of this run; after a retry, or on another worker, give what it returned.

        A step is named by its function, and a name is used once a run: a second use raises ``ValueError``. The body may
        run again if the worker dies before its result is saved, so it is idempotent. The result is whatever Pydantic
        turns to JSON and back by the function's return annotation.
        Raises ``Interrupted`` when the worker is stopping, ``Cancelled`` when somebody asked the run to stop, and
        ``LeaseLost`` when another worker has taken it over.
        """
        name = name_of(fn)
        self.use(name)
        return self.once(name, fn, *args, **kwargs)

    def each(
        self,
        fn: Callable[Concatenate[T, P], R],
        items: Iterable[T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> list[R]:
        """Run ``fn`` for every item, each as a step of its own, and report how many of them are done.

        Items are known by their position, so they come from the payload or from an earlier step. A function with an
        attribute ``split`` (see ``splitting``) is given an item in smaller pieces when it is longer than every model
        left can read; each piece then has a result of its own.
        """
        name = name_of(fn)
        self.use(name)
        todo = list(items)
        results: list[R] = []
        for position, item in enumerate(todo):
            results += self._whole_or_split(f"{name}[{position}]", fn, item, *args, **kwargs)
            self._reporter.item(name, position + 1, len(todo))
        return results

    def check_cancelled(self) -> None:
        """Raise ``Cancelled`` if somebody asked the run to stop, ``LeaseLost`` if it is another worker's now."""
        if self.journal.lost:
            raise LeaseLost(f"run {self.id} was taken over by another worker")
        if self.journal.cancelled:
            raise Cancelled(f"run {self.id} was asked to stop")

    def proceed(self, name: str) -> None:
        """Make sure that something may begin; raises ``Cancelled``, ``Interrupted`` or ``LeaseLost``."""
        self.check_cancelled()
        if self.journal.stopping:
            raise Interrupted(f"worker is stopping before step {name!r}")
        self.journal.confirm()

    def recall(self, name: str) -> bytes | None:
        """Give a checkpoint as JSON, or none if it was never saved."""
        return self._kept.get(name)

    def remember(self, name: str, value: bytes, *, replace: bool = False) -> None:
        """Save a checkpoint for good; one that is there stays, unless it is to be replaced."""
        self.journal.save_step(name, value, replace=replace)
        if replace:
            self._kept[name] = value
        else:
            self._kept.setdefault(name, value)

    def use(self, name: str) -> None:
        """Take a name for a step; raises ``ValueError`` if it was taken in this attempt."""
        if name in self._used:
            raise ValueError(
                f"step {name!r} is used twice in run {self.id}: a step is named by its function, once a run"
            )
        self._used.add(name)

    def once(self, name: str, fn: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        """Give what is remembered under a name, or call ``fn`` and remember its result."""
        shape = shape_of(fn)
        found = self._kept.get(name)
        if found is not None:
            if (text := self._kept.get(mark_of(name))) is not None:
                self.texts.skip(text)
            restored: R = _restored(name, shape, found)
            return restored
        self.proceed(name)
        since, began = self.places(), time.monotonic()
        around, self.working_on = self.working_on, name
        try:
            with span(f"step {name.partition('[')[0]}", attributes={STEP: name}):
                result = fn(*args, **kwargs)
        finally:
            self.working_on = around
        metrics.observe("dramaturg_step_duration_seconds", time.monotonic() - began, self.actor, name)
        if self._texts is not None:
            self._texts.finish(name, since)
        self.remember(name, shape.dump_json(result))
        return result

    @property
    def texts(self) -> Writer:
        """What the run writes to whoever listens."""
        if self._texts is None:
            self._texts = Writer(self.journal)
        return self._texts

    def places(self) -> Mapping[str, int]:
        """Give how far each text of the run has come."""
        return {} if self._texts is None else self._texts.places()

    def rewind(self, places: Mapping[str, int]) -> None:
        """Take back what was written since then: what is written next stands in its place."""
        if self._texts is not None:
            self._texts.rewind(places)

    @property
    def _kept(self) -> dict[str, bytes]:
        if self._found is None:
            self._found = self.journal.load_steps()
        return self._found

    def _whole_or_split(self, name: str, fn: Callable[..., R], item: Any, *args: Any, **kwargs: Any) -> list[R]:
        split: Callable[[Any], Sequence[Any]] | None = getattr(fn, "split", None)
        pieces = None if split is None or self.recall(f"{name}~split") is None else split(item)
        if pieces is None:
            try:
                return [self.once(name, fn, item, *args, **kwargs)]
            except ContextOverflow as error:
                pieces = [] if split is None or self.fits_another(error) else split(item)
                if len(pieces) < 2:  # noqa: PLR2004 - one piece is what was refused
                    raise
                self.remember(f"{name}~split", orjson.dumps(len(pieces)))
        found: list[R] = []
        for number, piece in enumerate(pieces):
            found += self._whole_or_split(f"{name}.{number}", fn, piece, *args, **kwargs)
        return found

    def fits_another(self, error: ContextOverflow) -> bool:
        """Say whether another way than splitting is left for what was too long."""
        del error
        return False


def splitting(split: Callable[[T], Sequence[T]]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Say how an item of ``run.each`` is cut into smaller ones when it is longer than every model left can read."""

    def mark(fn: Callable[P, R]) -> Callable[P, R]:
        fn.split = split  # type: ignore[attr-defined] # read by Run.each
        return fn

    return mark


def name_of(fn: Callable[..., Any]) -> str:
    """Give the name of a step; raises ``ValueError`` for a function without one."""
    name: str = getattr(fn, "__name__", "")
    if not name or name == "<lambda>":
        raise ValueError(f"{fn!r} has no name; a step is named by its function")
    return name


@lru_cache(maxsize=1024)
def shape_of(fn: Callable[..., Any]) -> TypeAdapter[Any]:
    """Give what turns the results of a step to JSON and back."""
    return TypeAdapter(get_type_hints(fn).get("return", Any))


def _restored(name: str, shape: TypeAdapter[R], found: bytes) -> R:
    try:
        return shape.validate_json(found)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in told["loc"]) or "its result"
        raise Permanent(
            f"step {name!r} was saved by another version of the code and does not fit this one: {where}: {told['msg']}"
        ) from None
