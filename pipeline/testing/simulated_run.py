"""A run of a simulation: its state, its policies' counters, and the journal that it writes to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from pipeline.events import FINAL
from pipeline.testing.journal import Ending, MemoryJournal

if TYPE_CHECKING:
    from pipeline.actor import Actor
    from pipeline.engine.records import NewRun


class WorkerDied(BaseException):
    """The worker of an attempt is gone in the middle of it; no code of the attempt may catch that."""


@dataclass(kw_only=True)
class SimulatedJournal(MemoryJournal):
    """A journal whose children are runs of the same simulation; a worker may die around every checkpoint."""

    start: Callable[[Sequence[NewRun]], None]
    look_up: Callable[[Sequence[str]], list[Ending]]
    dies: Callable[[], bool]

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        """Remember a finished step, unless the worker dies before it; it may die after it as well."""
        if self.dies():
            raise WorkerDied
        super().save_step(name, value, replace=replace)
        if self.dies():
            raise WorkerDied

    def spawn(self, children: Sequence[NewRun]) -> None:
        """Start the children; starting them again changes nothing."""
        super().spawn(children)
        self.start(children)

    def outcomes(self, run_ids: Sequence[str]) -> list[Ending]:
        """Give what became of the children."""
        return self.look_up(run_ids)


@dataclass(eq=False)
class SimulatedRun:
    """A run that was sent in a simulation: ``state`` and ``reason`` are as a worker would leave them."""

    id: str
    actor: Actor[Any, Any]
    payload: Any
    journal: SimulatedJournal
    gates: str = ""
    parent: str = ""
    state: str = "queued"
    reason: str = ""
    #: When it goes on, while it waits for a time.
    due: datetime | None = None
    #: Attempts that were spent; executions of any kind; waits for free, and how long they took together.
    attempts: int = 0
    starts: int = 0
    snoozes: int = 0
    waited: timedelta = timedelta(0)
    result: Any = None
    #: The failure of each attempt that failed, the last one last.
    errors: list[str] = field(default_factory=list)
    #: What a person is asked, while it is in review.
    review: dict[str, Any] | None = None
    #: Grows with every change of ``due``: what was planned before it counts no more.
    turn: int = 0
    #: Whether it has the permits of its gates.
    admitted: bool = False

    @property
    def ended(self) -> bool:
        """Whether it is completed, dead or cancelled."""
        return self.state in FINAL

    def ending(self) -> Ending:
        """Give what became of it, as its parent hears it."""
        result = self.actor.result_shape.dump_json(self.result) if self.state == "completed" else None
        return self.state, result, self.reason, self.errors[-1] if self.errors else ""

    def answer(self, says: str, value: Any) -> None:
        """Write down what a person said."""
        item = self.review or {}
        told = {"says": says, "value": value, "call": item.get("call"), "draft": item.get("draft", "")}
        self.journal.steps[item.get("answer", "answer:review")] = orjson.dumps(told)
        self.review = None
