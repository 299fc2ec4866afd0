"""Journal: where a run's steps, reports and children are kept, and what its worker knows about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pipeline.engine.records import NewRun
    from pipeline.health import Health


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call may not be made now: the gate, for how long, and whether the run is to ``wait`` or to ``stop``."""

    gate: str
    wait: timedelta
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What one call of a model took, and how it came to be that model."""

    model: str
    asked: str
    reason: str
    outcome: str
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    #: Millionths of a dollar; nothing if the price is not known.
    micros: int
    seconds: float


class Journal(Protocol):
    """What a run is written to. Whatever writes raises ``LeaseLost`` if the run is another worker's now."""

    stopping: bool
    cancelled: bool
    lost: bool

    def now(self) -> datetime:
        """Give the time, in UTC; of a worker, by the clock of Redis."""

    def load_steps(self) -> dict[str, bytes]:
        """Give the results of the steps that finished in earlier attempts."""

    def confirm(self) -> None:
        """Make sure that the run is still this worker's."""

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        """Remember a finished step for good; what is there already stays, unless it is to be replaced."""

    def report(self, progress: bytes) -> None:
        """Publish a report."""

    def append_text(self, stream: str, offset: int, text: str) -> int:
        """Publish a piece of text that begins at ``offset``; what was there from ``offset`` on is gone.

        Gives 2 if the run was asked to stop, else 1.
        """

    def spawn(self, children: Sequence[NewRun]) -> None:
        """Start runs whose end this one waits for; starting them again changes nothing."""

    def outcomes(self, run_ids: Sequence[str]) -> list[tuple[str, bytes | None, str, str]]:
        """Give state, result as JSON, reason and last error of each child."""

    def waits(self, models: Sequence[str]) -> list[timedelta]:
        """Say for how long each model cannot be asked: nothing for one that can."""

    def reserve(self, model: str, tokens: int, micros: int | None) -> str | Refusal:
        """Ask for one call of a model that takes so much at most; gives what ``settle`` wants, or why not now.

        ``micros`` are millionths of a dollar, or none if nobody knows the price.
        """

    def settle(self, reserved: str, billed: Billed, health: Health, wait: timedelta) -> None:
        """End a call that was reserved: what it took, and what it says of the provider, which may ask to ``wait``."""
