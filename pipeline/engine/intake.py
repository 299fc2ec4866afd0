"""Claims runs for a worker process: as many as it has free threads, at the moment they are free."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta

import dramatiq
import orjson
import structlog

from pipeline.engine.committer import Committer
from pipeline.engine.delivery import Delivery
from pipeline.engine.records import Commit, Lease
from pipeline.engine.slots import PATIENCE, Slots
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.errors import Unavailable

#: An idle worker looks up this often even if nobody wakes it.
LOOK_UP = timedelta(seconds=2)

#: Redis ends a blocking call up to a tenth of a second late. What is due sooner is waited for here, in naps.
_SOON = timedelta(milliseconds=100)
_NAP = timedelta(milliseconds=20)

#: Pause between tries while Redis does not answer.
_PAUSE_S = 0.25

#: Options that would have Dramatiq's own threads do what the engine does, or fail in them.
_DRAMATIQS = ("eta", "throws", "pipe_target")

#: What the fields of a message are.
_SHAPES = (("queue_name", str), ("actor_name", str), ("kwargs", dict), ("options", dict), ("message_id", str))
_FIELDS = {field.name for field in fields(dramatiq.Message)}

log = structlog.get_logger(__name__)


class Intake(threading.Thread):
    """A thread that claims runs and hands them to the worker's threads; while there are none it blocks on Redis."""

    def __init__(
        self,
        *,
        store: Store,
        values: Values,
        slots: Slots,
        committer: Committer,
        worker_id: str,
        lease: timedelta,
        queues: Callable[[], list[str]],
        actors: Callable[[], dict[str, int]],
        hand_over: Callable[[list[Delivery]], None],
    ) -> None:
        super().__init__(name="intake", daemon=True)
        self._store = store
        self._values = values
        self._slots = slots
        self._committer = committer
        self._worker_id = worker_id
        self._lease_ms = int(lease.total_seconds() * 1000)
        self._queues = queues
        self._actors = actors
        self._hand_over = hand_over
        self._stopping = threading.Event()
        self._turn = 0
        self._token: str | None = None

    def stop(self, timeout: timedelta) -> None:
        """Claim nothing more; what was claimed and has not begun goes back to its place at once."""
        self._stopping.set()
        self._slots.close()
        self.look_up()
        self.join(timeout.total_seconds())
        self._give_back(self._slots.impatient(timedelta(0)), "worker_stopping")

    def look_up(self) -> None:
        """Have the thread look for work now, though it may block on Redis."""
        try:
            self._store.nudge(self._worker_id)
        except Unavailable as error:
            log.warning("nudge_failed", error=str(error))

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._once()
            except Unavailable as error:
                log.warning("redis_unavailable", error=str(error))
                self._stopping.wait(_PAUSE_S)

    def _once(self) -> None:
        self._give_back(self._slots.impatient(), "worker_busy")
        want = self._slots.wanted()
        if want == 0:
            if self._token is not None:  # it was taken, and no use can be made of it: it is another worker's
                self._store.nudge(self._token)
                self._token = None
            self._slots.wait()
            return
        self._token = None
        queues = self._queues()
        # Queues take turns at being first; inside a tier none is always behind.
        self._turn += 1
        at = self._turn % len(queues) if queues else 0
        room = self._slots.room(queues[at:] + queues[:at])
        queues = list(room)
        leases, next_due_ms = self._claim(room, want)
        self._deliver(leases)
        if len(leases) < want and not self._stopping.is_set():
            pause = PATIENCE if self._slots.waiting else LOOK_UP
            if next_due_ms is not None:
                pause = min(pause, timedelta(milliseconds=max(next_due_ms, 1)))
            if pause < _SOON:
                self._stopping.wait(min(pause, _NAP).total_seconds())
            else:
                self._token = self._store.wait([*queues, self._worker_id], pause)

    def _claim(self, queues: dict[str, int], want: int) -> tuple[list[Lease], int | None]:
        claim_id = os.urandom(8).hex()
        again = False
        while True:
            try:
                return self._store.claim(
                    self._worker_id,
                    claim_id,
                    queues,
                    self._actors(),
                    want=want,
                    lease_ms=self._lease_ms,
                    again=again,
                    suspects=max(0, 1 - self._slots.suspects()),
                )
            except Unavailable as error:
                # The reply may be lost and the runs ours: ask again under the same id until there is an answer.
                again = True
                log.warning("claim_repeated", error=str(error))
                if self._stopping.wait(_PAUSE_S):
                    return [], None

    def _deliver(self, leases: list[Lease]) -> None:
        deliveries = []
        queues, actors = set(self._queues()), set(self._actors())
        for lease in leases:
            try:
                deliveries.append(Delivery(read_message(lease, queues, actors), lease, self._store, self._values))
            except (LookupError, TypeError, ValueError) as error:
                self._refuse(lease, error)
        self._slots.take(deliveries)
        self._hand_over(deliveries)

    def _refuse(self, lease: Lease, error: BaseException) -> None:
        empty: dramatiq.Message[object] = dramatiq.Message("", "", (), {}, {}, message_id=lease.run_id)
        told = orjson.dumps({"kind": "permanent", "message": f"the message cannot be read: {error}", "attempt": 1})
        log.error("message_unreadable", run_id=lease.run_id, error=str(error))
        commit = Commit(lease.run_id, lease.fence, "dead", reason="unreadable_message", error=told)
        self._committer.put(Delivery(empty, lease, self._store, self._values), commit)

    def _give_back(self, deliveries: list[Delivery], reason: str) -> None:
        for delivery in deliveries:
            commit = Commit(delivery.lease.run_id, delivery.lease.fence, "queued", reason=reason, spends=False)
            self._committer.put(delivery, commit)


def read_message(lease: Lease, queues: set[str], actors: set[str]) -> dramatiq.Message[object]:
    """Give the message of a run, if Dramatiq's threads can take it; what fails in them would end them.

    Raises ``LookupError``, ``TypeError`` or ``ValueError`` for one that they cannot.
    """
    told = orjson.loads(lease.message)
    told["args"] = tuple(told["args"])
    for name, shape in _SHAPES:
        if type(told[name]) is not shape:
            raise TypeError(f"{name} is not a {shape.__name__}")
    if told.keys() != _FIELDS:
        raise ValueError(f"its fields are {sorted(told)}, and not those of a message")
    # What the class itself does to be frozen takes ten times as long, for every run.
    message: dramatiq.Message[object] = object.__new__(dramatiq.Message)
    vars(message).update(told)
    if message.queue_name not in queues or message.actor_name not in actors:
        wrong = f"it names {message.actor_name!r} in queue {message.queue_name!r}, and its record another"
        raise ValueError(wrong)
    if message.options:
        for name in _DRAMATIQS:
            message.options.pop(name, None)
    return message
