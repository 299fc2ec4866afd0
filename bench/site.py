"""One peer with a private, empty Redis and a folder: where one measurement takes place."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import redis

from bench import marks
from bench.machine import cpu_seconds, family
from tests.support.processes import ROOT, Process, Processes, processes
from tests.support.redis_server import RedisServer

#: Calls by which a client asks Redis for something, so that what a script does inside is not counted.
_ROUND_TRIPS = ("evalsha", "eval", "fcall", "bzpopmin", "blpop", "brpop", "bzmpop", "blmpop", "xread", "xreadgroup")


class Peer(Protocol):
    """What a module in ``bench.peers`` provides."""

    name: str
    importing: str

    def version(self) -> str: ...
    def worker(self, processes: int, threads: int) -> Sequence[str]: ...
    def kill(self, worker: Process) -> None:
        """End the supervisor and its processes in one blow, so that nobody comes back and nobody says goodbye."""
        for pid in family(worker.pid):
            os.kill(pid, signal.SIGKILL)
        worker.popen.wait()

    def send(self, actor: str, numbers: Sequence[int]) -> None: ...
    def send_many(self, actor: str, numbers: Sequence[int]) -> None: ...


def peer_named(name: str) -> Peer:
    """The peer in the module of that name."""
    return cast("Peer", importlib.import_module(f"bench.peers.{name}"))


@dataclass(frozen=True)
class Sent:
    """How long a sender took, its processor time, and the nanosecond of each number that was sent apart."""

    seconds: float
    cpu: float
    at: dict[int, int]


class StalledError(Exception):
    """Jobs that were sent do not start."""


@dataclass
class Site:
    """Starts workers, sends to them and reads what they marked."""

    peer: Peer
    server: RedisServer
    folder: Path
    running: Processes
    client: redis.Redis
    env: dict[str, str]
    sent: int = 0

    def workers(self, processes: int = 2, threads: int = 8) -> Process:
        """Start the peer's worker command."""
        return self.running.start(self.peer.worker(processes, threads), env=self.env)

    def kill(self, worker: Process) -> None:
        """End the supervisor and its processes in one blow, so that nobody comes back and nobody says goodbye."""
        for pid in family(worker.pid):
            os.kill(pid, signal.SIGKILL)
        worker.popen.wait()

    def send(self, actor: str, count: int, *, many: bool = False, every: float = 0.0) -> Sent:
        """Send from a process of its own and return when it has ended."""
        sender = self.start_sending(actor, count, many=many, every=every)
        output, problems = sender.communicate(timeout=1200)
        if sender.returncode:
            raise RuntimeError(f"{self.peer.name} cannot send:\n{problems}")
        answer: dict[str, Any] = json.loads(output)
        return Sent(seconds=answer["seconds"], cpu=answer["cpu"], at=dict(answer["sent"]))

    def start_sending(self, actor: str, count: int, *, many: bool = False, every: float = 0.0) -> subprocess.Popen[str]:
        """Start a process that sends, with numbers not used before at this site."""
        options = ["--many"] if many else []
        argv = [sys.executable, "-m", "bench.sender", self.peer.name, actor, str(count), *options]
        argv += ["--every", str(every), "--first", str(self.sent)]
        self.sent += count
        return subprocess.Popen(
            argv, cwd=ROOT, env={**os.environ, **self.env}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def marks(self) -> list[marks.Mark]:
        return marks.read(self._marks)

    def wait_for(self, count: int, *, patience: float = 30.0) -> None:
        """Return when so many marks were made; give up when for ``patience`` seconds none is added."""
        seen, since = -1, time.monotonic()
        while (now := marks.count(self._marks)) < count:
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > patience or not self.running.started[-1].alive:
                output = "\n".join(process.output[-1500:] for process in self.running.started)
                raise StalledError(
                    f"{self.peer.name}: {now} of {count} marks, and no more for {patience:g} s\n{output}"
                )
            time.sleep(0.01)

    def wait_until_ready(self, workers: Process) -> None:
        """Return when a job was done and every worker process is up and quiet."""
        before = marks.count(self._marks)
        self.send("noop", 1)
        self.wait_for(before + 1)
        quiet_since, used, deadline = time.monotonic(), -1.0, time.monotonic() + 20
        while time.monotonic() - quiet_since < 1.0:
            time.sleep(0.2)
            now = cpu_seconds(family(workers.pid))
            if now - used > 0.05:
                quiet_since, used = time.monotonic(), now
            if time.monotonic() > deadline:
                raise StalledError(
                    f"{self.peer.name}: an idle worker is not quiet after 20 s\n{workers.output[-1500:]}"
                )

    def redis_cpu_seconds(self) -> float:
        """Processor time used so far by Redis."""
        told: dict[str, float] = self.client.info("cpu")
        return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])

    def round_trips(self) -> int:
        """How often clients have called a script or a blocking pop so far."""
        told: dict[str, dict[str, int]] = self.client.info("commandstats")
        return sum(told.get(f"cmdstat_{name}", {}).get("calls", 0) for name in _ROUND_TRIPS)

    def commands_in(self, seconds: float) -> list[str]:
        """Every command that clients send in that time, without those inside scripts."""
        seen: list[str] = []
        with self.client.monitor() as monitor:  # type: ignore[no-untyped-call] # redis-py's
            end = time.monotonic() + seconds
            marker = f"bench-{time.monotonic_ns()}"
            ticker = subprocess.Popen(
                [sys.executable, "-c", _TICKER, self.server.url, marker, str(seconds)], cwd=ROOT, env=os.environ
            )
            for line in monitor.listen():
                if marker in line["command"]:
                    break
                if line["client_type"] != "lua":
                    seen.append(line["command"].split(" ", 1)[0].upper())
                if time.monotonic() > end + 10:
                    break
            ticker.wait()
        return [command for command in seen if command not in ("HELLO", "CLIENT", "MONITOR")]

    @property
    def _marks(self) -> Path:
        return Path(self.env[marks.MARKS])


_TICKER = """
import sys, time, redis
url, marker, seconds = sys.argv[1:]
time.sleep(float(seconds))
redis.Redis.from_url(url).echo(marker)
"""


def end_on_sigterm() -> None:
    """Let SIGTERM unwind the stack, so that no server or worker is left behind."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))


@contextmanager
def site(peer: Peer) -> Iterator[Site]:
    """A site for ``peer``, and nothing left of it afterwards."""
    with tempfile.TemporaryDirectory(prefix="dt-bench-") as name, RedisServer() as server:
        folder = Path(name)
        env = {"REDIS_URL": server.url, marks.MARKS: str(folder / "marks"), "DRAMATURG_HOME": str(folder / "home")}
        with processes(folder, env) as running, server.client() as client:
            yield Site(peer, server, folder, running, client, env)
