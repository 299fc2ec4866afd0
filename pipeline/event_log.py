"""The logs of runs and flows: read from any place, and followed until the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Self

import orjson

from pipeline.engine import keys
from pipeline.engine.log_reader import LogReader, Part, Shown
from pipeline.events import FINAL, FLOW_EVENTS, Event
from pipeline.text_view import TextPiece, TextView

if TYPE_CHECKING:
    from pipeline.engine.store import Store

#: A blocking read asks again this often, so that a dead connection is noticed.
_LOOK_UP = timedelta(seconds=2)

#: Events after which nothing follows, unless a dead run is retried.
ENDS = FINAL | (FLOW_EVENTS.keys() - {"node", "reopened"})

#: What a gap tells the last of; before it they are not told again.
_IN_GAPS = frozenset({"text", "reset", "progress"})


class Place(NamedTuple):
    """How far a reader is: the number of the last event it has, and up to which one a gap told it the rest.

    Written as the id of that event: ``612``, or ``612~1003`` until the reader is past that one.
    """

    number: int = 0
    told: int = 0

    @classmethod
    def parse(cls, after: str) -> Self:
        """Read the id of an event, or nothing for the beginning; raises ``ValueError`` for anything else."""
        number, _, told = after.partition("~")
        if not all(part == "" or (part.isascii() and part.isdigit()) for part in (number, told)):
            raise ValueError(f"{after!r} is not the id of an event")
        return cls(int(number or 0), int(told or 0))

    def __str__(self) -> str:
        return f"{self.number}~{self.told}" if self.told > self.number else str(self.number)


class EventLog:
    """Reads events; every event's id is a place to go on from."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ns = store.namespace
        self._reader = LogReader(store)

    @property
    def store(self) -> Store:
        """Where the logs are."""
        return self._store

    def state(self, run_id: str) -> str | None:
        """Give a run's state, or none if it is unknown or was removed by retention."""
        found = self._store.read("hget", keys.run(self._ns, run_id), "state")
        return None if found is None else found.decode()

    def events(
        self, run_id: str, *, after: str = "", follow: bool = True, timeout: timedelta | None = None
    ) -> Iterator[Event]:
        """Give a run's events from the first, or from the one after id ``after``, and wait for more until it ended.

        The first event, *queued*, is told from the record: a run that waits has no log yet. Of more than a thousand
        events the older half is gone; whoever misses some of them gets a *gap* in their place, with the texts and the
        progress as they are now. Raises ``TimeoutError`` after ``timeout`` without an end.
        """
        queued_ms = self._store.read("hget", keys.run(self._ns, run_id), "queued_ms")
        if queued_ms is None:
            return
        if not after and not told_from_the_start(self._reader.read(keys.run(self._ns, run_id), 0)):
            yield Event("0", run_id, "queued", int(queued_ms))
        ended = lambda: self.state(run_id) in {*FINAL, None}  # noqa: E731 - a name for what is asked
        yield from self._follow(run_id, Place.parse(after), follow, timeout, ended)

    def flow_events(self, flow_id: str, *, after: str = "", timeout: timedelta | None = None) -> Iterator[Event]:
        """Give a flow's events and wait for more until it ended."""
        key = keys.flow(self._ns, flow_id)
        ended = lambda: self._store.read("hget", key, "state") != b"running"  # noqa: E731 - a name for what is asked
        yield from self._follow(flow_id, Place.parse(after), True, timeout, ended, flow=True)

    def text(
        self, run_id: str, stream: str = "text", *, follow: bool = True, timeout: timedelta | None = None
    ) -> Iterator[TextPiece]:
        """Give a text of a run as it is written: ``shown = shown[:piece.at] + piece.text`` is always what is there.

        A piece with an ``at`` before the end takes back what an attempt wrote that started over. Raises as ``events``.
        """
        view = TextView()
        for event in self.events(run_id, follow=follow, timeout=timeout):
            yield from (piece for piece in view.apply(event) if piece.stream == stream)

    def watch(self, run_ids: Sequence[str], places: dict[str, str], block: timedelta) -> list[Event]:
        """Give the events of several runs after each one's place, waiting ``block`` at most; ``places`` is moved on."""
        events = self._news(run_ids, places)
        if events or not run_ids:
            return events
        with self._store.listen(keys.run(self._ns, run_id) for run_id in run_ids) as listener:
            return self._news(run_ids, places) or (listener.wait(block) and self._news(run_ids, places)) or []

    def _news(self, run_ids: Sequence[str], places: dict[str, str]) -> list[Event]:
        events = []
        for run_id in run_ids:
            for event in self._after(run_id, Place.parse(places.get(run_id, ""))):
                events.append(event)
                places[run_id] = event.id
        return events

    def _follow(
        self,
        owner: str,
        place: Place,
        follow: bool,
        timeout: timedelta | None,
        ended: Callable[[], bool],
        *,
        flow: bool = False,
    ) -> Iterator[Event]:
        limit = None if timeout is None else time.monotonic() + timeout.total_seconds()
        record = keys.flow(self._ns, owner) if flow else keys.run(self._ns, owner)
        if not follow or ended():
            yield from self._after(owner, place, flow=flow)
            return
        with self._store.listen([record]) as listener:
            while True:
                over = ended()
                events = self._after(owner, place, flow=flow)
                yield from events
                if events:
                    place = Place.parse(events[-1].id)
                if over:  # it was before they were read, so these were the last
                    return
                if limit is not None and time.monotonic() >= limit:
                    raise TimeoutError(f"{owner} has not ended after {timeout}")
                if not (events and ended()):
                    left = _LOOK_UP.total_seconds() if limit is None else limit - time.monotonic()
                    listener.wait(min(_LOOK_UP, timedelta(seconds=max(0.001, left))))

    def _after(self, owner: str, place: Place, *, flow: bool = False) -> list[Event]:
        record = keys.flow(self._ns, owner) if flow else keys.run(self._ns, owner)
        return events_of(owner, place, self._reader.read(record, place.number))


def events_of(owner: str, place: Place, part: Part) -> list[Event]:
    """Give the events of a part of a log to a reader at ``place``: first a gap if some are gone that it does not have.

    What a gap told the last of is left out until then: texts, their resets, and progress.
    """
    events: list[Event] = []
    told = place.told
    if part.shown is not None:
        told = part.end
        start = part.start if place.number < part.start else part.end
        missed = max(0, part.start - place.number)
        events.append(
            Event(str(Place(start, told)), owner, "gap", part.shown.at_ms, _gap(part.shown, part.state, missed))
        )
        if start == part.end:  # it had more than there is: Redis lost the last of it
            return events
    for number, entry in enumerate(part.entries, part.start + 1):
        fields = orjson.loads(entry)
        if number > told or fields["event"] not in _IN_GAPS:
            events.append(
                Event(str(Place(number, told)), owner, fields["event"], fields["at_ms"], fields["data"] or {})
            )
    return events


def told_from_the_start(part: Part) -> bool:
    """Tell whether the log of a run begins with *queued*; most do not, and the record tells it."""
    return part.shown is None and bool(part.entries) and bool(orjson.loads(part.entries[0])["event"] == "queued")


def _gap(shown: Shown, state: str, missed: int) -> dict[str, object]:
    data: dict[str, object] = {"missed": missed, "texts": shown.texts, "epoch": shown.fence, "state": state}
    if shown.progress:
        data["progress"] = orjson.loads(shown.progress)
    return data
