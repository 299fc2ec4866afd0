"""Raises an exception in the thread of an attempt while its actor runs there, and at no other moment.

An exception from outside that lands in the middleware, or in the hand-over of the verdict, costs a worker thread and
the verdict. A guard is therefore open exactly as long as the actor runs; what was raised and has not landed when it
closes is taken back under the same lock that raising takes.
"""

from __future__ import annotations

import ctypes
import threading
import time
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from dramatiq.middleware import TimeLimitExceeded
from dramatiq.threading import Interrupt, raise_thread_exception

from pipeline.errors import Cancelled, LeaseLost

if TYPE_CHECKING:
    from pipeline.engine.delivery import Delivery


class TimedOut(TimeLimitExceeded):
    """The attempt took longer than it may."""


class PastDeadline(TimeLimitExceeded):
    """The run's deadline came before its result."""


class Stopped(Interrupt, Cancelled):
    """Somebody asked the run to stop; an async actor is cancelled by it, as by every ``Interrupt``."""


class Guard:
    """One attempt in one thread; open while its actor runs, and the only time that it can be interrupted.

    Times are of ``time.monotonic()``.
    """

    # What most attempts never change stands here: setting it anew for each costs more than all else that is done here.
    thrown: type[TimedOut | PastDeadline | Stopped] | None = None
    thrown_at = 0.0
    closed = False
    #: Set when its verdict was committed from outside: what the thread still does counts for nothing.
    given_up = False
    #: Whether the limit is the run's own deadline.
    deadline = False

    def __init__(self, guards: Guards, delivery: Delivery, limit: timedelta, *, deadline: bool = False) -> None:
        self.delivery = delivery
        self.limit = limit
        self.thread = threading.get_ident()
        self.began_at = time.monotonic()
        self.lock = threading.Lock()
        self._guards = guards
        if deadline:
            self.deadline = True

    def due(self, now: float) -> type[TimedOut | PastDeadline | Stopped] | None:
        """Say what is to be raised in the thread now, if anything."""
        if self.delivery.cancelled:
            return Stopped
        if now < self.began_at + self.limit.total_seconds():
            return None
        return PastDeadline if self.deadline else TimedOut

    def told(self) -> str:
        """Say in a sentence why the attempt was interrupted."""
        run = self.delivery.lease.run_id
        if self.thrown is Stopped:
            return f"run {run} was asked to stop"
        if self.thrown is PastDeadline:
            return f"run {run} has not ended by its deadline"
        return f"the attempt took longer than its limit of {self.limit.total_seconds():g} s"

    def __enter__(self) -> Self:
        self._guards.opened[self.thread] = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, trace
        self.close()
        if self.given_up:
            raise LeaseLost(f"run {self.delivery.lease.run_id} ended without this thread, which did not stop")
        if error is not None and isinstance(error, TimedOut | PastDeadline | Stopped) and not error.args:
            error.args = (self.told(),)  # a class is all that can be raised in another thread

    def close(self) -> None:
        """Let nothing be raised in the thread any more, and take back what has not landed.

        Closing it again changes nothing.
        """
        while True:
            try:
                with self.lock:
                    self.closed = True
                    if self._guards.opened.get(self.thread) is self:
                        del self._guards.opened[self.thread]
                    if self.thrown is not None:
                        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread), None)
            except (TimedOut, PastDeadline, Stopped):
                continue  # it landed in here; it is raised once a guard, so the next try is left alone
            return


class Guards:
    """The open guards of a process; safe to use from all of its threads.

    Each guard has a lock of its own: one for all would be waited for by every thread at the start and the end of every
    attempt, and each wait costs a switch of threads.
    """

    def __init__(self) -> None:
        #: By thread; whoever puts a guard here, or takes one away, is that thread, or holds the guard's lock.
        self.opened: dict[int, Guard] = {}

    def look(self, grace: timedelta) -> tuple[list[Guard], list[Guard]]:
        """Interrupt what is due, once; give these, and the guards that are still open ``grace`` after that.

        The latter are closed and marked as given up, and their deliveries as lost.
        """
        now = time.monotonic()
        limit = now - grace.total_seconds()
        interrupted, stuck = [], []
        for guard in list(self.opened.values()):
            if guard.thrown is None and guard.due(now) is None:
                continue
            with guard.lock:
                if guard.closed:
                    continue
                if guard.thrown is None:
                    guard.thrown = guard.due(now)
                    guard.thrown_at = now
                    interrupted.append(guard)
                    raise_thread_exception(guard.thread, guard.thrown)  # type: ignore[no-untyped-call] # Dramatiq's
                elif guard.thrown_at <= limit:
                    guard.given_up = guard.closed = guard.delivery.lost = True
                    del self.opened[guard.thread]
                    stuck.append(guard)
        return interrupted, stuck

    def held(self) -> int:
        """Say how many threads are in an actor."""
        return len(self.opened)
