"""Puts a copy back into Redis, so that what was under way goes on and nobody from before can write to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import redis

from pipeline.engine import keys
from pipeline.engine.copied import Row, raw, text
from pipeline.engine.snapshot import PASSING
from pipeline.engine.store import Store
from pipeline.errors import InvalidInput, Unavailable

#: Rows sent in one call, and runs guarded in one.
BATCH = 100

#: What workers declare when they start: no work, so a Redis that holds nothing else counts as empty.
_DECLARED = ("declared_by", "limits", "breakers", "budgets", "queues", "ended:feed", "schedule")

_HEARD_MS = 15_000


class PuttingBack:
    """Takes the rows of a copy, in their order; ``finish`` sets the runs going.

    With ``plain`` they are put back as they are, which is for comparing. With ``ask`` a run asks, looks up or waits for
    a person before an effect that it knows nothing of: it may have happened after the copy was taken.
    """

    def __init__(
        self, client: redis.Redis, namespace: str, *, taken_ms: int, plain: bool = False, ask: bool = True
    ) -> None:
        store = Store(client, namespace)
        self._client, self._prefix = client, keys.prefix(namespace).encode()
        self._guard, self._requeue = store.script("guard_restored"), store.script("requeue_restored")
        self._taken_ms, self._plain, self._ask = taken_ms, plain, ask
        self._now_ms = _now_ms(client)
        self._rows: list[Row] = []
        self._unguarded: list[str] = []
        self._running: list[str] = []
        self._door = 0
        #: The last id that each stream has given out.
        self._streams: dict[str, str] = {}

    def add(self, row: Row) -> None:
        """Take the next row."""
        if row.expires_ms >= 0 and (self._plain or row.expires_ms <= self._now_ms):
            return
        if row.door != self._door:  # all runs are guarded before there is a way to them
            self._send(last=True)
            self._door = row.door
        self._rows.append(row)
        if row.kind == "stream" and row.number == 0:
            self._streams[row.key] = row.items[0][1][0]
        if len(self._rows) >= BATCH:
            self._send(last=False)

    def finish(self) -> int:
        """Put back what is left, and set going what was running; gives how many runs that were."""
        self._send(last=True)
        try:
            for key, last in self._streams.items():
                self._client.execute_command("XSETID", self._prefix + raw(key), last)  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error
        if self._plain:
            return 0
        count = 0
        for at in range(0, max(1, len(self._running)), BATCH):
            count += int(self._requeue(*self._running[at : at + BATCH]))
        return count

    def _send(self, *, last: bool) -> None:
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for row in self._rows:
                    name = self._prefix + raw(row.key)
                    for words in _commands(row, name):
                        pipe.execute_command(*words)  # type: ignore[no-untyped-call] # redis-py types none of these
                    if row.expires_ms >= 0 and row.number == 0:
                        pipe.pexpireat(name, row.expires_ms)
                pipe.execute()
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error
        self._unguarded += [row.key.removeprefix("run:") for row in self._rows if _is_record(row)]
        self._rows.clear()
        if self._plain:
            return
        # The last one may have more rows to come, and its state among them.
        done = len(self._unguarded) if last else len(self._unguarded) - 1
        for at in range(0, done, BATCH):
            batch = self._unguarded[at : min(done, at + BATCH)]
            found = self._guard(self._taken_ms, int(self._ask), *batch)
            self._running += [run_id.decode() for run_id in found]
        del self._unguarded[: max(done, 0)]


def require_free(client: redis.Redis, namespace: str, *, force: bool) -> None:
    """Raise ``InvalidInput`` unless nobody works with the namespace, and it is empty or may be emptied (``force``)."""
    try:
        heard = client.zcount(keys.workers(namespace), _now_ms(client) - _HEARD_MS, "+inf")
    except redis.RedisError as error:
        raise Unavailable(f"Redis: {error}") from error
    if heard:
        raise InvalidInput(
            f"{heard} worker processes use this Redis, or did so within the last 15 seconds: stop them first."
        )
    held = (key for key in _keys(client, namespace) if not key.startswith((*PASSING, *_DECLARED)))
    if not force and (found := next(held, None)) is not None:
        raise InvalidInput(
            f"Redis is not empty: it has the key {found}. Nothing was changed. "
            "To lose what it holds, say --force redis."
        )


def empty(client: redis.Redis, namespace: str) -> None:
    """Remove every key of the namespace."""
    batch: list[bytes] = []
    prefix = keys.prefix(namespace).encode()
    try:
        for key in _keys(client, namespace):
            batch.append(prefix + raw(key))
            if len(batch) >= BATCH:
                client.unlink(*batch)
                batch.clear()
        if batch:
            client.unlink(*batch)
    except redis.RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


def _keys(client: redis.Redis, namespace: str) -> Iterator[str]:
    prefix = keys.prefix(namespace).encode()
    try:
        for key in client.scan_iter(match=prefix + b"*", count=1_000):
            yield text(key[len(prefix) :])
    except redis.RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


def _commands(row: Row, name: bytes) -> Iterator[list[Any]]:
    if row.kind == "string":
        yield ["SET", name, raw(row.items[0])]
    elif row.kind == "hash":
        yield ["HSET", name, *(raw(word) for pair in row.items for word in pair)]
    elif row.kind == "zset":
        yield ["ZADD", name, *(word for member, score in row.items for word in (score, raw(member)))]
    elif row.kind == "stream":
        if row.number == 0:  # an empty stream is made only in this way
            yield from (["XGROUP", "CREATE", name, "none", 0, "MKSTREAM"], ["XGROUP", "DESTROY", name, "none"])
        yield from (["XADD", name, entry, *map(raw, words)] for entry, words in row.items if entry)
    else:
        yield ["RPUSH" if row.kind == "list" else "SADD", name, *map(raw, row.items)]


def _is_record(row: Row) -> bool:
    return row.key.startswith("run:") and row.key.count(":") == 1 and row.number == 0


def _now_ms(client: redis.Redis) -> int:
    try:
        seconds, micros = client.time()
    except redis.RedisError as error:
        raise Unavailable(f"Redis: {error}") from error
    return int(seconds) * 1000 + int(micros) // 1000
