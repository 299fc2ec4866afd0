"""What a worker process tells of itself: it writes down what it counted, and says in Redis what it serves."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from pipeline import metrics
from pipeline.engine.worker_facts import facts_of
from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker
    from pipeline.engine.slots import Slots
    from pipeline.metrics.register import Register

#: How often what was counted is written down; a worker that is killed has lost what came since.
FLUSH = timedelta(milliseconds=250)

#: How often the process looks at itself, and how often it says what it serves, though nothing changed.
LOOK, ANNOUNCE = timedelta(seconds=1), timedelta(seconds=30)

#: The time limit of actors that declare none, if the stack says nothing else.
_LIMIT = timedelta(minutes=10)

log = structlog.get_logger(__name__)


class Meter(threading.Thread):
    """A thread that adds up the metrics of its worker process and announces what the worker serves."""

    def __init__(self, broker: PipelineBroker, slots: Slots, threads: int, queues: Callable[[], list[str]]) -> None:
        super().__init__(name="meter", daemon=True)
        self._broker = broker
        self._slots = slots
        self._threads = threads
        self._queues = queues
        self._announce = broker.store.script("export_announce")
        self._stopping = threading.Event()
        self._told: list[str] = []
        self._told_at = self._looked_at = -ANNOUNCE.total_seconds()
        self._lag: float | None = None
        metrics.keep()  # from the first run on, though it is added up a little later

    def stop(self) -> None:
        """Write down what is left, and withdraw what was announced."""
        self._stopping.set()
        self.join(5)
        self._write()
        try:
            self._announce(self._broker.worker_id, "")
        except Unavailable as error:
            log.warning("announcement_left", error=str(error))

    def run(self) -> None:
        while not self._stopping.wait(FLUSH.total_seconds()):
            now = time.monotonic()
            if now - self._looked_at >= LOOK.total_seconds():
                self._looked_at = now
                self._look()
            self._write()

    def _write(self) -> None:
        try:
            self._register.flush()
        except Exception as error:  # noqa: BLE001 - a full disk must not end what others wait for
            log.error("metrics_not_written", error=f"{type(error).__name__}: {error}")  # noqa: TRY400 - the message says it all

    @cached_property
    def _register(self) -> Register:
        from pipeline.metrics.register import register

        found = register()
        found.set("dramaturg_worker_info", 1, socket.gethostname(), version("dramaturg"))
        return found

    def _look(self) -> None:
        slot = metrics.slot_here()
        register = self._register
        register.set("dramaturg_worker_slots", self._threads, slot)
        register.set("dramaturg_worker_busy_slots", self._slots.running, slot)
        if (resident := _resident()) is not None:
            register.set("dramaturg_worker_resident_memory_bytes", resident, slot)
        self._probe_loop()
        queues = sorted(self._queues())
        if queues != self._told or self._looked_at - self._told_at >= ANNOUNCE.total_seconds():
            self._say(register, queues)

    def _say(self, register: Register, queues: list[str]) -> None:
        actors = self._broker.actors
        served = {name: actor.queue_name for name, actor in actors.items() if actor.queue_name in set(queues)}
        models = {model for actor in actors.values() for model in (getattr(actor, "models", None) or ())}
        models |= set(self._broker.models)
        register.declare(actors=actors, queues=self._broker.queues, models=models)
        register.begin(served.items())
        told = {
            "queues": {queue: self._served(queue) for queue in queues},
            "host": socket.gethostname(),
            "version": version("dramaturg"),
            "threads": self._threads,
            **facts_of(self._broker),
        }
        names = [f"actor {name}" for name in served]
        names += [f"queue {queue}" for queue in queues] + [f"model {model}" for model in sorted(models)]
        try:
            self._announce(self._broker.worker_id, orjson.dumps(told), *names)
        except Unavailable as error:
            log.warning("announcement_delayed", error=str(error))
            return
        self._told, self._told_at = queues, time.monotonic()

    def _served(self, queue: str) -> dict[str, Any]:
        limits = [_limit(actor) for actor in self._broker.actors.values() if actor.queue_name == queue]
        return {
            "slots": min(self._threads, self._broker.at_once.get(queue, self._threads)),
            "limit": max(limits, default=_LIMIT).total_seconds(),
        }

    def _probe_loop(self) -> None:
        """Ask the event loop of asyncio actors to say when it gets to what is due now; one question at a time."""
        from dramatiq.asyncio import get_event_loop_thread

        thread = get_event_loop_thread()
        if thread is None or self._lag is not None:
            return
        self._lag = time.monotonic()
        try:
            thread.loop.call_soon_threadsafe(self._heard_of_loop)
        except RuntimeError:  # it was closed: the worker is stopping
            self._lag = None

    def _heard_of_loop(self) -> None:
        if self._lag is not None:
            metrics.observe("dramaturg_event_loop_lag_seconds", time.monotonic() - self._lag)
            self._lag = None


def _limit(actor: Any) -> timedelta:
    declared = getattr(actor, "timeout", None)
    if isinstance(declared, timedelta):
        return declared
    milliseconds = getattr(actor, "options", {}).get("time_limit")
    return timedelta(milliseconds=milliseconds) if milliseconds and milliseconds < 1e12 else _LIMIT  # noqa: PLR2004 - as good as none


def _resident() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None  # not Linux
    return pages * os.sysconf("SC_PAGE_SIZE")
