"""Reads dead runs in portions, and makes new runs from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import redis

from pipeline.engine import keys
from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from pipeline.engine.store import Store

#: Runs that are read with one call.
_AT_ONCE = 200

#: What a list of dead runs needs of a record.
FIELDS = (
    "actor", "queue", "group", "message", "reason", "attempt", "queued_ms", "finished_ms", "flow", "node", "retry_of",
    "retried_as",
)  # fmt: skip

#: Takes the place of what a new run has in common with the old one.
AS_BEFORE = "="


class DeadIndex:
    """The dead runs of a deployment, newest first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rows(self, *, since_ms: int = 0, most: int = 100_000) -> Iterator[tuple[str, dict[str, bytes], bytes | None]]:
        """Give id, record and last error of each run that died since then."""
        ns = self._store.namespace
        found = self._store.read("zrevrangebyscore", keys.finished(ns, "dead"), "+inf", since_ms, start=0, num=most)
        ids = [run_id.decode() for run_id in found]
        for at in range(0, len(ids), _AT_ONCE):
            portion = ids[at : at + _AT_ONCE]
            rows = self._read(portion)
            for run_id, values, error in zip(portion, rows[::2], rows[1::2], strict=True):
                record = {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None}
                if record:
                    yield run_id, record, error

    def row(self, run_id: str) -> tuple[str, dict[str, bytes], bytes | None] | None:
        """Give one run, or none if it is not dead."""
        if self._store.read("hget", keys.run(self._store.namespace, run_id), "state") != b"dead":
            return None
        values, error = self._read([run_id])
        return run_id, {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None}, error

    def retry_edited(
        self, run_id: str, new_id: str, message: bytes, *, gates: str, version: str, keep_steps: bool
    ) -> int:
        """Queue a new run with another message: 1 queued, 0 not dead, -1 unknown, -2 edited before."""
        script = self._store.script("retry_edited")
        return cast("int", script(run_id, new_id, message, gates, version, int(keep_steps)))

    def _read(self, run_ids: list[str]) -> list[Any]:
        try:
            pipe = self._store.client.pipeline(transaction=False)
            for run_id in run_ids:
                pipe.hmget(keys.run(self._store.namespace, run_id), *FIELDS)
                pipe.lindex(keys.errors(self._store.namespace, run_id), -1)
            return pipe.execute()
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error
