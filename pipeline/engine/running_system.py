"""What a running deployment looks like from Redis: workers, queues, runs that hang, what piles up; it only reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import redis

from pipeline.engine import keys
from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from pipeline.engine.store import Store

#: A worker says at least this often that it is there; one that has been silent longer is gone, or hangs.
SILENT_MS = 15_000

#: How long ago a silent worker may have been heard of to be told of: later it is forgotten.
FORGOTTEN_MS = 600_000

#: So many lanes, runs or names of each kind are looked at: the counts are whole, what is named is not.
MOST = 500


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """A worker process, as it told of itself; one of an older version told nothing."""

    id: str
    silent_ms: int
    host: str = ""
    version: str = ""
    code: str = ""
    ahead_ms: int | None = None
    #: The queues it serves, each with its longest time limit in seconds; none if it told nothing.
    queues: dict[str, float] | None = None


@dataclass(slots=True)
class SeenQueue:
    """A queue: runs that may start, those held up at gates, and the oldest that may start."""

    ready: int = 0
    held: int = 0
    oldest_ms: int = 0


@dataclass(frozen=True, slots=True)
class SeenRun:
    """A run in a worker's hands."""

    id: str
    actor: str
    queue: str
    worker: str
    running_ms: int


@dataclass(frozen=True, slots=True)
class Pile:
    """Runs that wait for somebody, or have failed: how many, since when, and the most frequent of the newest."""

    count: int
    at_ms: int | None = None
    groups: Counter[tuple[str, str]] = field(default_factory=Counter)


class RunningSystem:
    """Reads a deployment in some tens of calls, however much is in it; raises ``Unavailable``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ns = store.namespace
        self._prefix = keys.prefix(store.namespace)

    def now_ms(self) -> int:
        """Give the time of Redis."""
        seconds, micros = self._store.read("time")
        return int(seconds) * 1000 + int(micros) // 1000

    def workers(self, now_ms: int) -> list[SeenWorker]:
        """Give the workers heard of lately; of those that are silent only what did not say that it leaves."""
        since = now_ms - FORGOTTEN_MS
        seen = self._store.read("zrange", keys.workers(self._ns), since, "+inf", byscore=True, withscores=True)
        told = self._store.read("hgetall", f"{self._prefix}serving")
        found = [_worker(name.decode(), now_ms - int(at), told.get(name)) for name, at in seen]
        return [one for one in found if one.silent_ms <= SILENT_MS or one.queues is not None]

    def queues(self, now_ms: int) -> dict[str, SeenQueue]:
        """Give every queue with what waits in it."""
        names = sorted(name.decode() for name in self._store.read("smembers", keys.queues(self._ns)))[:MOST]
        found = {name: SeenQueue() for name in names}
        lanes = self._calls(("zrange", keys.ready(self._ns, name), 0, MOST - 1) for name in names)
        lines = [(name, member.decode()) for name, members in zip(names, lanes, strict=True) for member in members]
        counted = self._calls(("zcard", keys.ready_group(self._ns, name, member)) for name, member in lines)
        firsts = self._calls(("zrange", keys.ready_group(self._ns, name, member), 0, 0) for name, member in lines)
        heads = [(name, first[0].decode()) for (name, _), first in zip(lines, firsts, strict=True) if first]
        times = self._calls(("hmget", keys.run(self._ns, run_id), "queued_ms", "due_ms") for _, run_id in heads)
        for (name, _), count in zip(lines, counted, strict=True):
            found[name].ready += count
        for (name, _), row in zip(heads, times, strict=True):
            since = max((int(value) for value in row if value), default=now_ms)
            found[name].oldest_ms = max(found[name].oldest_ms, now_ms - since)
        held = self._store.read("hscan", keys.held(self._ns), 0, count=MOST)[1]
        waiting = [lane.decode().partition("\n")[::2] for lane in list(held)[:MOST]]
        for (name, _), count in zip(
            waiting, self._calls(("zcard", keys.ready_group(self._ns, *lane)) for lane in waiting), strict=True
        ):
            found.setdefault(name, SeenQueue()).held += count
        return found

    def running(self, now_ms: int) -> tuple[int, list[SeenRun]]:
        """Give how many runs workers have in hand, and those of them whose leases end first."""
        ids = [one.decode() for one in self._store.read("zrange", keys.leases(self._ns), 0, MOST - 1)]
        rows = self._calls(
            ("hmget", keys.run(self._ns, one), "actor", "queue", "worker", "started_ms", "state") for one in ids
        )
        runs = [
            SeenRun(one, _text(row[0]), _text(row[1]), _text(row[2]), now_ms - int(row[3]))
            for one, row in zip(ids, rows, strict=True)
            if row[3] and row[4] == b"running"
        ]
        return self._store.read("zcard", keys.leases(self._ns)), runs

    def overdue(self, now_ms: int, by_ms: int) -> int:
        """Count the leases that ended so long ago and were not given to another worker."""
        return int(self._store.read("zcount", keys.leases(self._ns), "-inf", now_ms - by_ms))

    def swept_ms(self) -> int | None:
        """Give when somebody last looked for what dead workers held."""
        at = self._store.read("hget", f"{self._prefix}sweep", "last")
        return None if at is None else int(at)

    def overdue_delayed(self, now_ms: int, by_ms: int) -> int:
        """Count the runs that were due so long ago and stand in no line."""
        return int(self._store.read("zcount", keys.delayed(self._ns), "-inf", now_ms - by_ms))

    def parked(self) -> dict[str, int]:
        """Give the actors that no worker knew, and how many of their runs wait."""
        names = sorted(name.decode() for name in self._store.read("smembers", keys.parked(self._ns)))[:MOST]
        counts = self._calls(("zcard", keys.parked_actor(self._ns, name)) for name in names)
        return {name: count for name, count in zip(names, counts, strict=True) if count}

    def dead(self) -> Pile:
        """Give the dead runs, with when the newest died."""
        index = keys.finished(self._ns, "dead")
        newest = self._store.read("zrange", index, 0, MOST - 1, desc=True, withscores=True)
        rows = self._calls(("hmget", keys.run(self._ns, one.decode()), "actor", "reason") for one, _ in newest)
        groups = Counter((_text(row[0]), _text(row[1]).partition(":")[0]) for row in rows if row[0])
        return Pile(self._store.read("zcard", index), int(newest[0][1]) if newest else None, groups)

    def reviews(self) -> Pile:
        """Give the runs that wait for a person, with since when the oldest does."""
        oldest = self._store.read("zrange", keys.review(self._ns), 0, 0, withscores=True)
        return Pile(self._store.read("zcard", keys.review(self._ns)), int(oldest[0][1]) if oldest else None)

    def finished(self) -> dict[str, int]:
        """Count the finished runs and flows that are kept."""
        states = ("completed", "dead", "cancelled", "flows")
        return {state: self._store.read("zcard", keys.finished(self._ns, state)) for state in states}

    def feed(self) -> tuple[int, int]:
        """Give how many ended runs wait to be rolled up, and how many were dropped unread."""
        waiting = self._store.read("get", f"{self._prefix}ended:runs")
        dropped = self._store.read("hget", f"{self._prefix}ended:cut", "runs")
        return int(waiting or 0), int(dropped or 0)

    def _calls(self, calls: Iterable[tuple[Any, ...]]) -> list[Any]:
        wanted = list(calls)
        found: list[Any] = []
        try:
            for at in range(0, len(wanted), MOST):
                with self._store.client.pipeline(transaction=False) as pipe:
                    for command, *words in wanted[at : at + MOST]:
                        getattr(pipe, command)(*words)
                    found += pipe.execute()
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error
        return found


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")


def _worker(name: str, silent_ms: int, told: bytes | None) -> SeenWorker:
    try:
        facts: dict[str, Any] = orjson.loads(told) if told else {}
    except orjson.JSONDecodeError:
        facts = {}
    queues = {queue: float(served.get("limit", 0)) for queue, served in facts.get("queues", {}).items()}
    return SeenWorker(
        id=name,
        silent_ms=silent_ms,
        host=str(facts.get("host", "")),
        version=str(facts.get("version", "")),
        code=str(facts.get("code", "")),
        ahead_ms=facts.get("ahead_ms"),
        queues=queues if facts else None,
    )
