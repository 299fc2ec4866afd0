"""Worker processes: started, watched, replaced one by one.

One thread waits on each child and posts its end to the loop, which blocks until something happens: nothing polls.
Each child is given a lifeline, so that none outlives the supervisor however that ends.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from types import MappingProxyType
from typing import Literal

import structlog

from pipeline.engine.child import REFUSALS, REPLACE, Child, Reason, Told, pause
from pipeline.engine.stop_signals import stop_signals
from pipeline.engine.vitals import Heard

#: With children that report, the loop turns this often although nothing happened: whether it does is its liveness.
TURN = timedelta(seconds=5)

#: A child that reported, and of which nothing was heard for so long, is killed: no thread of it gets to run.
SILENCE = timedelta(seconds=60)

_SETTLED = 5.0  # seconds a child lives before it counts as one that starts well
_SOONEST_TO_LEAVE = 2.0  # seconds after which a worker may have come to ask for its replacement
_REFUSED = 3  # refusals in a row, with no settled child beside them, before the supervisor gives up
_ECHO = 0.5  # seconds in which a second signal is the same keystroke, passed on by make or uv as well

_Name = Literal[
    "worker_started",
    "worker_died",
    "worker_left",
    "worker_overdue",
    "worker_silent",
    "workers_stopping",
    "workers_refused",
]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """Something that happened to a worker process; ``code`` is its exit code, or minus the signal that ended it."""

    name: _Name
    slot: int | None = None
    pid: int | None = None
    code: int | None = None
    restart_in: float | None = None
    #: Why it is replaced; none if it is not.
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class _Ended:
    slot: Child
    code: int


class _Said:
    """A child's report says another thing than the one before."""


class Supervisor:
    """Keeps ``processes`` children running ``command``, each replaced alone and at once when it dies.

    ``env`` is added to this process's environment; what they write goes to the descriptor ``output``, or where this
    process writes. In the main thread, SIGTERM and SIGINT stop the children (SIGKILL after ``grace``, or at a second
    signal) and SIGHUP replaces them one by one, each only when the one before has settled; from a terminal SIGHUP means
    that the terminal is gone, and stops. In other threads call ``stop()``.

    Where the children are ``reporting`` one that falls silent is replaced too, and ``on_turn`` is called whenever the
    loop turns: every five seconds at least, and when a child has news.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        processes: int,
        grace: timedelta,
        env: Mapping[str, str] = MappingProxyType({}),
        output: int | None = None,
        on_event: Callable[[WorkerEvent], object] | None = None,
        reporting: bool = False,
    ) -> None:
        self.grace = grace
        self.on_event = on_event
        self.on_turn: Callable[[], object] = lambda: None
        self.turn = TURN
        #: When the loop turned last.
        self.turned_at = time.monotonic()
        self._told = Told(tuple(command), dict(env), output)
        self._reporting = reporting
        self._slots = [Child(index) for index in range(processes)]
        self._inbox: SimpleQueue[_Ended | _Said | signal.Signals] = SimpleQueue()
        self._renewing: deque[Child] = deque()
        self._stopping_since: float | None = None
        self._refusals = 0
        self._exit_code = 0

    @property
    def children(self) -> Sequence[Child]:
        """Its places, and who has them; to be looked at, from any thread."""
        return self._slots

    @property
    def stopping(self) -> bool:
        """Whether it has begun to stop."""
        return self._stopping_since is not None

    def add_env(self, env: Mapping[str, str]) -> None:
        """Give the children that are started from now on these variables too."""
        self._told = self._told._replace(env={**self._told.env, **env})

    def run(self) -> int:
        """Supervise until stopped; the exit code is 0, or the children's own if they refuse to start (2, 78)."""
        with stop_signals(self._inbox.put):
            try:
                while not self._finished():
                    self._act(time.monotonic())
                    self.on_turn()
                    self._receive()
            finally:
                for slot in self._slots:
                    slot.abandon()  # only when an exception ends the loop
        return self._exit_code

    def stop(self) -> None:
        """Ask the children to finish and ``run()`` to return; from any thread, or from a signal handler."""
        self._inbox.put(signal.SIGTERM)

    # The loop: receive one message, or reach a moment, then act on everything that is due.

    def _receive(self) -> None:
        moment = self._next_moment()
        try:
            message = self._inbox.get(timeout=None if moment is None else max(0.0, moment - time.monotonic()))
        except Empty:
            return
        if isinstance(message, _Ended):
            self._ended(message)
        elif message is signal.SIGHUP:
            self._renewing.extend(slot for slot in self._slots if slot not in self._renewing)
        elif message is signal.SIGTERM:
            self._stop_or_kill()

    def _next_moment(self) -> float | None:
        moments: list[float] = [self.turned_at + self.turn.total_seconds()] if self._reporting else []
        for slot in self._slots:
            if slot.kill_at is not None:
                moments.append(slot.kill_at)
            elif slot.process is None and self._stopping_since is None and slot.start_at is not None:
                moments.append(slot.start_at)
            elif slot.process is not None and not slot.settled:
                moments.append(slot.started_at + _SETTLED)
        return min(moments, default=None)

    def _act(self, now: float) -> None:
        # One that was stopped itself, and goes on, has heard nothing: that is not its children's fault.
        late = now - self.turned_at > 2 * self.turn.total_seconds()
        self.turned_at = now
        for slot in self._slots:
            if slot.heard is not None and late:
                slot.heard.at = now
            if slot.process is None:
                if self._stopping_since is None and slot.start_at is not None and slot.start_at <= now:
                    self._start(slot)
            elif slot.kill_at is not None and slot.kill_at <= now:
                slot.kill_at = None
                self._tell(WorkerEvent("worker_overdue", slot.index, slot.pid))
                slot.process.kill()
            elif not slot.settled and slot.started_at + _SETTLED <= now:
                slot.settled = True
                slot.early_deaths = self._refusals = 0
            elif slot.silent(now) > SILENCE.total_seconds() and not slot.fell_silent:
                slot.fell_silent = True
                self._tell(WorkerEvent("worker_silent", slot.index, slot.pid))
                slot.process.kill()
        if self._renewing and self._stopping_since is None and all(slot.settled for slot in self._slots):
            self._renewing.popleft().ask_to_leave(now + self.grace.total_seconds())

    def _finished(self) -> bool:
        return self._stopping_since is not None and all(slot.process is None for slot in self._slots)

    # What happens to one child.

    def _start(self, slot: Child) -> None:
        began = time.monotonic()
        heard = Heard(lambda: self._inbox.put(_Said())) if self._reporting else None
        try:
            slot.start(self._told, lambda code: self._inbox.put(_Ended(slot, code)), heard)
        except (FileNotFoundError, PermissionError):
            raise  # the command itself is wrong
        except OSError as problem:  # no memory, no descriptors or no processes left just now
            slot.postpone(began)
            _log.warning("worker_not_started", slot=slot.index, problem=str(problem))
            return
        self._tell(WorkerEvent("worker_started", slot.index, slot.pid))

    def _ended(self, end: _Ended) -> None:
        slot, now = end.slot, time.monotonic()
        pid, reason = slot.pid, slot.why_it_ended(end.code)
        left = end.code == REPLACE and now - slot.started_at >= _SOONEST_TO_LEAVE
        early = slot.kill_at is None and now - slot.started_at < _SETTLED and not left
        slot.early_deaths = slot.early_deaths + 1 if early else 0
        slot.end()
        if self._stopping_since is not None:
            self._tell(WorkerEvent("worker_died", slot.index, pid, end.code))
            return
        self._refusals = self._refusals + 1 if early and end.code in REFUSALS else 0
        if self._refusals >= _REFUSED and not any(other.settled for other in self._slots):
            self._tell(WorkerEvent("workers_refused", slot.index, pid, end.code))
            self._exit_code = end.code
            self._stop_or_kill()
            return
        restart_in = pause(slot.early_deaths)
        slot.start_at = now + restart_in
        name: _Name = "worker_left" if left else "worker_died"
        self._tell(WorkerEvent(name, slot.index, pid, end.code, restart_in, reason))

    # The end of all of them.

    def _stop_or_kill(self) -> None:
        now = time.monotonic()
        if self._stopping_since is None:
            self._stopping_since = now
            self._tell(WorkerEvent("workers_stopping"))
            for slot in self._slots:
                slot.ask_to_leave(now + self.grace.total_seconds())
        elif now - self._stopping_since >= _ECHO:
            for slot in self._slots:
                slot.kill_at = now if slot.process is not None else None

    def _tell(self, event: WorkerEvent) -> None:
        fields = ("slot", "pid", "code", "restart_in", "reason")
        details = {name: value for name in fields if (value := getattr(event, name)) is not None}
        level = "info" if event.name in ("worker_started", "workers_stopping") or event.code == 0 else "warning"
        getattr(_log, level)(event.name, **details)
        if self.on_event is not None:
            self.on_event(event)
