"""A run's journal in memory, in place of Redis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from pipeline import ids
from pipeline.health import Health
from pipeline.journal import Billed, Refusal
from pipeline.testing.clock import StillClock

if TYPE_CHECKING:
    from pipeline.engine.records import NewRun

#: State, result as JSON, reason and last error of a child.
Ending = tuple[str, bytes | None, str, str]


@dataclass
class MemoryJournal:
    """Keeps what a run writes: set ``stopping``, ``cancelled`` or ``lost`` to see what the actor does about it.

    ``away`` says for how long which model cannot be asked, ``refusals`` which may not be asked now, ``ends`` what
    became of the children; ``billed`` is what each call of a model took.
    """

    steps: dict[str, bytes] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    #: What was streamed, by the name of the stream.
    texts: dict[str, str] = field(default_factory=dict)
    children: dict[str, NewRun] = field(default_factory=dict)
    ends: dict[str, Ending] = field(default_factory=dict)
    away: dict[str, timedelta] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    billed: list[Billed] = field(default_factory=list)
    clock: StillClock = field(default_factory=StillClock)
    stopping: bool = False
    cancelled: bool = False
    lost: bool = False
    #: A journal is that of one run, however often it is resumed.
    run_id: str = field(default_factory=ids.new)

    def now(self) -> datetime:
        """Give the time by ``clock``."""
        return self.clock.now()

    def load_steps(self) -> dict[str, bytes]:
        """Give the steps saved so far."""
        return dict(self.steps)

    def confirm(self) -> None:
        """Nobody else can take the run."""

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        """Remember a finished step; what is there already stays, unless it is to be replaced."""
        if replace or name not in self.steps:
            self.steps[name] = value

    def report(self, progress: bytes) -> None:
        """Keep a report."""
        self.reports.append(orjson.loads(progress))

    def append_text(self, stream: str, offset: int, text: str) -> int:
        """Keep a piece of text; what was there from ``offset`` on is gone.

        Gives 0, and keeps nothing, if less than that is there; 2 if the run was asked to stop, else 1.
        """
        there = self.texts.get(stream, "")
        if len(there) < offset:
            return 0
        self.texts[stream] = there[:offset] + text
        return 2 if self.cancelled else 1

    def spawn(self, children: Sequence[NewRun]) -> None:
        """Keep the children; nothing runs them here."""
        for child in children:
            self.children.setdefault(child.id, child)

    def complete(self, run_id: str, result: Any) -> None:
        """Let a child end well, with a result as JSON values."""
        self.ends[run_id] = ("completed", orjson.dumps(result), "", "")

    def fail(self, run_id: str, *, reason: str = "permanent", message: str = "", state: str = "dead") -> None:
        """Let a child end badly."""
        self.ends[run_id] = (state, None, reason, message)

    def outcomes(self, run_ids: Sequence[str]) -> list[Ending]:
        """Give what became of the children: queued while nothing was said, nothing at all if there is no such child."""
        return [self.ends.get(one, ("queued" if one in self.children else "", None, "", "")) for one in run_ids]

    def waits(self, models: Sequence[str]) -> list[timedelta]:
        """Say for how long each model cannot be asked."""
        return [self.away.get(model, timedelta()) for model in models]

    def reserve(self, model: str, tokens: int, micros: int | None) -> str | Refusal:
        """Let a call of a model be made, unless it is among ``refusals``."""
        del tokens, micros
        return self.refusals.get(model) or ids.new()

    def settle(self, reserved: str, billed: Billed, health: Health, wait: timedelta) -> None:
        """Keep what a call took."""
        del reserved, health, wait
        self.billed.append(billed)
