"""The logs of runs and flows: read from any place, and followed until the end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import orjson

from pipeline.engine import keys
from pipeline.engine.store import Store
from pipeline.events import FINAL, FLOW_EVENTS, Event

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

        The first event, *queued*, is told from the record: a run that waits has no log yet. Raises ``TimeoutError``
        after ``timeout`` without an end.
        """
        record = self._store.read("hmget", keys.run(self._ns, run_id), "queued_ms", "state")
        if record[0] is None:
            return
        key = keys.log(self._ns, run_id)
        if not after:
            queued_ms = int(record[0])
            after = f"{queued_ms - 1}-9"  # it may have started in the millisecond in which it was queued
            logged = self._store.read("xrange", key, f"{queued_ms}-0", count=1)
            if not logged or _event(run_id, logged[0]).event != "queued":
                yield Event(after, run_id, "queued", queued_ms)
        yield from self._follow(key, run_id, after, follow, timeout, lambda: self.state(run_id) in FINAL)

    def flow_events(self, flow_id: str, *, after: str = "0", timeout: timedelta | None = None) -> Iterator[Event]:
        """Give a flow's events and wait for more until it ended."""
        key = keys.flow(self._ns, flow_id)
        yield from self._follow(
            f"{key}:log", flow_id, after, True, timeout, lambda: self._store.read("hget", key, "state") != b"running"
        )

    def watch(self, run_ids: Sequence[str], places: dict[str, str], block: timedelta) -> list[Event]:
        """Give the events of several runs after each one's place, waiting ``block`` at most; ``places`` is moved on."""
        streams = {keys.log(self._ns, run_id): places.get(run_id, "0") for run_id in run_ids}
        if not streams:
            return []
        reply = self._store.read("xread", streams, block=max(1, int(block.total_seconds() * 1000)))
        events = []
        for name, [entries] in (reply or {}).items():
            run_id = name.decode().removesuffix(":log").rpartition(":run:")[2]
            for entry in entries:
                events.append(_event(run_id, entry))
                places[run_id] = events[-1].id
        return events

    def _follow(  # noqa: PLR0917 - told apart by name at the two places that call it
        self, key: str, owner: str, after: str, follow: bool, timeout: timedelta | None, ended: Any
    ) -> Iterator[Event]:
        limit = None if timeout is None else time.monotonic() + timeout.total_seconds()
        while True:
            over = ended()
            block = _LOOK_UP
            if limit is not None:
                block = min(block, timedelta(seconds=max(0.001, limit - time.monotonic())))
            reply = self._store.read(
                "xread", {key: after}, block=None if over or not follow else max(1, int(block.total_seconds() * 1000))
            )
            entries = reply[key.encode()][0] if reply else []
            for entry in entries:
                event = _event(owner, entry)
                after = event.id
                yield event
                if event.event in _LAST:
                    return
            if not entries and (over or not follow):
                return
            if limit is not None and time.monotonic() >= limit:
                raise TimeoutError(f"{owner} has not ended after {timeout}")


def _event(owner: str, entry: Any) -> Event:
    entry_id, fields = entry
    return Event(
        id=entry_id.decode(),
        run=owner,
        event=fields[b"event"].decode(),
        at_ms=int(entry_id.split(b"-")[0]),
        data=orjson.loads(fields[b"data"]) or {},
    )
