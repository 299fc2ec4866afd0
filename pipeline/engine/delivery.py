"""A claimed run on its way through a worker process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import dramatiq
import structlog
from dramatiq.broker import MessageProxy

from pipeline.engine.records import CRASH_LIMIT, Commit, Lease
from pipeline.errors import Interrupted, Kind, LeaseLost, Unavailable

if TYPE_CHECKING:
    from pipeline.actor import Call
    from pipeline.engine.store import Store
    from pipeline.engine.values import Values
    from pipeline.run import Run
    from pipeline.verdict import Verdict

T = TypeVar("T")

#: Pause between tries while Redis does not answer.
_PAUSE_S = 0.25

log = structlog.get_logger(__name__)


class Delivery(MessageProxy):
    """Dramatiq's view of a claimed run, and the run's own journal.

    The middleware of an attempt meet here: the run scope sets ``run`` and ``call``, the classifier ``kind``, the
    outcome ``verdict`` and ``commit``. Without a ``commit`` the run stays leased and is taken up again.
    """

    def __init__(self, message: dramatiq.Message[object], lease: Lease, store: Store, values: Values) -> None:
        super().__init__(message)
        # The base looks each of these up in the message anew; they are read a dozen times an attempt.
        self.queue_name = message.queue_name
        self.actor_name = message.actor_name
        self.message_id = message.message_id
        self.options = message.options
        self.lease = lease
        self.args = message.args
        self.kwargs = message.kwargs
        self.run: Run | None = None
        self.call: Call | None = None
        self.kind: Kind | None = None
        self.verdict: Verdict | None = None
        self.commit: Commit | None = None
        self.stopping = False
        self.cancelled = lease.cancelled
        self.lost = False
        #: Whether the run is stopped as a crash loop if its worker dies now.
        self.suspect = lease.starts >= CRASH_LIMIT
        self.held_until = lease.held_until
        self.claimed_at = time.monotonic()
        self.started_at = 0.0
        self._store = store
        self._values = values
        self.handed_back = False
        self._ticket = [True]

    def begin(self) -> bool:
        """Take the only ticket to this delivery: whoever asks second does not have it."""
        try:
            self._ticket.pop()
        except IndexError:
            return False
        return True

    def confirm(self) -> None:
        """Make sure that the run is still this worker's if its lease may have ended: the process may have stalled.

        Raises ``LeaseLost`` if it is another's, so that nothing is begun in vain.
        """
        if time.monotonic() < self.held_until:
            return
        if not self._persist(lambda: self._store.holds(self.lease.run_id, self.lease.fence)):
            self.lost = True
            raise LeaseLost(f"run {self.lease.run_id} was taken over by another worker")

    def load_steps(self) -> dict[str, bytes]:
        """Give the steps that finished in earlier attempts."""
        if not self.lease.has_steps:
            return {}
        found = self._persist(lambda: self._store.load_checkpoints(self.lease.run_id))
        return {name: self._values.unpack(value) for name, value in found.items()}

    def save_step(self, name: str, value: bytes) -> None:
        """Remember a finished step for good; raises ``LeaseLost`` if the run is another worker's now."""
        packed = self._values.pack(value)
        self._heed(
            self._persist(lambda: self._store.save_checkpoint(self.lease.run_id, self.lease.fence, name, packed)), name
        )
        self.suspect = False

    def report(self, progress: bytes) -> None:
        """Publish a report; raises ``LeaseLost`` if the run is another worker's now."""
        self._heed(self._store.report_progress(self.lease.run_id, self.lease.fence, progress), "progress")

    def _persist(self, call: Callable[[], T]) -> T:
        """Make an idempotent call until Redis answers: finished work is not thrown away because Redis is away.

        It ends with the attempt's time limit, or when the worker stops.
        """
        while True:
            try:
                return call()
            except Unavailable as error:
                if self.stopping:
                    raise Interrupted("worker is stopping while Redis does not answer") from error
                log.warning("step_delayed", error=str(error))
                time.sleep(_PAUSE_S)

    def _heed(self, code: int, what: str) -> None:
        if code < 0:
            self.lost = True
            raise LeaseLost(f"run {self.lease.run_id} was taken over by another worker; {what!r} was refused")
        if code == 2:  # noqa: PLR2004 - "asked to stop", see the scripts' signatures
            self.cancelled = True
