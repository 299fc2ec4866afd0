"""Processes that a test starts, hurts and never leaves behind."""

import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO

from tests.support.nursery import Forked, can_fork, fork
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]

#: The environment variable by which everything that a test started is known, its grandchildren too.
_MARK = "TEST_PROCESSES"


@dataclass(eq=False)
class Process:
    """One running program in its own session, with everything it wrote to stdout and stderr."""

    popen: subprocess.Popen[bytes] | Forked
    _written: IO[bytes]

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    @property
    def output(self) -> str:
        """Everything written so far; reading it does not consume it."""
        return Path(self._written.name).read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL: what the OOM killer does."""
        self.send(signal.SIGKILL)
        self.popen.wait(timeout=10)

    def terminate(self) -> None:
        """SIGTERM: what a deploy does."""
        self.send(signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP: what a long collection, a suspended laptop or a stalled machine does."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def wait(self, timeout: timedelta = timedelta(seconds=30)) -> int:
        """Its exit code, or minus the signal that ended it; the output is in the failure when it does not end."""
        try:
            return self.popen.wait(timeout.total_seconds())
        except subprocess.TimeoutExpired:
            message = f"process {self.pid} still runs after {timeout.total_seconds():g} s and wrote:\n{self.output}"
            raise AssertionError(message) from None

    def wait_for_output(self, text: str, timeout: timedelta = timedelta(seconds=30)) -> None:
        """Return when ``text`` was written; fail at once when the process ends without it."""

        def written() -> bool:
            ended = not self.alive
            found = text in self.output
            assert found or not ended, f"process ended with {self.popen.returncode} before {text!r}:\n{self.output}"
            return found

        eventually(written, timeout)

    def children(self) -> list[int]:
        """The processes that it started and that still run."""
        listing = subprocess.run(["ps", "-o", "pid=,ppid=,stat=", "-A"], capture_output=True, text=True, check=True)
        rows = (line.split() for line in listing.stdout.splitlines())
        return [int(pid) for pid, parent, state in rows if int(parent) == self.pid and not state.startswith("Z")]


@dataclass
class Processes:
    """Starts processes, and ends all of them and everything in their sessions when the test ends."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    started: list[Process] = field(default_factory=list)
    _mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def start(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Process:
        """Start ``argv`` with stdout and stderr kept together in a file."""
        written = tempfile.NamedTemporaryFile(dir=self.folder, suffix=".log", delete=False)  # noqa: SIM115 - closed in end()
        whole = {**os.environ, "PYTHONUNBUFFERED": "1", _MARK: self._mark, **self.env, **(env or {})}
        popen: subprocess.Popen[bytes] | Forked
        if can_fork(argv, whole):
            with Path(os.devnull).open() as nothing:
                streams = (nothing.fileno(), written.fileno(), written.fileno())
                popen = fork(argv, env=whole, cwd=cwd, streams=streams)
        else:
            popen = subprocess.Popen(
                argv,
                cwd=cwd,
                env=whole,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(popen, written)
        self.started.append(process)
        return process

    def python(self, *arguments: str, env: Mapping[str, str] | None = None) -> Process:
        """Start this interpreter with ``arguments``."""
        return self.start([sys.executable, *arguments], env=env)

    def worker(self, *arguments: str, env: Mapping[str, str] | None = None) -> Process:
        """Start ``dramaturg worker`` with ``arguments``."""
        return self.python("-m", "pipeline.cli", "worker", *arguments, env=env)

    def end(self) -> None:
        """Kill whatever still runs, the children of supervisors included."""
        for process in reversed(self.started):
            families = [process.pid, *process.children()] if process.alive else [process.pid]
            for pid in families:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            process.popen.wait(timeout=10)
            process._written.close()
        for pid in _marked(self._mark):  # orphans of a supervisor that was killed
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def processes(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Processes]:
    """A ``Processes`` whose programs share ``env`` and are all gone afterwards."""
    running = Processes(folder, env or {})
    try:
        yield running
    finally:
        running.end()


def _marked(mark: str) -> list[int]:
    wanted = f"{_MARK}={mark}".encode()
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):  # none where there is no /proc
        with suppress(OSError):  # it ended in between, or is somebody else's
            if wanted in file.read_bytes():
                found.append(int(file.parent.name))
    return found


def alive(pid: int) -> bool:
    """Whether a process with this number runs; one that ended and was not reaped does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def all_gone(pids: Sequence[int]) -> Callable[[], bool]:
    """A condition for ``eventually``: none of these runs any more."""
    return lambda: not any(alive(pid) for pid in pids)
