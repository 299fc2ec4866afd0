"""Puts a copy back into Redis, so that what was under way goes on and nobody from before can write to it."""

from __future__ import annotations

from typing import Any

import redis

from pipeline.engine import keys
from pipeline.engine.copied import Row, raw
from pipeline.engine.snapshot import PASSING
from pipeline.engine.store import Store
from pipeline.errors import InvalidInput, Unavailable

#: Rows sent in one call, and runs guarded in one.
BATCH = 100

#: What workers declare when they start: no work, so a Redis that holds nothing else counts as empty.
_DECLARED = ("declared_by", "limits", "breakers", "budgets", "queues")

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

    def add(self, row: Row) -> None:
        """Take the next row."""
        if row.expires_ms >= 0 and (self._plain or row.expires_ms <= self._now_ms):
            return
        if row.door != self._door:  # all runs are guarded before there is a way to them
            self._send(last=True)
            self._door = row.door
        self._rows.append(row)
        if len(self._rows) >= BATCH:
            self._send(last=False)

    def finish(self) -> int:
        """Put back what is left, and set going what was running; gives how many runs that were."""
        self._send(last=True)
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
                    pipe.execute_command(*_command(row, name))  # type: ignore[no-untyped-call] # redis-py types none of these
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
    """Make sure that nothing works with the namespace, and that it is empty or, with ``force``, make it so.

    Raises ``InvalidInput`` that says what is in the way.
    """
    prefix = keys.prefix(namespace).encode()
    try:
        heard = client.zcount(keys.workers(namespace), _now_ms(client) - _HEARD_MS, "+inf")
        if heard:
            raise InvalidInput(
                f"{heard} worker processes use this Redis, or did so within the last 15 seconds: stop them first."
            )
        batch: list[bytes] = []
        for key in client.scan_iter(match=prefix + b"*", count=1_000):
            name = key[len(prefix) :].decode("latin-1")
            if not force and not name.startswith(PASSING) and name not in _DECLARED:
                raise InvalidInput(
                    f"Redis is not empty: it has the key {key.decode(errors='replace')}. "
                    "Nothing was changed. To lose what it holds, say --force redis."
                )
            batch.append(key)
            if force and len(batch) >= BATCH:
                client.unlink(*batch)
                batch.clear()
        if batch:
            client.unlink(*batch)
    except redis.RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


def _command(row: Row, name: bytes) -> list[Any]:
    if row.kind == "string":
        return ["SET", name, raw(row.items[0])]
    if row.kind == "hash":
        return ["HSET", name, *(raw(word) for pair in row.items for word in pair)]
    if row.kind == "zset":
        return ["ZADD", name, *(word for member, score in row.items for word in (score, raw(member)))]
    return ["RPUSH" if row.kind == "list" else "SADD", name, *map(raw, row.items)]


def _is_record(row: Row) -> bool:
    return row.key.startswith("run:") and row.key.count(":") == 1 and row.number == 0


def _now_ms(client: redis.Redis) -> int:
    try:
        seconds, micros = client.time()
    except redis.RedisError as error:
        raise Unavailable(f"Redis: {error}") from error
    return int(seconds) * 1000 + int(micros) // 1000
