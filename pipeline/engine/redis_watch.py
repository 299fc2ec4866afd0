"""Looks again and again whether Redis can be written, so that a probe need not wait for it."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import redis
import structlog

from pipeline.engine.store import Store
from pipeline.errors import PipelineError

#: How often it looks.
EVERY = timedelta(seconds=2)

#: A Redis that has not answered for so long counts as one that does not.
LIMIT = timedelta(seconds=1)

#: An answer that is older says nothing any more.
OLDEST = timedelta(seconds=10)

_TTL_MS = 60_000

#: What it means, by the first kind that fits; what Redis or the network says may hold an address, and is not passed on.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (redis.exceptions.ReadOnlyError, "Redis refuses to be written: it is a replica (READONLY)"),
    (redis.exceptions.OutOfMemoryError, "Redis refuses to be written: its memory is full (maxmemory)"),
    (redis.exceptions.NoPermissionError, "Redis refuses: its user may not run our scripts, or not write our keys"),
    (redis.AuthenticationError, "Redis refuses our user or password"),
    (redis.BusyLoadingError, "Redis is loading its data"),
    (redis.TimeoutError, "Redis does not answer in time"),
    (redis.ConnectionError, "Redis cannot be reached"),
)

log = structlog.get_logger(__name__)


class RedisWatch(threading.Thread):
    """A thread that writes one key, by a script, every two seconds; ``check`` says at once what came of it.

    It has connections of its own, and shares no lock with whoever works.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(name="redis-watch", daemon=True)
        self._probe = Store(store.client, store.namespace).script("probe")
        self._stopping = threading.Event()
        #: Since when an answer is waited for; None between two questions.
        self._asked_at: float | None = None
        #: What failed last, and when that was known; nothing was asked before the first.
        self._last: tuple[float, str | None] | None = None

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def check(self) -> str | None:
        """Say what fails, from what is known: it is two seconds old at most, or says how old it is."""
        now, asked_at, last = time.monotonic(), self._asked_at, self._last
        waits = now - asked_at if asked_at is not None else 0.0
        if waits > LIMIT.total_seconds():
            return f"Redis has not answered for {waits:.0f} s"
        if last is None:
            return "Redis has not answered yet"
        known_at, failed = last
        if now - known_at > OLDEST.total_seconds():
            return f"nobody has looked for {now - known_at:.0f} s whether Redis can be written"
        return failed

    def run(self) -> None:
        while True:
            self._look()
            if self._stopping.wait(EVERY.total_seconds()):
                return

    def _look(self) -> None:
        self._asked_at = time.monotonic()
        try:
            self._probe(_TTL_MS)
            failed = None
        except PipelineError as error:
            failed = _reason(_first(error))
        except Exception:
            log.exception("redis_watch_failed")  # it must not end: a probe would go on saying what was true once
            failed = "the check itself failed"
        before, self._last = self._last, (time.monotonic(), failed)
        self._asked_at = None
        if failed is not None and (before is None or before[1] is None):
            log.warning("redis_unfit", why=failed)


def _first(error: BaseException) -> BaseException:
    """Give what Redis said: the layers above may have said it in words of their own."""
    while isinstance(error.__cause__, redis.RedisError):
        error = error.__cause__
    return error


def _reason(error: BaseException) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    word = str(error).partition(" ")[0]
    code = f" ({word})" if word.isupper() and word.isalpha() else ""  # as MISCONF, CLUSTERDOWN, NOREPLICAS
    return f"Redis refuses to be written{code}"
