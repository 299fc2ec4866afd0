"""Where the cost of runs is measured: a Redis of its own, a sender, and worker processes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import scaling_cast as cast
from middleware import stack
from pipeline.blobs import Blobs
from pipeline.declaration import bind
from pipeline.engine import keys
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.connection import connect
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from tests.support.processes import Process, Processes, processes
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

NAMESPACE = "dramaturg"


@dataclass(frozen=True)
class Used:
    """What Redis has done so far: inner commands and calls of clients, processor time, bytes in and out, memory."""

    commands: float
    trips: float
    cpu_s: float
    net: float
    memory: float

    def __sub__(self, other: Used) -> Used:
        """Give what was done in between."""
        return Used(*(mine - its for mine, its in zip(vars(self).values(), vars(other).values(), strict=True)))


class Place:
    """A Redis, a sender, and workers to be started beside it."""

    def __init__(self, server: RedisServer, folder: Path, running: Processes) -> None:
        self.client = connect(server.url)
        self._running = running
        self._env = {
            "REDIS_URL": server.url,
            "DRAMATURG_HOME": str(folder),
            "DRAMATURG_KEEP_COMPLETED": "10000000",
            "DRAMATURG_KEEP_DEAD": "10000000",
            "DRAMATURG_LOG_LEVEL": "error",
        }
        self.store = Store(connect(server.url), NAMESPACE)
        self.broker = PipelineBroker(self.store, Values(Blobs(folder / "blobs")), middleware=stack(models=("offline",)))
        bind(self.broker)

    def workers(self, count: int, threads: int = 8) -> list[Process]:
        """Start worker processes, and wait until they claim."""
        command = ("-m", "pipeline.engine.worker", "--threads", str(threads), cast.__name__)
        started = [self._running.python(*command, env=self._env) for _ in range(count)]
        eventually(lambda: self._count(keys.workers(NAMESPACE)) >= count, timedelta(seconds=60))
        return started

    def ended(self) -> int:
        """Count the runs that have ended."""
        return sum(self._count(keys.finished(NAMESPACE, state)) for state in ("completed", "dead"))

    def _count(self, key: str) -> int:
        found: Any = self.client.zcard(key)
        return int(found)

    def used(self) -> Used:
        """Ask Redis what it has done so far."""
        told: dict[str, Any] = self.client.info("everything")
        calls = {name: row["calls"] for name, row in told.items() if name.startswith("cmdstat_")}
        ours = sum(calls.get(f"cmdstat_{name}", 0) for name in ("info", "zcard", "memory|usage"))
        trips = sum(calls.get(f"cmdstat_{name}", 0) for name in ("evalsha", "eval", "blpop"))
        return Used(
            sum(calls.values()) - ours,
            trips,
            told["used_cpu_user"] + told["used_cpu_sys"],
            told["total_net_input_bytes"] + told["total_net_output_bytes"],
            told["used_memory"],
        )


@contextmanager
def place(config: dict[str, str] | None = None) -> Iterator[Place]:
    """A place of its own, and nothing left of it afterwards; ``config`` is more of the server's."""
    with (
        tempfile.TemporaryDirectory(prefix="dt-scaling-") as name,
        RedisServer(config=config) as server,
        processes(Path(name)) as running,
    ):
        yield Place(server, Path(name), running)
