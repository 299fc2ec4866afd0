"""Run: one message's life, as an actor sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from pipeline import metrics
from pipeline.chain import CHECKPOINT, OFFLINE, Place, after_failure, choose, move_on
from pipeline.errors import ContextOverflow, Moved, Waiting
from pipeline.events import FINAL
from pipeline.journal import Journal
from pipeline.models import Models
from pipeline.outcome import Outcome
from pipeline.steps import Steps
from pipeline.tracing.context import current_correlation
from pipeline.tracing.spans import gathered

if TYPE_CHECKING:
    import structlog

    from pipeline.actor import Actor
    from pipeline.gate import Grade
    from pipeline.tracing.context import TraceContext

R = TypeVar("R")
In = TypeVar("In")
Out = TypeVar("Out")

#: The run of the attempt that this thread, or this task, is working on.
current_run: ContextVar[Run | None] = ContextVar("current_run", default=None)


class Run(Steps):
    """What an actor knows of its run, and what it may ask of it."""

    #: What a gate found wanting in the last draft; empty while there is none.
    feedback = ""
    #: The tick of its schedule that it is the run of; none for a run that no schedule started.
    tick: datetime | None = None
    #: Where this attempt is in its trace.
    trace: TraceContext | None = None
    _place: Place | None = None
    _chosen: int | None = None

    def __init__(
        self,
        journal: Journal,
        *,
        run_id: str,
        actor: str,
        queue: str,
        attempt: int = 1,
        models: Models | None = None,
        correlation_id: str = "",
        group: str = "",
    ) -> None:
        super().__init__(journal, run_id=run_id, actor=actor)
        self.queue = queue
        self.attempt = attempt
        self.models = models or Models(OFFLINE)
        self.correlation_id = correlation_id
        self.group = group

    @property
    def place(self) -> Place:
        """Where it stands in its chain of models."""
        if self._place is None:
            kept = self.recall(CHECKPOINT)
            place = Place() if kept is None else Place.model_validate_json(kept)
            self._place = place if place.at < len(self.models) else Place()
        return self._place

    @property
    def here(self) -> Place:
        """Where it stands with the model in use: the ones between its place and that were passed over."""
        if self._chosen is None or self._chosen == self.place.at:
            return self.place
        return self.place.model_copy(update={"at": self._chosen, "bad": 0})

    @property
    def model(self) -> str:
        """The language model to use: the first of the chain, from where the run stands, that can be asked now.

        Raises ``Parked`` when none can.
        """
        if self._chosen is None:
            left = self.models[self.place.at :]
            alone = len(left) == 1 or left[0] == OFFLINE
            self._chosen = self.place.at if alone else choose(self.place, self.models, self.journal.waits(left))
        return self.models[self._chosen]

    @property
    def used_model(self) -> str:
        """The model that this attempt used; empty if it asked for none."""
        return "" if self._chosen is None else self.models[self._chosen]

    @property
    def degraded(self) -> bool:
        """Whether the offline generator did what models were asked to do."""
        return len(self.models) > 1 and self.used_model == OFFLINE

    def next_model(self, reason: str) -> bool:
        """Move on to the next model of the chain for the rest of the run; false if there is none.

        Raises ``Moved`` when that is the offline generator: the actor starts over with it.
        """
        moved = move_on(self.here, self.models, reason)
        if moved is None:
            return False
        metrics.moved(self.models[self.here.at], self.models[moved.at], "gate")
        self.stand(moved)
        if self.model == OFFLINE:
            raise Moved(f"{reason}: only the offline generator is left")
        return True

    def stand(self, place: Place) -> None:
        """Remember another place in the chain."""
        self.remember(CHECKPOINT, place.model_dump_json().encode(), replace=True)
        self._place, self._chosen = place, None

    @property
    def now(self) -> datetime:
        """The time, in UTC: by the clock of Redis, or by the still clock of a test."""
        return self.journal.now()

    @property
    def log(self) -> structlog.typing.FilteringBoundLogger:
        """A logger that names this run in every line."""
        import structlog

        logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(self.actor)
        return logger

    def gather(
        self, actor: Actor[In, Out], payloads: Iterable[In], *, models: Models | None = None, name: str = ""
    ) -> list[Outcome[Out]]:
        """Run an actor for every payload, as runs of their own and in parallel, and give what became of each.

        The run waits for them without a thread and without spending an attempt, and goes on when all have ended: an
        actor calls it with the same payloads again, so they come from the payload or from an earlier step. ``models``
        replaces the actor's chain. A run that gathers the same actor several times gives each time a ``name``.
        Cancelling the run cancels them.
        """
        from pipeline.sending import Send

        name = f"~children:{name or actor.actor_name}"
        self.use(name)
        wanted = list(payloads)
        ids = [_child_id(self.id, name, number) for number in range(len(wanted))]
        if self.recall(name) is None:
            self.proceed(name)
            sendings = (
                Send(payload=one, group=self.group, correlation_id=self.correlation_id or self.id, models=models)
                for one in wanted
            )
            runs = (actor.new_run(sending, run_id=child) for sending, child in zip(sendings, ids, strict=True))
            self.journal.spawn(list(runs))
            self.remember(name, orjson.dumps(len(ids)))
        rows = self.journal.outcomes(ids)
        left = sum(state not in FINAL and state != "" for state, _, _, _ in rows)
        if left:
            raise Waiting(f"waits for {left} of {len(ids)} runs of {actor.actor_name}")
        gathered(self.trace, ids)
        return [
            Outcome(
                state=state or "removed",
                run=child,
                value=actor.result_shape.validate_json(result) if result is not None else None,
                reason=reason,
                message=message,
            )
            for child, (state, result, reason, message) in zip(ids, rows, strict=True)
        ]

    def gate(
        self,
        fn: Callable[..., R],
        *args: Any,
        check: Callable[[R], Grade],
        threshold: float = 0.75,
        repairs: int = 1,
        review: bool = True,
    ) -> R:
        """Have ``fn`` make drafts until ``check`` grades one at ``threshold`` or above, and give that one.

        A draft below it is made again with ``run.feedback`` set, ``repairs`` times a model, then by the next model of
        the chain. When no model is left a person decides (``review``), or ``QualityError`` is raised. Each draft is a
        step; none of it is a failure or spends an attempt, and every grade is kept.
        """
        from pipeline.gate import hold

        return hold(self, fn, args, check=check, threshold=threshold, repairs=repairs, review=review)

    def effect(
        self,
        fn: Callable[..., R],
        *args: Any,
        key: str,
        lookup: Callable[[str], R | None] | None = None,
        idempotent: bool = False,
        **kwargs: Any,
    ) -> R:
        """Call ``fn``, which changes the world outside, and never blindly again.

        The intent is written before the call and the outcome after it. If a worker dies in between, ``lookup`` is asked
        what happened; an ``idempotent`` one is called again under the same key; any other is put up for review. ``fn``
        gets the key as ``idempotency_key`` if it takes one; it is the same in all attempts.
        """
        from pipeline.effect import perform

        return perform(self, fn, args, kwargs, key=key, lookup=lookup, idempotent=idempotent)

    def write(self, text: str, stream: str = "text") -> None:
        """Publish a piece of text to whoever listens; what an attempt that starts over writes replaces the former."""
        self.texts.write(stream, text)

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
        self._reporter.enter(stage, percent, until)
        self._reporter.report(stage, percent, message, done, total, metadata)

    def flush(self, *, ended: bool = False) -> None:
        """Publish the last report, and the last piece of text, if their turn had not come.

        When the run has ``ended`` its texts end there too: what an earlier attempt wrote beyond is taken back.
        """
        if self._texts is not None:
            self._texts.end() if ended else self._texts.flush()
        if "_reporter" in self.__dict__:
            self._reporter.flush()

    def fits_another(self, error: ContextOverflow) -> bool:
        """Say whether a model further down the chain may read what was too long for the present one."""
        from pipeline.llm.catalogue import window

        moved = after_failure(self.here, self.models, error.kind, window=window, tokens=error.tokens)
        return moved is not None and self.models[moved.at] != OFFLINE


def correlation_here() -> str:
    """Give the correlation id that what is sent from here has unless it is given another; empty if there is none."""
    run = current_run.get()
    return current_correlation() or ("" if run is None else run.correlation_id or run.id)


def as_ms(duration: timedelta) -> int:
    """Give a duration in whole milliseconds, as Redis and Dramatiq count."""
    return int(duration.total_seconds() * 1000)


def _child_id(parent: str, name: str, number: int) -> str:
    return hashlib.blake2b(f"{parent}/{name}/{number}".encode(), digest_size=16).hexdigest()
