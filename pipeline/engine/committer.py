"""Commits verdicts in groups: one call for all runs that end within two milliseconds."""

from __future__ import annotations

import threading
import time
from collections import deque
from datetime import timedelta

import structlog

from pipeline import metrics
from pipeline.engine.delivery import Delivery
from pipeline.engine.records import Commit
from pipeline.engine.slots import Slots
from pipeline.engine.store import Store
from pipeline.errors import Unavailable

#: How long a commit waits for company while runs end in quick succession.
LINGER = timedelta(milliseconds=2)

#: Commits of one call.
MOST = 256

#: Pause between tries while Redis does not answer.
_PAUSE_S = 0.25

log = structlog.get_logger(__name__)


class Committer(threading.Thread):
    """A thread that commits what was put in, again and again until Redis has answered.

    Commits are idempotent, so a lost reply is followed by the same call. While Redis is away the leases are kept by
    the lease keeper as far as they can be; what was taken over by others meanwhile is refused there.
    """

    def __init__(self, store: Store, slots: Slots) -> None:
        super().__init__(name="committer", daemon=True)
        self._store = store
        self._slots = slots
        self._todo: deque[tuple[Delivery, Commit]] = deque()
        self._arrived = threading.Event()
        self._stopping = threading.Event()

    def put(self, delivery: Delivery, commit: Commit) -> None:
        """Have a verdict committed soon."""
        self._todo.append((delivery, commit))
        if not self._arrived.is_set():
            self._arrived.set()

    def stop(self, timeout: timedelta) -> bool:
        """Commit what is left, at most for ``timeout``; says whether all of it was."""
        self._stopping.set()
        self._arrived.set()
        self.join(timeout.total_seconds())
        return not self._todo and not self.is_alive()

    def run(self) -> None:
        crowded = False
        while True:
            self._arrived.wait()
            if crowded and not self._stopping.is_set():
                self._stopping.wait(LINGER.total_seconds())
            self._arrived.clear()
            while self._todo:
                group = [self._todo.popleft() for _ in range(min(len(self._todo), MOST))]
                crowded = len(group) > 1
                self._commit(group)
            if self._stopping.is_set() and not self._todo:
                return

    def _commit(self, group: list[tuple[Delivery, Commit]]) -> None:
        while True:
            try:
                codes = self._store.commit([commit for _, commit in group])
                break
            except Unavailable as error:
                log.warning("commit_delayed", runs=len(group), error=str(error))
                time.sleep(_PAUSE_S)
        self._slots.forget(*(delivery for delivery, _ in group))
        metrics.committed(group, codes)
        for (_, commit), code in zip(group, codes, strict=True):
            if code < 0:
                log.warning("commit_refused", run_id=commit.run_id, fence=commit.fence, state=commit.state)
