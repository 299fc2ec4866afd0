"""The thread that keeps a worker's leases, on a real Redis."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import dramatiq
import redis

from pipeline.blobs import Blobs
from pipeline.engine import keys
from pipeline.engine.delivery import Delivery
from pipeline.engine.lease_keeper import LeaseKeeper
from pipeline.engine.records import Lease, NewRun
from pipeline.engine.slots import Slots
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from tests.support.waiting import eventually

LEASE = timedelta(seconds=1)
LEASE_MS = 1000


def test_a_process_that_holds_a_run_twice_has_lost_the_first(redis_client: redis.Redis, tmp_path: Path) -> None:
    """It stalled, the lease ended, and it was quick to claim the run again."""
    store, values = Store(redis_client), Values(Blobs(tmp_path))
    store.enqueue([NewRun("r", "a", "q", b"{}")])
    [first] = _claim(store, "one")
    redis_client.zadd(keys.leases(store.namespace), {"r": 1})
    store.sweep("sweeper", lease_ms=LEASE_MS)
    [second] = _claim(store, "two")
    stalled, working = (
        Delivery(dramatiq.Message("q", "a", (), {}, {}), lease, store, values) for lease in (first, second)
    )
    slots = Slots(4)
    slots.take([stalled, working])
    keeper = LeaseKeeper(store, slots, "w", LEASE)
    keeper.start()
    try:
        eventually(lambda: stalled.lost, timedelta(seconds=5))
        eventually(lambda: working.held_until > second.held_until, timedelta(seconds=5))
        assert working.held_until > time.monotonic()
        assert not working.lost
    finally:
        keeper.stop()
        keeper.join(5)


def _claim(store: Store, claim_id: str) -> list[Lease]:
    leases, _ = store.claim("w", claim_id, {"q": 1}, {"a": 1}, want=1, lease_ms=LEASE_MS)
    return leases
