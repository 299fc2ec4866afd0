"""Keeps the leases of a worker process, all of them in one call."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import structlog

from pipeline.engine.delivery import Delivery
from pipeline.engine.slots import Slots
from pipeline.engine.store import Store
from pipeline.errors import Unavailable

#: An idle worker says that it is there this often.
PRESENCE = timedelta(seconds=5)

#: A worker with leases renews them at least this often: so soon it hears of a cancelled run.
RENEWAL = timedelta(seconds=1)

log = structlog.get_logger(__name__)


class LeaseKeeper(threading.Thread):
    """A thread that renews leases well before they end and tells deliveries that they are lost or cancelled."""

    def __init__(self, store: Store, slots: Slots, worker_id: str, lease: timedelta) -> None:
        super().__init__(name="lease-keeper", daemon=True)
        self._store = store
        self._slots = slots
        self._worker_id = worker_id
        self._lease_ms = int(lease.total_seconds() * 1000)
        self._interval = min(RENEWAL, lease / 4)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Renew no more."""
        self._stopping.set()

    def run(self) -> None:
        silent = PRESENCE
        while True:
            deliveries = _newest(self._slots.leased())
            if deliveries or silent >= PRESENCE:
                silent = timedelta(0)
                self._renew(deliveries)
            if self._stopping.wait(self._interval.total_seconds()):
                return
            silent += self._interval

    def _renew(self, deliveries: dict[str, Delivery]) -> None:
        asked = time.monotonic()
        held = [(d.lease.run_id, d.lease.fence) for d in deliveries.values()]
        try:
            news = self._store.renew(self._worker_id, held, lease_ms=self._lease_ms)
        except Unavailable as error:
            log.warning("renewal_delayed", runs=len(held), error=str(error))
            return
        for run_id, delivery in deliveries.items():
            if news.get(run_id) != "lost":
                delivery.held_until = asked + self._lease_ms / 1000
        for run_id, what in news.items():
            delivery = deliveries[run_id]
            if what == "cancelled":
                delivery.cancelled = True
            elif not delivery.lost:
                delivery.lost = True
                if delivery.commit is None:
                    log.warning("lease_lost", run_id=run_id, fence=delivery.lease.fence)


def _newest(deliveries: list[Delivery]) -> dict[str, Delivery]:
    """Give one delivery a run; a process that stalled may hold a run twice, and has lost all but the last."""
    newest: dict[str, Delivery] = {}
    for delivery in sorted(deliveries, key=lambda d: d.lease.fence):
        former = newest.get(delivery.lease.run_id)
        if former is not None:
            former.lost = True
        newest[delivery.lease.run_id] = delivery
    return newest
