"""What tests of schedules share: schedules that end with the test, and a look at the runs of their ticks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import cast

import orjson

from pipeline.engine import keys
from pipeline.engine.schedules import from_ms
from pipeline.engine.store import Store
from pipeline.schedule import SCHEDULES


@contextmanager
def no_schedules() -> Iterator[None]:
    """Begin without any schedule, and leave those that were there before."""
    before = dict(SCHEDULES)
    SCHEDULES.clear()
    try:
        yield
    finally:
        SCHEDULES.clear()
        SCHEDULES.update(before)


def runs_by_tick(store: Store, name: str) -> dict[datetime, str]:
    """Give the run of each tick that a schedule has on record."""
    found = cast("dict[bytes, bytes]", store.client.hgetall(f"{keys.schedule(store.namespace, name)}:runs"))
    return {from_ms(int(tick)): run.decode() for tick, run in found.items()}


def queued(store: Store, queue: str = "default") -> list[dict[str, object]]:
    """Give the message options and payloads of the runs that wait in a queue, by age."""
    prefix, told = keys.prefix(store.namespace), []
    for lane in names(store, f"{prefix}ready:{queue}"):
        for run in names(store, f"{prefix}ready:{queue}:{lane}"):
            message = orjson.loads(cast("bytes", store.client.hget(keys.run(store.namespace, run), "message")))
            told.append({"id": run, "args": message["args"], **message["options"]})
    return told


def names(store: Store, key: str) -> list[str]:
    """Give the members of a sorted set."""
    return [cast("bytes", member).decode() for member in store.client.zrange(key, 0, -1)]
