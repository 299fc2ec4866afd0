"""What a worker process has in hand, and how much more it may claim."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta

from pipeline.engine.delivery import Delivery

#: How much work may be claimed ahead of the free threads.
LOOKAHEAD = timedelta(milliseconds=20)

#: However short the jobs are, no more of them are claimed ahead.
MOST_AHEAD = 512

#: A run that was claimed ahead and has not begun after this time is given back.
PATIENCE = timedelta(milliseconds=500)

#: Weight of the newest observation in the running means.
_ALPHA = 0.05

#: The room of a queue that is not limited: more than is ever claimed.
_PLENTY = 1_000_000


class Slots:
    """Counts claimed and running deliveries of one process; safe to use from all of its threads."""

    def __init__(self, threads: int, at_once: Mapping[str, int] | None = None) -> None:
        self._threads = threads
        self._at_once = dict(at_once or {})
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        #: Whether a thread waits for a change: telling nobody of it costs as much as all else here.
        self._awaited = False
        self._claimed: dict[str, Delivery] = {}
        self._running = 0
        self._leased: dict[tuple[str, int], Delivery] = {}
        self._duration_s = 1.0
        self._interval_s = 1.0
        self._released_at = 0.0
        self._closed = False

    def take(self, deliveries: list[Delivery]) -> None:
        """Note deliveries that were claimed."""
        with self._changed:
            for delivery in deliveries:
                self._claimed[delivery.lease.run_id] = delivery
                self._taken[delivery.queue_name] += 1
                self._leased[delivery.lease.run_id, delivery.lease.fence] = delivery

    def begin(self, delivery: Delivery) -> bool:
        """Note that a thread starts the delivery; false if it was given back meanwhile."""
        if not delivery.begin():
            return False
        delivery.started_at = time.monotonic()
        with self._lock:
            self._claimed.pop(delivery.lease.run_id, None)
            self._running += 1
        return True

    def release(self, delivery: Delivery) -> bool:
        """Note that a thread is done with a delivery that it began; its lease is kept until ``forget``.

        Says whether its queue had no room, and has some now.
        """
        now = time.monotonic()
        queue = delivery.queue_name
        with self._lock:
            self._running -= 1
            taken = self._taken[queue]
            self._taken[queue] = taken - 1
            self._duration_s += _ALPHA * (now - delivery.started_at - self._duration_s)
            self._interval_s += _ALPHA * (min(1.0, now - self._released_at) - self._interval_s)
            self._released_at = now
            if self._awaited and self._running + len(self._claimed) <= self._threads + self._ahead() // 2:
                self._changed.notify()
            return taken == self._at_once.get(queue)

    def room(self, queues: Iterable[str]) -> dict[str, int]:
        """Say how many more runs of each queue this process may have in hand; queues without room are left out."""
        with self._changed:
            rooms = {queue: self._at_once.get(queue, _PLENTY) - self._taken[queue] for queue in queues}
        return {queue: room for queue, room in rooms.items() if room > 0}

    def forget(self, *deliveries: Delivery) -> None:
        """Note that deliveries' leases are of no more concern."""
        with self._changed:
            for delivery in deliveries:
                self._claimed.pop(delivery.lease.run_id, None)
                self._leased.pop((delivery.lease.run_id, delivery.lease.fence), None)
            if self._awaited:
                self._changed.notify()

    def wanted(self) -> int:
        """Say how many runs to claim now: one for each free thread, and a few more if they are very short."""
        with self._changed:
            return self._wanted()

    def wait(self) -> None:
        """Block until a slot may be free, or until a claimed run has waited too long."""
        with self._changed:
            if not self._closed and self._wanted() == 0:
                self._awaited = True
                self._changed.wait(PATIENCE.total_seconds() if self._claimed else None)
                self._awaited = False

    def close(self) -> None:
        """Wake whoever waits; nothing waits any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def impatient(self, patience: timedelta = PATIENCE) -> list[Delivery]:
        """Take back the deliveries that were claimed ahead and have not begun for ``patience``."""
        limit = time.monotonic() - patience.total_seconds()
        with self._changed:
            late = [d for d in self._claimed.values() if d.claimed_at <= limit]
            taken = [d for d in late if d.begin()]
            for delivery in taken:
                delivery.handed_back = True
                self._taken[delivery.queue_name] -= 1
                del self._claimed[delivery.lease.run_id]
            if taken:
                self._duration_s = max(self._duration_s, LOOKAHEAD.total_seconds())
            return taken

    @property
    def waiting(self) -> bool:
        """Whether a claimed run has not begun."""
        return bool(self._claimed)

    @property
    def running(self) -> int:
        """How many threads are at work on a run."""
        return self._running

    def suspects(self) -> int:
        """Say how many of the leased runs are on their last start, and have not finished a step in it."""
        with self._changed:
            return sum(delivery.suspect for delivery in self._leased.values())

    def leased(self) -> list[Delivery]:
        """Give every delivery whose lease is to be kept."""
        with self._changed:
            return list(self._leased.values())

    def _wanted(self) -> int:
        ahead = self._ahead()
        occupied = self._running + len(self._claimed)
        if occupied >= self._threads and (ahead == 0 or occupied > self._threads + ahead // 2):
            return 0
        return self._threads + ahead - occupied

    def _ahead(self) -> int:
        # Both must be short: what one run takes, or it would hoard; and the time between two ends, or one thread's
        # short jobs would be mistaken for the process's pace.
        if self._duration_s >= LOOKAHEAD.total_seconds():
            return 0
        return min(MOST_AHEAD, int(LOOKAHEAD.total_seconds() / max(self._interval_s, 1e-6)))
