"""Starts workers and commands as forks of a process that has imported the project: the same, in a tenth of the time."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue

from tests.support.nursery_program import PROGRAMS

ROOT = Path(__file__).parents[2]

#: How long a nursery may take to import everything on a machine that does much else.
_PATIENCE_S = 60

#: What a process reads before Python begins: one that differs in it is started for real.
_EARLY = ("PYTHON", "LD_", "MALLOC_")
_HARMLESS = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}


class Forked:
    """A process that the nursery started, with what tests use of ``subprocess.Popen``."""

    def __init__(self, nursery: _Nursery, pid: int, args: Sequence[str]) -> None:
        self.pid = pid
        self.args = list(args)
        self._nursery = nursery

    @property
    def returncode(self) -> int | None:
        return self._nursery.codes.get(self.pid)

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        with self._nursery.changed:
            if not self._nursery.changed.wait_for(lambda: self.returncode is not None, timeout):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        with self._nursery.changed:  # while it is held, nobody else can have got its number
            if self.returncode is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Nursery:
    """The other side of ``nursery_program``: one for a process that runs tests, started at the first use."""

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self.changed = threading.Condition()
        self._started: SimpleQueue[int] = SimpleQueue()
        self._asking = threading.Lock()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery_program", str(theirs.fileno())],
            cwd=ROOT,
            env=_plain(os.environ),
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        ours.settimeout(_PATIENCE_S)
        assert ours.recv(1024), "the nursery did not start"
        ours.settimeout(None)
        threading.Thread(target=self._listen, name="nursery", daemon=True).start()
        atexit.register(self.close)

    def fork(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, streams: tuple[int, int, int]) -> Forked:
        """Start a program with an environment, in a folder, on three descriptors."""
        request = json.dumps({"argv": list(argv), "env": dict(env), "cwd": str(cwd)}).encode()
        with self._asking:
            socket.send_fds(self._control, [request], list(streams))
            pid = self._started.get(timeout=_PATIENCE_S)
        return Forked(self, pid, argv)

    def close(self) -> None:
        """Let it end."""
        self._control.close()
        self._popen.terminate()
        self._popen.wait(10)

    def _listen(self) -> None:
        while True:
            try:
                told = self._control.recv(1024)
            except OSError:
                return
            if not told:
                return
            heard = json.loads(told)
            if "started" in heard:
                with self.changed:
                    self.codes.pop(heard["started"], None)  # a number that was another's before
                self._started.put(heard["started"])
            else:
                with self.changed:
                    self.codes[heard["ended"]] = heard["code"]
                    self.changed.notify_all()


_nurseries: list[_Nursery] = []


def can_fork(argv: Sequence[str], env: Mapping[str, str]) -> bool:
    """Tell whether a program is one of ours, and nothing that a process reads before Python begins is asked for."""
    ours = list(argv[:2]) == [sys.executable, "-m"] and len(argv) > 2 and argv[2] in PROGRAMS
    early = {name for name in env if name.startswith(_EARLY)} - _HARMLESS
    return ours and sys.platform == "linux" and all(env[name] == os.environ.get(name) for name in early)


def fork(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, streams: tuple[int, int, int]) -> Forked:
    """Start ``python -m MODULE ...`` as a fork; to be asked of ``can_fork`` before."""
    if not _nurseries:
        _nurseries.append(_Nursery())
    return _nurseries[0].fork(argv[2:], env, cwd, streams)


def _plain(env: Mapping[str, str]) -> dict[str, str]:
    hidden = ("DRAMATURG_", "REDIS_URL", "DATABASE_URL")
    return {name: value for name, value in env.items() if not name.startswith(hidden)}


__all__ = ["Forked", "can_fork", "fork"]
