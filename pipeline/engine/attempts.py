"""The threads around a Dramatiq worker: they claim, commit, keep leases, reconcile and watch limits."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import dramatiq
import structlog

from pipeline.ended import StatsSettings
from pipeline.engine.committer import Committer
from pipeline.engine.delivery import Delivery
from pipeline.engine.export_worker import Meter
from pipeline.engine.intake import Intake
from pipeline.engine.lease_keeper import LeaseKeeper
from pipeline.engine.reconciler import Reconciler
from pipeline.engine.slots import Slots
from pipeline.engine.watchdog import Watchdog

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker

log = structlog.get_logger(__name__)


class Attempts:
    """What a worker process has in hand, from the claim to the commit."""

    def __init__(self, broker: PipelineBroker, worker: dramatiq.Worker) -> None:
        self._broker = broker
        self._worker = worker
        self._queues: list[str] = []
        self._closed = threading.Event()
        self._sequence = 0
        self.slots = Slots(worker.worker_threads, broker.at_once)
        self.committer = Committer(broker.store, self.slots)
        self._keeper = LeaseKeeper(broker.store, self.slots, broker.worker_id, broker.lease)
        self.watchdog = Watchdog(broker, self.committer)
        self._reconciler = Reconciler(
            broker.store, broker.worker_id, broker.lease, broker.retention, StatsSettings.current().feed_limit
        )
        self._intake = Intake(
            store=broker.store,
            values=broker.values,
            slots=self.slots,
            committer=self.committer,
            worker_id=broker.worker_id,
            lease=broker.lease,
            queues=lambda: self._queues,
            actors=lambda: {name: getattr(actor, "version", 1) for name, actor in broker.actors.items()},
            hand_over=self._hand_over,
        )

        self._meter = Meter(broker, self.slots, worker.worker_threads, lambda: self._queues)

    def start(self) -> None:
        """Start the threads."""
        for thread in (self.committer, self._keeper, self._reconciler, self._intake, self.watchdog, self._meter):
            thread.start()

    @property
    def threads(self) -> tuple[threading.Thread, ...]:
        """Its own threads: without any one of them the process does not do what it should."""
        return (self.committer, self._keeper, self._reconciler, self._intake, self.watchdog)

    def serve(self, queue_name: str) -> None:
        """Claim from this queue too."""
        if queue_name not in self._queues:
            self._queues = [*self._queues, queue_name]

    def stop_claiming(self) -> None:
        """Claim nothing more, give back what has not begun, and ask what runs to stop at its next step."""
        self._broker.stopping = True
        self._intake.stop(timedelta(seconds=6))
        for delivery in self.slots.leased():
            delivery.stopping = True

    def stop(self) -> None:
        """Commit what has ended and stop the threads."""
        if not self.committer.stop(self._broker.grace):
            log.error("commits_left", why="Redis did not answer; the leases will end and the runs go on elsewhere")
        self.watchdog.stop()
        self._keeper.stop()
        self._reconciler.stop()
        self._meter.stop()  # last: the commits above are to be counted
        self._closed.set()

    def end(self, delivery: Delivery) -> None:
        """Commit the verdict of an attempt that is over; without one the lease ends and the run is taken up again."""
        if not delivery.started_at or delivery.handed_back:
            return
        if self.slots.release(delivery):
            self._intake.look_up()
        if delivery.commit is not None:
            self.committer.put(delivery, delivery.commit)
        else:
            self.slots.forget(delivery)

    def rest(self, timeout: timedelta) -> None:
        """Block a consumer thread that has nothing to do."""
        self._closed.wait(timeout.total_seconds())

    def _hand_over(self, deliveries: list[Delivery]) -> None:
        # Dramatiq would sort by the actor's priority; what was claimed ahead starts in the order it was claimed for.
        # One lock for all of them: taken for each, it costs a switch of threads for each.
        queue = self._worker.work_queue
        with queue.mutex:
            for delivery in deliveries:
                self._sequence += 1
                queue._put(_Waiting(delivery.lease.tier, self._sequence, delivery))  # type: ignore[arg-type] # noqa: SLF001 - the queue's own hook; items are compared with their like
            queue.unfinished_tasks += len(deliveries)
            queue.not_empty.notify(len(deliveries))


class _Waiting(NamedTuple):
    """What Dramatiq's worker threads take from their queue; no two have the same tier and number."""

    tier: int
    sequence: int
    message: Delivery
