"""One place of a supervisor, and the child that has it at the moment: started, heard, asked to leave, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from pipeline.engine.lifeline import LIFELINE, SLOT
from pipeline.engine.vitals import VITALS, Heard

#: Exit codes that say "start me differently": wrong usage, and EX_CONFIG of sysexits.h.
REFUSALS = frozenset({2, 78})

#: The exit code of a worker that cannot go on and has lost nothing: EX_TEMPFAIL of sysexits.h. It is replaced at once.
REPLACE = 75

#: The exit code of a worker that found no Redis, or no database.
_UNREACHABLE = 5

#: Why a child was replaced.
Reason = Literal["killed", "crashed", "stuck", "refused", "renewed"]

_LONGEST_PAUSE = 30.0


class Told(NamedTuple):
    """How a child is started: its command, its environment, and where it writes."""

    command: Sequence[str]
    env: Mapping[str, str]
    output: int | None


class Child:
    """A place among children; ``process`` is the one that has it, None between two. Times are ``time.monotonic()``."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.process: subprocess.Popen[bytes] | None = None
        self.heard: Heard | None = None
        self.started_at = 0.0
        self.settled = False
        self.early_deaths = 0
        #: When the next child is due; None while one runs.
        self.start_at: float | None = 0.0
        #: When a child that was asked to stop is killed.
        self.kill_at: float | None = None
        #: Set when it was killed because nothing was heard of it.
        self.fell_silent = False
        self._lifeline = -1

    @property
    def pid(self) -> int | None:
        """The process that has the place."""
        return None if self.process is None else self.process.pid

    @property
    def up(self) -> bool:
        """Whether it has said that it has come up."""
        heard = self.heard
        return heard is not None and heard.report is not None and heard.report.started

    def silent(self, now: float) -> float:
        """Give for how many seconds nothing was heard of a child that has come up; 0 of any other."""
        heard = self.heard
        return heard.silent(now) if heard is not None and self.up else 0.0

    def start(self, told: Told, ended: Callable[[int], object], heard: Heard | None) -> None:
        """Start a child; ``ended`` is called with its exit code, in a thread. Raises ``OSError``."""
        self.started_at, self.settled, self.fell_silent = time.monotonic(), False, False
        reading, writing = os.pipe()
        given = {LIFELINE: str(reading), SLOT: str(self.index)}
        if heard is not None:
            given[VITALS] = str(heard.writing)
        try:
            process = subprocess.Popen(  # noqa: S603 - the command is the caller's, and no shell reads it
                told.command,
                env={**os.environ, **told.env, **given},
                stdin=subprocess.DEVNULL,
                stdout=told.output,
                stderr=told.output,
                pass_fds=(reading,) if heard is None else (reading, heard.writing),
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops them in order
            )
        except OSError:
            os.close(writing)
            if heard is not None:
                heard.forget()
            raise
        finally:
            os.close(reading)
        if heard is not None:
            heard.close_writing()
            heard.begin()
        self.process, self.heard, self._lifeline, self.start_at = process, heard, writing, None
        threading.Thread(target=_await_end, args=(process, ended), name=f"worker-{self.index}", daemon=True).start()

    def postpone(self, started_at: float) -> None:
        """Try again later: it could not be started."""
        self.early_deaths += 1
        self.start_at = started_at + pause(self.early_deaths)

    def ask_to_leave(self, kill_at: float) -> None:
        """Have it stop, and killed at that time if it has not."""
        if self.process is not None:
            self.kill_at = kill_at
            self.process.terminate()

    def end(self) -> None:
        """Note that the child is gone."""
        self.process, self.heard, self.settled, self.kill_at = None, None, False, None
        os.close(self._lifeline)

    def abandon(self) -> None:
        """Kill the child and wait for it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            os.close(self._lifeline)
            self.process = None

    def why_it_ended(self, code: int) -> Reason:
        """Say why a child that ended with ``code`` has to be replaced; to be asked before ``end``."""
        if self.kill_at is not None:
            return "renewed"
        if self.fell_silent or code == REPLACE:
            return "stuck"
        if code == -signal.SIGKILL:
            return "killed"
        if code in REFUSALS or code == _UNREACHABLE:
            return "refused"
        return "renewed" if code == 0 else "crashed"


def pause(early_deaths: int) -> float:
    """Give how long to wait after so many children of a place that died early, in seconds."""
    return min(_LONGEST_PAUSE, 0.25 * 2.0 ** min(early_deaths - 2, 10)) if early_deaths > 1 else 0.0


def _await_end(process: subprocess.Popen[bytes], ended: Callable[[int], object]) -> None:
    if hasattr(os, "waitid"):  # not reaped yet, so its number, which is its group's as well, cannot be another's
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        _kill_group(process.pid)
        code = process.wait()
    else:
        code = process.wait()
        _kill_group(process.pid)
    ended(code)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody left in it; macOS says so in the second way
        os.killpg(pid, signal.SIGKILL)
