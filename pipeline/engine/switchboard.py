"""Hears of news in many logs through one connection, however many listen."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis
import structlog

from pipeline.engine import keys
from pipeline.engine.log_reader import LogReader, Part
from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from pipeline.engine.store import Store

#: Every log is looked at this often even if there is no news of it.
_LOOK_UP_S = 10.0

#: Pause between tries while Redis does not answer.
_PAUSE_S = 0.25

log = structlog.get_logger(__name__)


@dataclass
class _Line:
    """A log that is followed: how far it is read, and who gets what comes."""

    place: int
    deliver: Callable[[Part], None]


class Switchboard:
    """A thread that passes on new parts of the logs that are followed; it runs while there are any."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reader = LogReader(store)
        self._watch_logs = store.script("watch_logs")
        self._bell = f"{keys.prefix(store.namespace)}bell:{os.urandom(8).hex()}"
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}
        self._thread: threading.Thread | None = None

    def follow(self, record: str, place: int, deliver: Callable[[Part], None]) -> None:
        """Pass what is written to a record's log after ``place`` to ``deliver``, in a thread of its own.

        It takes effect with the next call of ``ring``.
        """
        with self._lock:
            self._lines[record] = _Line(place, deliver)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="switchboard", daemon=True)
                self._thread.start()

    def leave(self, record: str) -> None:
        """Follow a record's log no more."""
        with self._lock:
            self._lines.pop(record, None)

    def ring(self) -> None:
        """Make the thread look at what it is to follow now; blocks for one call to Redis."""
        try:
            self._store.client.publish(self._bell, b"")
        except redis.RedisError as error:
            log.warning("redis_unavailable", error=str(error))  # the thread finds out, too, and begins anew

    def _run(self) -> None:
        while True:
            try:
                with closing(self._store.client.pubsub()) as pubsub:  # type: ignore[no-untyped-call]
                    pubsub.subscribe(self._bell)
                    self._listen(pubsub)
            except (redis.RedisError, Unavailable) as error:
                log.warning("redis_unavailable", error=str(error))
                time.sleep(_PAUSE_S)
            with self._lock:
                if not self._lines:
                    self._thread = None
                    return

    def _listen(self, pubsub: Any) -> None:
        heard: set[str] = set()
        looked = time.monotonic()
        while True:
            with self._lock:
                wanted = set(self._lines)
            if not wanted:
                return
            if new := wanted - heard:
                pubsub.subscribe(*map(_channel, new))
            if gone := heard - wanted:
                pubsub.unsubscribe(*map(_channel, gone))
            heard = wanted
            news, confirmed = self._hear(pubsub)
            if time.monotonic() - looked > _LOOK_UP_S:
                looked, confirmed = time.monotonic(), wanted
            if confirmed:  # from now on they are announced; what was written before is read now
                self._watch_logs(*confirmed)
            self._pass_on((news | confirmed) & wanted)

    @staticmethod
    def _hear(pubsub: Any) -> tuple[set[str], set[str]]:
        """Give the records that there is news of, and those whose news will be heard from now on."""
        news, confirmed = set(), set()
        message = pubsub.get_message(timeout=_LOOK_UP_S)
        while message is not None:
            record = message["channel"].decode().removesuffix(":log")
            if message["type"] == "message":
                news.add(record)
            elif message["type"] == "subscribe":
                confirmed.add(record)
            message = pubsub.get_message(timeout=0)
        return news, confirmed

    def _pass_on(self, records: Iterable[str]) -> None:
        for record in records:
            with self._lock:
                line = self._lines.get(record)
            if line is None:
                continue
            part = self._reader.read(record, line.place)
            if part.entries or part.shown:
                line.place = part.end
                line.deliver(part)


def _channel(record: str) -> str:
    return f"{record}:log"
