"""Interrupts attempts whose time is up or whose run was cancelled, and ends those that cannot be interrupted.

A thread that blocks in C hears of nothing. Its run must not wait for it: the verdict is committed from here, as the
thread's own middleware would have decided it, and the process asks to be replaced, for a thread cannot be ended.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING

import structlog

from pipeline.engine.conclusion import conclude
from pipeline.engine.interrupts import Guard, Guards, Stopped

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker
    from pipeline.engine.committer import Committer
    from pipeline.engine.delivery import Delivery

#: How often the attempts are looked through.
TICK = timedelta(milliseconds=200)

#: How long an attempt may clean up after it was interrupted; after that its thread counts as stuck.
GRACE = timedelta(seconds=3)

log = structlog.get_logger(__name__)


class Watchdog(threading.Thread):
    """A thread that looks after the limits of all attempts of a process.

    ``on_stuck`` is called when a thread did not stop: whoever set it gives the process's other runs back and ends it.
    """

    def __init__(self, broker: PipelineBroker, committer: Committer) -> None:
        super().__init__(name="watchdog", daemon=True)
        self.on_stuck: Callable[[], object] = _nobody
        #: The threads that did not stop, by their identity.
        self.stuck: set[int] = set()
        self._broker = broker
        self._committer = committer
        self._guards = Guards()
        self._stopping = threading.Event()

    def guard(self, delivery: Delivery, limit: timedelta, *, deadline: bool = False) -> Guard:
        """Make the guard of an attempt in the present thread; ``deadline`` says that the limit is the run's own."""
        return Guard(self._guards, delivery, limit, deadline=deadline)

    def stop(self) -> None:
        """Look after nothing any more."""
        self._stopping.set()

    def wedged(self) -> str | None:
        """Say which threads are past twice their limit, or did not stop at it, if any; takes no lock."""
        now, late = time.monotonic(), []
        for guard in list(self._guards.opened.values()):
            limit, spent = guard.limit.total_seconds(), now - guard.began_at
            if spent > limit + max(limit, GRACE.total_seconds()):
                late.append(f"run {guard.delivery.lease.run_id} for {spent:.0f} s, with a limit of {limit:g} s")
        told = f"{len(self.stuck)} did not stop at the limit" if self.stuck else ""
        return "; ".join(filter(None, [told, *late[:3]])) or None

    def run(self) -> None:
        while not self._stopping.wait(TICK.total_seconds()):
            try:
                self._look()
            except Exception:
                log.exception("watchdog_failed")  # it must not end: without it no limit holds

    def _look(self) -> None:
        interrupted, stuck = self._guards.look(GRACE)
        for guard in interrupted:
            log.warning("attempt_interrupted", run_id=guard.delivery.lease.run_id, why=guard.told())
        if not stuck:
            return
        self._broker.stopping = True  # before the verdict: what is claimed from here on stops at its first step
        for guard in stuck:
            self._end(guard)
        self.on_stuck()

    def _end(self, guard: Guard) -> None:
        delivery = guard.delivery
        frame = sys._current_frames().get(guard.thread)  # noqa: SLF001 - documented, for exactly this
        assert guard.thrown is not None
        delivery.kind = "cancelled" if guard.thrown is Stopped or delivery.cancelled else "timeout"
        actor = self._broker.actors.get(delivery.actor_name)
        error = guard.thrown(f"{guard.told()}, and its thread did not stop")
        verdict, commit = conclude(delivery, actor, error, frames=_where(frame))
        self.stuck.add(guard.thread)
        self._committer.put(delivery, commit)
        log.error(
            "thread_stuck",
            run_id=delivery.lease.run_id,
            actor=delivery.actor_name,
            why=guard.told(),
            state=verdict.state,
            where="".join(traceback.format_stack(frame, limit=1)).strip() if frame else "",
        )


def _where(frame: FrameType | None) -> str:
    return "the thread is at:\n" + "".join(traceback.format_stack(frame)) if frame else "the thread is gone"


def _nobody() -> None:
    log.error("worker_not_replaced", why="this process was not started by a supervisor: restart it by hand")
