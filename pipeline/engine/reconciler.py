"""The sweep that brings back what dead workers held; one worker at a time does it, any worker can."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import structlog

from pipeline import metrics
from pipeline.engine.records import FEED_LIMIT, Retention
from pipeline.engine.store import Store
from pipeline.errors import Unavailable

#: How often leases are looked through, at least.
INTERVAL = timedelta(seconds=1)

#: A sweep that removed so many runs is followed by the next at once.
_MORE = 200

log = structlog.get_logger(__name__)


class Reconciler(threading.Thread):
    """A thread that sweeps while its worker is the leader: expired leases, due runs, retention."""

    def __init__(
        self,
        store: Store,
        worker_id: str,
        lease: timedelta,
        retention: dict[str, Retention],
        feed_limit: int = FEED_LIMIT,
    ) -> None:
        super().__init__(name="reconciler", daemon=True)
        self._store = store
        self._worker_id = worker_id
        self._retention = retention
        self._feed_limit = feed_limit
        self._lease_ms = int(lease.total_seconds() * 1000)
        self._interval = min(INTERVAL, lease / 4)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Sweep no more."""
        self._stopping.set()

    def run(self) -> None:
        pause = 0.0  # at once: how long nobody swept says whether Redis was away, so it must be known from the start
        while not self._stopping.wait(pause):
            pause, began = self._interval.total_seconds(), time.monotonic()
            try:
                led, stalled, looping, _, removed, cut = self._store.sweep(
                    self._worker_id,
                    lease_ms=self._lease_ms,
                    retention=self._retention,
                    feed_limit=self._feed_limit,
                )
            except Unavailable as error:
                log.warning("sweep_delayed", error=str(error))
                continue
            if led:
                metrics.observe("dramaturg_reconciler_duration_seconds", time.monotonic() - began)
            if stalled or looping:
                log.warning("runs_recovered", stalled=stalled, crash_loops=looping)
            if cut:
                log.warning("statistics_lost", runs=cut, why="nobody rolled them up, and the feed is full")
            if removed >= _MORE or cut >= _MORE:
                pause = 0.01  # a breath for the others between two portions
