"""The logs of runs and flows: read from any place, and followed until the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson

from pipeline.engine import keys
from pipeline.events import FINAL, FLOW_EVENTS, Event

if TYPE_CHECKING:
    from pipeline.engine.store import Store

#: A blocking read asks again this often, so that a dead connection is noticed.
_LOOK_UP = timedelta(seconds=2)

#: Events after which nothing follows.
_LAST = FINAL | (FLOW_EVENTS.keys() - {"node"})


class EventLog:
    """Reads events; every event's id is a place to go on from."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ns = store.namespace

    def state(self, run_id: str) -> str | None:
        """Give a run's state, or none if it is unknown or was removed by retention."""
        found = self._store.read("hget", keys.run(self._ns, run_id), "state")
        return None if found is None else found.decode()

    def events(
        self, run_id: str, *, after: str = "", follow: bool = True, timeout: timedelta | None = None
    ) -> Iterator[Event]:
        """Give a run's events from the first, or from the one after id ``after``, and wait for more until it ended.

        The first event, *queued*, is told from the record: a run that waits has no log yet. Of more than a thousand
        events the older half is gone. Raises ``TimeoutError`` after ``timeout`` without an end.
        """
        queued_ms = self._store.read("hget", keys.run(self._ns, run_id), "queued_ms")
        if queued_ms is None:
            return
        place = int(after or 0)
        if not after:
            first = self._entries(run_id, 0)[:1]
            if not first or first[0].id != "1" or first[0].event != "queued":
                yield Event("0", run_id, "queued", int(queued_ms))
        yield from self._follow(run_id, place, follow, timeout, lambda: self.state(run_id) in FINAL)

    def flow_events(self, flow_id: str, *, after: str = "", timeout: timedelta | None = None) -> Iterator[Event]:
        """Give a flow's events and wait for more until it ended."""
        key = keys.flow(self._ns, flow_id)
        ended = lambda: self._store.read("hget", key, "state") != b"running"  # noqa: E731 - a name for what is asked
        yield from self._follow(flow_id, int(after or 0), True, timeout, ended, flow=True)

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
            for event in self._entries(run_id, int(places.get(run_id, 0))):
                events.append(event)
                places[run_id] = event.id
        return events

    def _follow(
        self,
        owner: str,
        place: int,
        follow: bool,
        timeout: timedelta | None,
        ended: Callable[[], bool],
        *,
        flow: bool = False,
    ) -> Iterator[Event]:
        limit = None if timeout is None else time.monotonic() + timeout.total_seconds()
        record = keys.flow(self._ns, owner) if flow else keys.run(self._ns, owner)
        if not follow or ended():
            yield from self._entries(owner, place, flow=flow)
            return
        with self._store.listen([record]) as listener:
            while True:
                over = ended()
                entries = self._entries(owner, place, flow=flow)
                for event in entries:
                    place = int(event.id)
                    yield event
                    if event.event in _LAST:
                        return
                if not entries and over:
                    return
                if limit is not None and time.monotonic() >= limit:
                    raise TimeoutError(f"{owner} has not ended after {timeout}")
                if not over:
                    left = _LOOK_UP.total_seconds() if limit is None else limit - time.monotonic()
                    listener.wait(min(_LOOK_UP, timedelta(seconds=max(0.001, left))))

    def _entries(self, owner: str, after: int, *, flow: bool = False) -> list[Event]:
        record = keys.flow(self._ns, owner) if flow else keys.run(self._ns, owner)
        dropped = 0
        while True:
            start = max(0, after - dropped)
            now_dropped, found = self._store.read_log(record, start)
            if now_dropped == dropped:
                return [_event(owner, dropped + start + at, entry) for at, entry in enumerate(found, 1)]
            dropped = now_dropped


def _event(owner: str, number: int, entry: bytes) -> Event:
    told = orjson.loads(entry)
    return Event(id=str(number), run=owner, event=told["event"], at_ms=told["at_ms"], data=told["data"] or {})
