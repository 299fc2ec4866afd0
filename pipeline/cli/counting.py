"""Watches runs to their end, and counts the children of one of them as they end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipeline.cli.crew import Crew
from pipeline.cli.interrupts import Interrupts
from pipeline.cli.output import error_console, tell
from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from pipeline.events import Event
    from pipeline.inspector import Inspector

_LOOK = timedelta(milliseconds=250)
#: How long Redis may be away meanwhile, and how long runs that were asked to stop may take.
_PATIENCE_S, _FAREWELL_S = 30.0, 6.0


@dataclass(slots=True)
class Counting:
    """Shows on stderr how many lessons are made; a bar on a terminal, lines elsewhere, nothing for programs."""

    show: bool
    done: int = 0
    total: int = 0
    failed: int = 0
    _bar: Any = field(default=None, init=False)

    def see(self, event: Event) -> None:
        """Take in what happened to the batch."""
        if event.event != "child":
            return
        self.done, self.total = int(event.data["done"]), int(event.data["total"])
        self.failed += event.data.get("state") != "completed"
        if not self.show:
            return
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self.done, total=self.total, description=self._told())
        else:
            tell(self._told())

    def bar(self) -> Any:
        """Give a bar, shown inside its block, where there is a terminal for it."""
        if not self.show or not error_console().is_terminal:
            return nullcontext()
        from rich.progress import Progress

        self._bar = Progress(console=error_console())
        self._bar.add_task("lessons", total=None)
        return self._bar

    def _told(self) -> str:
        return f"lessons: {self.done} of {self.total}" + (f", {self.failed} failed" if self.failed else "")


class Watch:
    """Some runs, from their start to their end, as the command sees them."""

    def __init__(self, inspector: Inspector, crew: Crew, interrupts: Interrupts, runs: Sequence[str]) -> None:
        self._inspector = inspector
        self._crew = crew
        self._interrupts = interrupts
        self._open = list(runs)
        self._places: dict[str, str] = {}

    def to_the_end(self, counting: Counting, timeout: timedelta | None) -> None:
        """Count until every run ended.

        Raises ``KeyboardInterrupt`` when somebody wants it to stop, ``TimeoutError`` after ``timeout``, and
        ``Unavailable`` when the workers cannot work or Redis stays away.
        """
        limit = None if timeout is None else time.monotonic() + timeout.total_seconds()
        away_since: float | None = None
        while self._open:
            self._interrupts.check()
            self._crew.check()
            if limit is not None and time.monotonic() > limit:
                raise TimeoutError(f"The lessons were not made within {timeout}.")
            try:
                self._take(counting)
                away_since = None
            except Unavailable:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > _PATIENCE_S:
                    raise
                self._interrupts.pause(0.5)

    def until_asked(self, runs: Sequence[str]) -> None:
        """Wait a moment for runs that were just sent to come to where they wait for a person."""
        limit = time.monotonic() + _FAREWELL_S
        with suppress(Unavailable):  # they get there some time later
            while any(self._inspector.state(run_id) in {"queued", "running"} for run_id in runs):
                if time.monotonic() > limit or self._interrupts.asked:
                    return
                self._interrupts.pause(0.05)

    def call_off(self) -> None:
        """Ask every run to stop, and give the ones that a worker has in hand a moment to do so."""
        tell("Cancelling; Ctrl-C again does not wait for what runs.")
        limit = time.monotonic() + _FAREWELL_S
        with suppress(Unavailable):  # without Redis there is nobody to ask
            for run_id in reversed(self._open):
                self._inspector.cancel(run_id)
            while self._open and time.monotonic() < limit and not self._interrupts.insisted:
                self._take(Counting(show=False))

    def _take(self, counting: Counting) -> None:
        for event in self._inspector.watch(self._open, self._places, _LOOK):
            self._crew.goes_on()
            counting.see(event)
            if event.final and event.run in self._open:
                self._open.remove(event.run)
