"""Worker processes: started, watched, replaced one by one.

One thread waits on each child and posts its end to the loop, which blocks until something happens: nothing polls.
Each child is given a lifeline, so that none outlives the supervisor however that ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from types import FrameType, MappingProxyType
from typing import Literal

import structlog

from pipeline.engine.lifeline import LIFELINE, SLOT

#: Exit codes that say "start me differently": wrong usage, and EX_CONFIG of sysexits.h.
REFUSALS = frozenset({2, 78})

#: The exit code of a worker that cannot go on and has lost nothing: EX_TEMPFAIL of sysexits.h. It is replaced at once.
REPLACE = 75

_SETTLED = 5.0  # seconds a child lives before it counts as one that starts well
_SOONEST_TO_LEAVE = 2.0  # seconds after which a worker may have come to ask for its replacement
_REFUSED = 3  # refusals in a row, with no settled child beside them, before the supervisor gives up
_LONGEST_PAUSE = 30.0
_ECHO = 0.5  # seconds in which a second signal is the same keystroke, passed on by make or uv as well

_Name = Literal["worker_started", "worker_died", "worker_left", "worker_overdue", "workers_stopping", "workers_refused"]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """Something that happened to a worker process; ``code`` is its exit code, or minus the signal that ended it."""

    name: _Name
    slot: int | None = None
    pid: int | None = None
    code: int | None = None
    restart_in: float | None = None


@dataclass(eq=False, slots=True)
class _Slot:
    index: int
    process: subprocess.Popen[bytes] | None = None
    lifeline: int = -1
    started_at: float = 0.0
    settled: bool = False
    early_deaths: int = 0
    start_at: float | None = 0.0  # when the next child is due; None while one runs
    kill_at: float | None = None  # when a child that was asked to stop is killed


@dataclass(frozen=True, slots=True)
class _Ended:
    slot: _Slot
    code: int


class Supervisor:
    """Keeps ``processes`` children running ``command``, each replaced alone and at once when it dies.

    ``env`` is added to this process's environment; what they write goes to the descriptor ``output``, or where this
    process writes. In the main thread, SIGTERM and SIGINT stop the children (SIGKILL after ``grace``, or at a second
    signal) and SIGHUP replaces them one by one, each only when the one before has settled; from a terminal SIGHUP means
    that the terminal is gone, and stops. In other threads call ``stop()``.
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
    ) -> None:
        self.command = tuple(command)
        self.grace = grace
        self.env = dict(env)
        self.output = output
        self.on_event = on_event
        self._slots = [_Slot(index) for index in range(processes)]
        self._inbox: SimpleQueue[_Ended | signal.Signals] = SimpleQueue()
        self._renewing: deque[_Slot] = deque()
        self._stopping_since: float | None = None
        self._refusals = 0
        self._exit_code = 0

    def run(self) -> int:
        """Supervise until stopped; the exit code is 0, or the children's own if they refuse to start (2, 78)."""
        with self._signals():
            try:
                while not self._finished():
                    self._act(time.monotonic())
                    self._receive()
            finally:
                self._abandon()
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
        else:
            self._stop_or_kill()

    def _next_moment(self) -> float | None:
        moments: list[float] = []
        for slot in self._slots:
            if slot.kill_at is not None:
                moments.append(slot.kill_at)
            elif slot.process is None and self._stopping_since is None and slot.start_at is not None:
                moments.append(slot.start_at)
            elif slot.process is not None and not slot.settled:
                moments.append(slot.started_at + _SETTLED)
        return min(moments, default=None)

    def _act(self, now: float) -> None:
        for slot in self._slots:
            if slot.process is None:
                if self._stopping_since is None and slot.start_at is not None and slot.start_at <= now:
                    self._start(slot)
            elif slot.kill_at is not None and slot.kill_at <= now:
                slot.kill_at = None
                self._tell(WorkerEvent("worker_overdue", slot.index, slot.process.pid))
                slot.process.kill()
            elif not slot.settled and slot.started_at + _SETTLED <= now:
                slot.settled = True
                slot.early_deaths = self._refusals = 0
        if self._renewing and self._stopping_since is None and all(slot.settled for slot in self._slots):
            self._ask_to_leave(self._renewing.popleft(), now)

    def _finished(self) -> bool:
        return self._stopping_since is not None and all(slot.process is None for slot in self._slots)

    # What happens to one child.

    def _start(self, slot: _Slot) -> None:
        slot.started_at, slot.settled = time.monotonic(), False
        try:
            slot.process = self._spawn(slot)
        except (FileNotFoundError, PermissionError):
            raise  # the command itself is wrong
        except OSError as problem:  # no memory, no descriptors or no processes left just now
            slot.early_deaths += 1
            slot.start_at = slot.started_at + _pause(slot.early_deaths)
            _log.warning("worker_not_started", slot=slot.index, problem=str(problem))
            return
        slot.start_at = None
        threading.Thread(
            target=self._await_end, args=(slot, slot.process), name=f"worker-{slot.index}", daemon=True
        ).start()
        self._tell(WorkerEvent("worker_started", slot.index, slot.process.pid))

    def _spawn(self, slot: _Slot) -> subprocess.Popen[bytes]:
        reading, writing = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - the command is the caller's, and no shell reads it
                self.command,
                env={**os.environ, **self.env, LIFELINE: str(reading), SLOT: str(slot.index)},
                stdin=subprocess.DEVNULL,
                stdout=self.output,
                stderr=self.output,
                pass_fds=(reading,),
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops them in order
            )
        except OSError:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        slot.lifeline = writing
        return process

    def _await_end(self, slot: _Slot, process: subprocess.Popen[bytes]) -> None:
        if hasattr(os, "waitid"):  # not reaped yet, so its number, which is its group's as well, cannot be another's
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            _kill_group(process.pid)
            code = process.wait()
        else:
            code = process.wait()
            _kill_group(process.pid)
        self._inbox.put(_Ended(slot, code))

    def _ended(self, end: _Ended) -> None:
        slot, now = end.slot, time.monotonic()
        pid = slot.process.pid if slot.process else None
        left = end.code == REPLACE and now - slot.started_at >= _SOONEST_TO_LEAVE
        early = slot.kill_at is None and now - slot.started_at < _SETTLED and not left
        slot.early_deaths = slot.early_deaths + 1 if early else 0
        slot.process, slot.settled, slot.kill_at = None, False, None
        os.close(slot.lifeline)
        if self._stopping_since is not None:
            self._tell(WorkerEvent("worker_died", slot.index, pid, end.code))
            return
        self._refusals = self._refusals + 1 if early and end.code in REFUSALS else 0
        if self._refusals >= _REFUSED and not any(other.settled for other in self._slots):
            self._tell(WorkerEvent("workers_refused", slot.index, pid, end.code))
            self._exit_code = end.code
            self._stop_or_kill()
            return
        pause = _pause(slot.early_deaths)
        slot.start_at = now + pause
        self._tell(WorkerEvent("worker_left" if left else "worker_died", slot.index, pid, end.code, pause))

    def _ask_to_leave(self, slot: _Slot, now: float) -> None:
        if slot.process is not None:
            slot.kill_at = now + self.grace.total_seconds()
            slot.process.terminate()

    # The end of all of them.

    def _stop_or_kill(self) -> None:
        now = time.monotonic()
        if self._stopping_since is None:
            self._stopping_since = now
            self._tell(WorkerEvent("workers_stopping"))
            for slot in self._slots:
                self._ask_to_leave(slot, now)
        elif now - self._stopping_since >= _ECHO:
            for slot in self._slots:
                slot.kill_at = now if slot.process is not None else None

    def _abandon(self) -> None:
        for slot in self._slots:
            if slot.process is not None:  # only when an exception ends the loop
                slot.process.kill()
                slot.process.wait()
                os.close(slot.lifeline)
                slot.process = None

    def _tell(self, event: WorkerEvent) -> None:
        details = {
            name: value for name in ("slot", "pid", "code", "restart_in") if (value := getattr(event, name)) is not None
        }
        level = "info" if event.name in ("worker_started", "workers_stopping") or event.code == 0 else "warning"
        getattr(_log, level)(event.name, **details)
        if self.on_event is not None:
            self.on_event(event)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        hangup = signal.SIGTERM if _has_terminal() else signal.SIGHUP
        meanings = {signal.SIGTERM: signal.SIGTERM, signal.SIGINT: signal.SIGTERM, signal.SIGHUP: hangup}

        def post(number: int, _frame: FrameType | None) -> None:
            self._inbox.put(meanings[signal.Signals(number)])

        before = {number: signal.signal(number, post) for number in meanings}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: set by a library in C


def _pause(early_deaths: int) -> float:
    return min(_LONGEST_PAUSE, 0.25 * 2.0 ** min(early_deaths - 2, 10)) if early_deaths > 1 else 0.0


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody left in it; macOS says so in the second way
        os.killpg(pid, signal.SIGKILL)


def _has_terminal() -> bool:
    try:
        return os.isatty(0)
    except OSError:
        return False
