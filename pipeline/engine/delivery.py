"""A claimed run on its way through a worker process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import dramatiq
from dramatiq.broker import MessageProxy

from pipeline.engine.store import Commit, Lease
from pipeline.errors import Kind, LeaseLost

if TYPE_CHECKING:
    from pipeline.actor import Call
    from pipeline.engine.store import Store
    from pipeline.engine.values import Values
    from pipeline.run import Run
    from pipeline.verdict import Verdict


class Delivery(MessageProxy):
    """Dramatiq's view of a claimed run, and the run's own journal.

    The middleware of an attempt meet here: the run scope sets ``run`` and ``call``, the classifier ``kind``, the
    outcome ``verdict`` and ``commit``. Without a ``commit`` the run stays leased and is taken up again.
    """

    def __init__(self, message: dramatiq.Message[object], lease: Lease, store: Store, values: Values) -> None:
        super().__init__(message)
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

    def load_steps(self) -> dict[str, bytes]:
        """Give the steps that finished in earlier attempts."""
        if not self.lease.has_steps:
            return {}
        found = self._store.load_checkpoints(self.lease.run_id)
        return {name: self._values.unpack(value) for name, value in found.items()}

    def save_step(self, name: str, value: bytes) -> None:
        """Remember a finished step for good; raises ``LeaseLost`` if the run is another worker's now."""
        self._heed(
            self._store.save_checkpoint(self.lease.run_id, self.lease.fence, name, self._values.pack(value)), name
        )

    def report(self, progress: bytes) -> None:
        """Publish a report; raises ``LeaseLost`` if the run is another worker's now."""
        self._heed(self._store.report_progress(self.lease.run_id, self.lease.fence, progress), "progress")

    def _heed(self, code: int, what: str) -> None:
        if code < 0:
            self.lost = True
            raise LeaseLost(f"run {self.lease.run_id} was taken over by another worker; {what!r} was refused")
        if code == 2:  # noqa: PLR2004 - "asked to stop", see the scripts' signatures
            self.cancelled = True
