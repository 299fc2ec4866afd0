"""``python -m bench.memory``: what the whole stack of one small server takes, idle and with 30 jobs at once.

Redis, PostgreSQL, a worker of two processes with 30 threads each, the scheduler and the web server are started as
deploy/ starts them. Then 30 study packs are asked for at once, each of one PDF, made offline; then 30 more, of other
documents, by a language model that takes its time and writes nonsense, so that its client is loaded, calls wait in many
threads, and drafts are judged and refused. Memory is the proportional share of each process (PSS: what is shared counts
once), read every half second; the sum is that of one moment.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench.machine import describe, family, memory_mib
from bench.study import book
from pipeline.testing import Answer, SimulatedProvider
from tests.support.databases import PostgresServer
from tests.support.processes import Process, Processes, processes
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

#: Where the parts answer for their metrics.
PORTS = {"worker": 29100, "scheduler": 29200, "web": 29300}

#: What all of it may take, in MiB.
PROMISED_MIB = 1.5 * 1024

EVERY = timedelta(milliseconds=500)

SCRAPED_EVERY_S = 5


class Postgres(PostgresServer):
    """PostgreSQL with the memory that deploy/compose.yaml gives it."""

    def _command(self) -> list[str]:
        return [*super()._command(), "-c", "shared_buffers=96MB", "-c", "max_connections=100", "-c", "autovacuum=on"]


@dataclass
class Watch:
    """Reads the memory of processes by what they are, and keeps the most of each and of all."""

    roots: dict[str, int]
    #: Whose metrics are asked for meanwhile, as Prometheus would.
    ports: list[int]
    scraped: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    most: dict[str, float] = field(default_factory=dict)
    total: float = 0.0
    at_most: dict[str, float] = field(default_factory=dict)
    _scraped_at: float = 0.0

    def now(self) -> dict[str, float]:
        """Give the MiB of every part, the reading children of workers apart."""
        found: dict[str, float] = {}
        for name, root in self.roots.items():
            for pid in family(root):
                part = _part(name, pid, root)
                mib = memory_mib([pid])
                if not math.isnan(mib):  # it may have ended in between
                    found[part] = found.get(part, 0.0) + mib
        return found

    def until(self, done: threading.Event) -> None:
        """Look again and again."""
        while not done.wait(EVERY.total_seconds()):
            self.look()
            if time.monotonic() - self._scraped_at > SCRAPED_EVERY_S:
                self._scraped_at = time.monotonic()
                self.scrape()

    def scrape(self) -> None:
        """Ask everybody for metrics, and keep how long each answer is."""
        for port in self.ports:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                    self.scraped.append(len(answer.read()))
            except OSError as error:
                self.refused.append(f"port {port}: {error}")

    def look(self) -> None:
        """Look once."""
        found = self.now()
        for part, mib in found.items():
            self.most[part] = max(self.most.get(part, 0.0), mib)
        if sum(found.values()) > self.total:
            self.total, self.at_most = sum(found.values()), found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--jobs", type=int, default=30)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=30)
    parser.add_argument("--arenas", default="2", help="MALLOC_ARENA_MAX; 0 leaves it unset")
    chosen = parser.parse_args()
    arenas = {} if chosen.arenas == "0" else {"MALLOC_ARENA_MAX": chosen.arenas}
    machine = "; ".join(f"{name}: {value}" for name, value in describe().items())
    print(f"{machine}; load {os.getloadavg()[0]:.1f}; MALLOC_ARENA_MAX {chosen.arenas}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with (
        tempfile.TemporaryDirectory() as folder,
        RedisServer(config={"maxmemory": "256mb"}) as redis,
        SimulatedProvider() as provider,
    ):
        postgres = Postgres()
        try:
            env = {
                "REDIS_URL": redis.url,
                "DATABASE_URL": postgres.fresh(),
                "DRAMATURG_HOME": folder,
                "DRAMATURG_WEB_EVENTS_SECRET": "sixteen bytes or more",
                "DRAMATURG_LOG_LEVEL": "error",
                **arenas,
            }
            slow = provider.on("slow", Answer("This is no lesson. " * 20, delay=timedelta(seconds=2)))
            os.environ |= env
            with processes(Path(folder), env) as running:
                return measure(running, redis, postgres, slow, chosen)
        finally:
            postgres.remove()


def measure(
    running: Processes, redis: RedisServer, postgres: PostgresServer, slow: str, chosen: argparse.Namespace
) -> int:
    """Start everything, ask for packs, print the table; give 0 if the promise is kept."""
    assert postgres.process is not None
    started = start(running, chosen.processes, chosen.threads)
    roots = {"Redis": redis.pid, "PostgreSQL": postgres.process.pid, **{k: p.pid for k, p in started.items()}}
    watch = Watch(roots, list(PORTS.values()))
    watch.scrape()
    time.sleep(5)  # what starting took is given back
    idle = watch.now()
    rows = {"idle": idle}
    for what, models in (("offline", ()), ("a slow model", (slow, "offline"))):
        watch.most, watch.total = {}, 0.0
        done = threading.Event()
        watcher = threading.Thread(target=watch.until, args=(done,))
        watcher.start()
        began = time.perf_counter()
        try:
            at_once = ask(chosen.jobs, chosen.pages, models)
        finally:
            done.set()
            watcher.join()
        seconds = time.perf_counter() - began
        rows[f"{chosen.jobs} jobs, {what}"] = dict(watch.at_most)
        print(f"{chosen.jobs} jobs, {what}: {seconds:.0f} s, at most {at_once} attempts at once")
    watch.total = 0.0
    time.sleep(10)
    rows["afterwards"] = watch.now()
    largest = max(watch.scraped, default=0)
    print(f"metrics were given {len(watch.scraped)} times, at most {largest:,} bytes, and refused {len(watch.refused)}")
    print("\n" + table(rows))
    worst = max(sum(parts.values()) for parts in rows.values())
    kept = worst < PROMISED_MIB
    print(f"\nat most {worst:,.0f} MiB of {PROMISED_MIB:,.0f} MiB promised: {'kept' if kept else 'NOT kept'}")
    return 0 if kept else 1


def start(running: Processes, count: int, threads: int) -> dict[str, Process]:
    """Start worker, scheduler and web server as deploy/ does, and wait until they work."""
    command = [sys.executable, "-m", "pipeline.cli"]
    running.start([*command, "database", "migrate"]).wait(timedelta(seconds=60))
    ready = {"DRAMATURG_LOG_LEVEL": "info"}
    probes = {name: {"DRAMATURG_PROBES_PORT": str(port)} for name, port in PORTS.items()}
    pool = ["worker", "--processes", str(count), "--threads", str(threads)]
    worker = running.start([*command, *pool], env=ready | probes["worker"])
    scheduler = running.start([*command, "scheduler"], env=ready | probes["scheduler"])
    web = running.start([*command, "web", "--port", "0"], env=probes["web"])
    for number in range(count):
        worker.wait_for_output('"worker_ready"', timedelta(seconds=60))
        eventually(lambda n=number: worker.output.count('"worker_ready"') > n, timedelta(seconds=60))
    web.wait_for_output("Listening on", timedelta(seconds=60))
    return {"worker": worker, "scheduler": scheduler, "web": web}


def ask(jobs: int, pages: int, models: Sequence[str]) -> int:
    """Ask for packs, all at once, and wait for all; give how many attempts ran at the same time."""
    from actors.study.flows import StudyRequest, study
    from actors.study.material import DocumentSource
    from pipeline import Models
    from pipeline.app import broker
    from pipeline.blobs import get_blobs
    from pipeline.inspector import Inspector

    with tempfile.TemporaryDirectory() as folder:
        sources = []
        for number in range(jobs):
            path = Path(folder, f"document {number + 1}.pdf")
            path.write_bytes(book(pages, seed=number + (1000 if models else 0)))
            sources.append(DocumentSource(blob=get_blobs().put(path), name=path.name))
    chain = Models(*models) if models else None
    flows = [study.send(StudyRequest(documents=(source,)), models=chain) for source in sources]
    inspector = Inspector(broker.store, broker.values)
    most = 0
    until = time.monotonic() + 900
    waiting = list(flows)
    while waiting:
        assert time.monotonic() < until, f"{len(waiting)} packs are not done"
        queues = inspector.queues()
        most = max(most, sum(queue["running"] for queue in queues))
        waiting = [flow for flow in waiting if flow.state() == "running"]
        time.sleep(0.5)
    for flow in flows:
        pack = flow.result(timedelta(seconds=10))
        assert pack.status == "complete", pack.problems
    return most


def table(rows: dict[str, dict[str, float]]) -> str:
    """Give the Markdown table: a line a part, a column a moment, in MiB."""
    parts = sorted({part for found in rows.values() for part in found}, key=_ORDER.index)
    lines = ["| MiB (PSS) | " + " | ".join(rows) + " |", "|" + "---|" * (len(rows) + 1)]
    lines += [
        f"| {part} | " + " | ".join(f"{found.get(part, 0):,.0f}" for found in rows.values()) + " |" for part in parts
    ]
    lines.append("| **all** | " + " | ".join(f"**{sum(found.values()):,.0f}**" for found in rows.values()) + " |")
    return "\n".join(lines)


_ORDER = [
    "Redis",
    "PostgreSQL",
    "worker: supervisor",
    "worker: processes",
    "worker: reading documents",
    "scheduler",
    "web",
]


def _part(name: str, pid: int, root: int) -> str:
    if name != "worker":
        return name
    if pid == root:
        return "worker: supervisor"
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "worker: reading documents"
    return "worker: processes" if b"pipeline.engine.worker" in command else "worker: reading documents"


if __name__ == "__main__":
    sys.exit(main())
