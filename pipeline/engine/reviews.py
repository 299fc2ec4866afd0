"""The review queue in Redis: runs that wait for a person, oldest first, and what the person answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson

from pipeline.engine import keys

if TYPE_CHECKING:
    from pipeline.engine.store import Store
    from pipeline.engine.values import Values


class Asked(NamedTuple):
    """A run that waits for a person, since when, and what about."""

    run_id: str
    asked_ms: int
    actor: str
    queue: str
    reason: str
    item: dict[str, Any]


class ReviewQueue:
    """Reads the queue and writes answers to it; raises ``Unavailable`` when Redis does not answer."""

    def __init__(self, store: Store, values: Values) -> None:
        self._store = store
        self._values = values
        self._key = keys.review(store.namespace)
        self._answer = store.script("answer_review")

    def waiting(self, limit: int) -> list[Asked]:
        """Give the runs that have waited longest, at most so many."""
        found = self._store.read("zrange", self._key, 0, limit - 1)
        rows = (self.find(run_id.decode()) for run_id in found)
        return [row for row in rows if row is not None]

    def find(self, run_id: str) -> Asked | None:
        """Give what a run waits for, or none if it waits for no person."""
        asked = self._store.read("zscore", self._key, run_id)
        record = keys.run(self._store.namespace, run_id)
        actor, queue, reason, item = self._store.read("hmget", record, "actor", "queue", "reason", "review")
        if asked is None or item is None:
            return None
        told = orjson.loads(self._values.unpack(item))
        return Asked(run_id, int(asked), _text(actor), _text(queue), _text(reason), told)

    def draft(self, run_id: str, step: str) -> bytes | None:
        """Give what a step holds, as JSON."""
        stored = self._store.read("hget", keys.steps(self._store.namespace, run_id), step)
        return None if stored is None else self._values.unpack(stored)

    def answer(self, asked: Asked, ticket: str, *, step: str, value: bytes, told: dict[str, Any]) -> int:
        """Let a run go on with an answer: 1 answered, 0 so before, -1 unknown, -2 not in review, -3 asked anew."""
        packed = self._values.pack(value)
        args = (asked.run_id, asked.asked_ms, ticket, "go", step, packed, orjson.dumps(told), "")
        return cast("int", self._answer(*args))

    def reject(self, asked: Asked, ticket: str, *, why: str, told: dict[str, Any]) -> int:
        """End a run as dead; gives what ``answer`` gives."""
        args = (asked.run_id, asked.asked_ms, ticket, "reject", "", "", orjson.dumps(told), why)
        return cast("int", self._answer(*args))


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
