"""Follows a flow to its end: shows what happens, notes how long it took, and calls it off when it is not wanted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipeline.cli.crew import Crew
from pipeline.cli.interrupts import Interrupts
from pipeline.cli.showing import Part, View
from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from pipeline.events import Event
    from pipeline.flow import FlowHandle
    from pipeline.inspector import Inspector

#: How long Redis may be away while a flow is followed.
PATIENCE = timedelta(seconds=30)

#: How long runs that were asked to stop may take before their workers are stopped.
FAREWELL = timedelta(seconds=6)

_LOOK = timedelta(milliseconds=250)
_SILENCE_S = 3.0  # without an event for as long as this, the flow itself is looked at


class Following:
    """One flow, from its start to its end, as its command sees it."""

    def __init__(
        self,
        flow: FlowHandle[Any],
        inspector: Inspector,
        crew: Crew,
        interrupts: Interrupts,
        documents: Sequence[str],
    ) -> None:
        self._flow = flow
        self._inspector = inspector
        self._crew = crew
        self._interrupts = interrupts
        self._parts = {handle.id: _part(node, documents) for node, handle in flow.runs.items()}
        self._open = list(self._parts)
        self._places: dict[str, str] = {}
        self._began_ms: dict[str, int] = {}
        self._spent_ms: dict[str, int] = {}

    def to_the_end(self, timeout: timedelta | None, view: View) -> None:
        """Show what happens until every run ended.

        Raises ``KeyboardInterrupt`` when somebody wants it to stop, ``TimeoutError`` after ``timeout``, and
        ``Unavailable`` when the workers cannot work or Redis stays away.
        """
        limit = None if timeout is None else time.monotonic() + timeout.total_seconds()
        heard = time.monotonic()
        while self._open:
            self._interrupts.check()
            self._crew.check()
            if limit is not None and time.monotonic() > limit:
                raise TimeoutError(f"The study did not end within {timeout}.")
            events = self._listen(view)
            for event in events:
                self._note(event)
                view.see(self._parts[event.run], event)
            if events:
                heard = time.monotonic()
            elif time.monotonic() - heard > _SILENCE_S:
                heard = time.monotonic()
                if self._flow.state() != "running":
                    return

    def call_off(self, view: View) -> None:
        """Ask every run to stop, and give the ones that a worker has in hand a moment to do so."""
        view.note("Cancelling; Ctrl-C again does not wait for what runs.")
        limit = time.monotonic() + FAREWELL.total_seconds()
        with suppress(Unavailable):  # without Redis there is nobody to ask
            self._flow.cancel()
            while self._open and time.monotonic() < limit and not self._interrupts.insisted:
                for event in self._inspector.watch(self._open, self._places, _LOOK):
                    self._note(event)
            self._flow.cancel()

    def spent(self) -> dict[str, float]:
        """Give the seconds from start to end of the runs of each actor, added up."""
        return {actor: round(ms / 1000, 3) for actor, ms in self._spent_ms.items()}

    def _listen(self, view: View) -> list[Event]:
        limit = time.monotonic() + PATIENCE.total_seconds()
        told = False
        while True:
            try:
                return self._inspector.watch(self._open, self._places, _LOOK)
            except Unavailable:
                self._interrupts.check()
                if time.monotonic() > limit:
                    raise
                if not told:
                    view.note("Redis does not answer; waiting for it.")
                    told = True
                self._interrupts.pause(0.5)

    def _note(self, event: Event) -> None:
        self._crew.goes_on()
        if event.event == "started":
            self._began_ms.setdefault(event.run, event.at_ms)
        if event.final and event.run in self._open:
            self._open.remove(event.run)
            actor = self._parts[event.run].actor
            took = event.at_ms - self._began_ms.get(event.run, event.at_ms)
            self._spent_ms[actor] = self._spent_ms.get(actor, 0) + took


def _part(node: str, documents: Sequence[str]) -> Part:
    actor, _, item = node.partition("[")
    if item:
        return Part(documents[int(item.rstrip("]"))], actor, int(item.rstrip("]")))
    return Part("all documents" if len(documents) > 1 else documents[0], actor)
