"""Reads what every run was sent with, in small portions, beside workers that go on working; it changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

from pipeline.engine import keys
from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from pipeline.engine.store import Store

#: Records that are read with one call: Redis is busy with it for a millisecond.
PORTION = 200

#: Steps of a run that are read with one call.
_STEPS_AT_ONCE = 100

#: The places where runs lie, in the order in which a run passes them: what moves on while they are read is met again.
PLACES = ("waiting", "delayed", "queued", "parked", "running", "review", "dead")

_FIELDS = ("message", "actor", "queue", "state", "version", "fence", "brood")


@dataclass(frozen=True, slots=True)
class Kept:
    """One run as Redis has it: what it was sent with, and where it stands."""

    id: str
    message: bytes
    actor: str
    queue: str
    state: str
    version: int = 1
    #: Whether it was claimed before, so that it may have finished steps.
    begun: bool = False


class PayloadReader:
    """The runs of a deployment that new code will have to read; raises ``Unavailable`` when Redis does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ns = store.namespace

    def read(self, places: Iterable[str] = PLACES) -> Iterator[list[Kept]]:
        """Give the runs of some places, each once, in portions.

        A run that was there from the beginning to the end is among them, wherever it went meanwhile.
        """
        seen: set[bytes] = set()
        for place in places:
            for index in self._indexes(place):
                for found in self._members(index):
                    fresh = [one for one in dict.fromkeys(found) if one not in seen]
                    for at in range(0, len(fresh), PORTION):
                        portion = self._records(fresh[at : at + PORTION])
                        seen.update(one.id.encode() for one in portion)
                        yield portion

    def step_names(self, run_ids: Sequence[str]) -> dict[str, list[str]]:
        """Give the names of the steps that each run remembers."""
        found = self._pipeline(("hkeys", keys.steps(self._ns, run_id)) for run_id in run_ids)
        return {
            run_id: [name.decode(errors="replace") for name in names]
            for run_id, names in zip(run_ids, found, strict=True)
        }

    def steps(self, run_id: str, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Give the remembered results of some steps of a run, packed; one that is gone meanwhile is left out."""
        for at in range(0, len(names), _STEPS_AT_ONCE):
            portion = names[at : at + _STEPS_AT_ONCE]
            values = self._store.read("hmget", keys.steps(self._ns, run_id), list(portion))
            yield from ((name, value) for name, value in zip(portion, values, strict=True) if value is not None)

    def _indexes(self, place: str) -> Iterator[str]:
        ns = self._ns
        if place == "queued":
            lanes: dict[str, None] = {}
            for queue in self._names(keys.queues(ns)):
                for found in self._members(keys.ready(ns, queue)):
                    lanes.update(dict.fromkeys(keys.ready_group(ns, queue, one.decode()) for one in found))
            for lane, _ in self._fields(keys.held(ns)):  # lanes that wait at a gate stand in no queue
                queue, _, member = lane.decode().partition("\n")
                lanes[keys.ready_group(ns, queue, member)] = None
            yield from lanes
        elif place == "parked":
            yield from (keys.parked_actor(ns, actor) for actor in self._names(keys.parked(ns)))
        elif place == "running":
            yield keys.leases(ns)
        elif place == "dead":
            yield keys.finished(ns, "dead")
        else:
            yield getattr(keys, place)(ns)

    def _members(self, index: str) -> Iterator[list[bytes]]:
        at = 0
        while True:
            at, found = self._store.read("zscan", index, at, count=PORTION)
            yield [member for member, _ in found]
            if at == 0:
                return

    def _fields(self, index: str) -> Iterator[tuple[bytes, bytes]]:
        at = 0
        while True:
            at, found = self._store.read("hscan", index, at, count=PORTION)
            yield from found.items()
            if at == 0:
                return

    def _names(self, index: str) -> list[str]:
        return sorted(name.decode() for name in self._store.read("smembers", index))

    def _records(self, run_ids: Sequence[bytes]) -> list[Kept]:
        rows = self._pipeline(("hmget", keys.run(self._ns, one.decode()), *_FIELDS) for one in run_ids)
        return [
            Kept(
                id=one.decode(),
                message=row[0],
                actor=(row[1] or b"").decode(errors="replace"),
                queue=(row[2] or b"").decode(errors="replace"),
                state=(row[3] or b"").decode(),
                version=int(row[4] or 1),
                begun=bool(row[5] or row[6]),
            )
            for one, row in zip(run_ids, rows, strict=True)
            if row[0] is not None and row[3] not in {b"completed", b"cancelled"}
        ]

    def _pipeline(self, calls: Iterable[tuple[str, ...]]) -> list[Any]:
        try:
            with self._store.client.pipeline(transaction=False) as pipe:
                for command, *words in calls:
                    getattr(pipe, command)(*words)
                return pipe.execute()
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error
