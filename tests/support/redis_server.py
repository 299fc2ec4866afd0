"""A real Redis server that belongs to one test run."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import redis

from pipeline.engine.connection import connect
from pipeline.engine.redis_program import find_redis_program

START_TIMEOUT = 15.0


class RedisServer:
    """A private server, on a unix socket or with ``tcp=True`` on a free local port, that can be stopped and killed.

    Its data lives in ``folder`` (AOF, everysec) and is there again after ``restart``. ``machine`` is an address, and
    what a command begins with that runs there (see ``tests.support.machines``).
    """

    def __init__(
        self,
        *,
        tcp: bool = False,
        config: dict[str, str] | None = None,
        password: str = "",
        machine: tuple[str, list[str]] = ("127.0.0.1", []),
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dt-redis-"))
        self.socket = self.folder / "s"
        self.port = _free_port() if tcp else 0
        self.config = config or {}
        self.password = password
        self.host, self._there = machine
        if self._there:
            self.config |= {"bind": self.host, "requirepass": password}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}{self.host}:{self.port}/0" if self.port else f"unix://{self.socket}?db=0"

    @property
    def pid(self) -> int:
        assert self.process is not None, "the server is not running"
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def client(self) -> redis.Redis:
        return connect(self.url)

    def empty(self) -> None:
        """Remove everything."""
        with self.client() as client:
            client.flushall()
            client.script_flush()

    def start(self) -> Self:
        assert not self.running, "the server runs already"
        options = {
            "port": str(self.port),
            "unixsocket": "" if self.port else str(self.socket),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            **self.config,
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self._there, find_redis_program().path, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_it_answers()
        return self

    def stop(self) -> None:
        """End it in an orderly way: what it holds is on disk."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start it again, stopping it first if it runs."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Let it hang: connections stay open, nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=10)
        self.process = None

    def _wait_until_it_answers(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_TIMEOUT
        with self.client() as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError as error:  # a server that is loading counts here, too
                    if self.process.poll() is not None or time.monotonic() > deadline:
                        log = (self.folder / "log").read_text(errors="replace")[-2000:]
                        raise AssertionError(f"Redis did not start: {error}\n{log}") from error
                    time.sleep(0.01)
                else:
                    return


def _free_port() -> int:
    """Give a port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
