"""The events of runs and flows on their way to many clients of one process: each is read and encoded once for all."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import orjson

from pipeline.engine.log_reader import LogReader, Part
from pipeline.engine.switchboard import Switchboard
from pipeline.event_log import ENDS, Place, events_of
from pipeline.events import Event

if TYPE_CHECKING:
    from pipeline.engine.store import Store

#: Bytes of encoded events that are kept of one log; who is further behind reads the log itself.
_RECENT_BYTES = 131_072

#: Clients are woken so often for one log, at most: what comes in between is given to them at once.
_WAKE_EVERY_S = 0.05

#: Threads, and so connections, that read for clients who are behind.
_READERS = 4


class Frame(NamedTuple):
    """An event, encoded: its number, and whether it may be the last."""

    number: int
    data: bytes
    last: bool


@dataclass
class Topic:
    """What is new in one log, for everybody who follows it; nothing is kept for a single client."""

    owner: str
    record: str
    end: int
    followers: int = 0
    recent: deque[Frame] = field(default_factory=deque)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _bytes: int = 0
    _woken_at: float = 0.0
    _waking: asyncio.TimerHandle | None = None

    def after(self, number: int) -> list[Frame] | None:
        """Give the frames after a number, or none if they are not all kept here."""
        if number >= self.end:
            return []
        first = self.recent[0].number if self.recent else self.end + 1
        return None if number + 1 < first else list(islice(self.recent, number + 1 - first, None))

    def add(self, part: Part) -> None:
        """Take a new part of the log, and wake everybody."""
        if part.shown is None and part.end <= self.end:
            return  # read for whoever followed this log before
        if part.shown is not None or part.start != self.end:
            self.recent.clear()
            self._bytes = 0
        if part.shown is None:
            for event in events_of(self.owner, Place(part.start), part):
                self.recent.append(encode(event))
                self._bytes += len(self.recent[-1].data)
        self.end = part.end
        while self._bytes > _RECENT_BYTES:
            self._bytes -= len(self.recent.popleft().data)
        if self._waking is None:
            loop = asyncio.get_running_loop()
            self._waking = loop.call_at(self._woken_at + _WAKE_EVERY_S, self.wake)  # at once after a silence

    def wake(self) -> None:
        """Have everybody look for something to send, be it a sign of life."""
        if self._waking is not None:
            self._waking.cancel()
            self._waking = None
        self._woken_at = asyncio.get_running_loop().time()
        self.changed.set()
        self.changed = asyncio.Event()


class Hub:
    """The topics of one event loop, and the few threads that ask Redis for all of its clients."""

    def __init__(self, store: Store, heartbeat_s: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.clients = 0
        self._reader = LogReader(store)
        self._switchboard = Switchboard(store)
        self._topics: dict[str, Topic] = {}
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="events")
        self._heartbeat_s = heartbeat_s
        self._beating: asyncio.TimerHandle | None = None

    async def read(self, record: str, place: int) -> Part:
        """Read a log from a place on, without blocking anybody; raises ``Unavailable``."""
        return await self.loop.run_in_executor(self._pool, self._reader.read, record, place)

    def join(self, owner: str, record: str, end: int) -> Topic:
        """Follow a log that was read up to ``end``; to be followed by ``leave``."""
        topic = self._topics.get(record)
        if topic is None:
            topic = self._topics[record] = Topic(owner, record, end)
            self._switchboard.follow(record, end, lambda part: self._deliver(record, part))
            self.loop.run_in_executor(self._pool, self._switchboard.ring)
        topic.followers += 1
        self.clients += 1
        if self._beating is None:
            self._beating = self.loop.call_later(self._heartbeat_s, self._beat)
        return topic

    def leave(self, topic: Topic) -> None:
        """Follow a log no more; the last one to do so ends what it cost."""
        topic.followers -= 1
        self.clients -= 1
        if topic.followers == 0:
            del self._topics[topic.record]
            self._switchboard.leave(topic.record)
            self.loop.run_in_executor(self._pool, self._switchboard.ring)

    def _deliver(self, record: str, part: Part) -> None:
        try:
            self.loop.call_soon_threadsafe(self._add, record, part)
        except RuntimeError:  # the loop was closed: nobody is left to listen
            self._switchboard.leave(record)

    def _add(self, record: str, part: Part) -> None:
        topic = self._topics.get(record)
        if topic is not None:
            topic.add(part)

    def _beat(self) -> None:
        self._beating = self.loop.call_later(self._heartbeat_s, self._beat) if self._topics else None
        for topic in self._topics.values():
            topic.wake()


def encode(event: Event) -> Frame:
    """Give an event as a server-sent event: its id, and all of it as JSON."""
    told = {"id": event.id, "run": event.run, "event": event.event, "at_ms": event.at_ms, "data": event.data}
    data = b"id: " + event.id.encode() + b"\ndata: " + orjson.dumps(told) + b"\n\n"
    return Frame(Place.parse(event.id).number, data, event.event in ENDS)
