"""Where a fault scenario plays: a Redis, worker processes, a ledger, and a sender."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pipeline.actor import bound
from pipeline.blobs import Blobs
from pipeline.declaration import bind
from pipeline.engine import keys
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.connection import connect
from pipeline.engine.script import Script
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.events import FINAL
from pipeline.inspector import Inspector
from tests.actors import cast
from tests.support.checker import Findings, check
from tests.support.ledger import Ledger
from tests.support.processes import Process, Processes
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

#: The module that the workers of most scenarios load.
CAST = cast.__name__

_SUPERVISOR = """
import sys
from datetime import timedelta
from pipeline.engine.supervisor import Supervisor
processes, *command = sys.argv[1:]
sys.exit(Supervisor(command, processes=int(processes), grace=timedelta(seconds=30)).run())
"""


@dataclass
class Report:
    """What a scenario measured, and every promise it found broken."""

    figures: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def expect(self, promise: str, kept: object) -> None:
        """Note a promise that was not kept."""
        if not kept:
            self.broken.append(promise)

    def expect_clean(self, findings: Findings) -> None:
        """Note everything the checker found that must not be."""
        self.figures |= {"accepted": findings.accepted, "lost": len(findings.lost), "doubled": len(findings.doubled)}
        self.expect(str(findings), findings.clean)

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.figures.items())
        return told + "".join(f"\n  broken: {promise}" for promise in self.broken)


class Stage:
    """One Redis with one ledger, from the sender's side; workers are started and hurt through it."""

    def __init__(self, url: str, folder: Path, running: Processes, namespace: str, server: RedisServer | None) -> None:
        self.url = url
        self.server = server
        self.folder = folder
        self.running = running
        self.ledger = Ledger(folder / "ledger.db")
        blobs = Blobs(folder / "home" / "blobs")
        self.broker = PipelineBroker(Store(connect(url), namespace), Values(blobs))
        self.store = self.broker.store
        self.inspector = Inspector(self.store, self.broker.values)
        self.final: dict[str, str] = {}

    def env(self, url: str = "", lease: float = 2, **more: str) -> dict[str, str]:
        """Give what a worker process finds in its environment."""
        return {
            "REDIS_URL": url or self.url,
            "DRAMATURG_HOME": str(self.folder / "home"),
            "DRAMATURG_LEASE": str(lease),
            "DRAMATURG_NAMESPACE": self.store.namespace,
            **self.ledger.env,
            **more,
        }

    def worker(
        self,
        *,
        threads: int = 2,
        url: str = "",
        lease: float = 2,
        queues: str = "",
        modules: Sequence[str] = (CAST,),
        env: Mapping[str, str] | None = None,
        ready: bool = True,
    ) -> Process:
        """Start a worker process, and wait until it takes work."""
        process = self.running.python(
            *("-m", "pipeline.engine.worker", "--threads", str(threads), "--queues", queues, *modules),
            env=self.env(url, lease, **(env or {})),
        )
        if ready:
            process.wait_for_output("worker_ready")
        return process

    def workers(self, count: int, **options: object) -> list[Process]:
        """Start several at once."""
        started = [self.worker(ready=False, **options) for _ in range(count)]  # type: ignore[arg-type] # passed on
        for process in started:
            process.wait_for_output("worker_ready")
        return started

    def pool(self, count: int, *, threads: int = 2, lease: float = 2, url: str = "") -> Process:
        """Start a supervisor with so many worker processes, and wait until all of them take work."""
        command = [sys.executable, "-m", "pipeline.engine.worker", "--threads", str(threads), CAST]
        supervisor = self.running.python("-c", _SUPERVISOR, str(count), *command, env=self.env(url, lease))
        eventually(lambda: supervisor.output.count("worker_ready") >= count, timedelta(seconds=40))
        return supervisor

    def accept(self, handles: Iterable[object]) -> list[str]:
        """Write down which runs were promised."""
        ids = [handle.id for handle in handles]  # type: ignore[attr-defined] # handles of runs
        self.ledger.accept(ids)
        return ids

    def states(self, run_ids: Iterable[str]) -> dict[str, str | None]:
        """Give the state of each run; one that was seen to end keeps its state, retention or not."""
        wanted = list(run_ids)
        open_ = [run_id for run_id in wanted if run_id not in self.final]
        with self.store.client.pipeline(transaction=False) as pipe:
            for run_id in open_:
                pipe.hget(keys.run(self.store.namespace, run_id), "state")
            now = {
                run_id: state.decode() if state else None for run_id, state in zip(open_, pipe.execute(), strict=True)
            }
        self.final |= {run_id: state for run_id, state in now.items() if state in FINAL}
        return {run_id: self.final.get(run_id) or now.get(run_id) for run_id in wanted}

    def due(self, run_ids: Iterable[str]) -> dict[str, float]:
        """Give the Unix time at which each delayed run may start."""
        wanted = list(run_ids)
        with self.store.client.pipeline(transaction=False) as pipe:
            for run_id in wanted:
                pipe.hget(keys.run(self.store.namespace, run_id), "due_ms")
            return {run_id: int(ms) / 1000 for run_id, ms in zip(wanted, pipe.execute(), strict=True)}

    def remember(self, run_ids: Sequence[str], *, until: float) -> None:
        """Wait until a moment of ``time.monotonic()``, noting meanwhile what ends: retention forgets it."""
        while time.monotonic() < until:
            self.states(run_ids)
            time.sleep(max(0.0, min(0.5, until - time.monotonic())))

    def settle(self, run_ids: Sequence[str], timeout: timedelta) -> dict[str, str | None]:
        """Wait until all runs ended or time is up, and give their states."""
        deadline = time.monotonic() + timeout.total_seconds()
        while True:
            states = self.states(run_ids)
            if all(state in FINAL for state in states.values()) or time.monotonic() > deadline:
                return states
            time.sleep(0.05)

    def findings(self, *, effect: str | None = None) -> Findings:
        """Compare promises and deeds."""
        return check(self.ledger, self.states(self.ledger.accepted()), effect=effect)

    def begun_again(self) -> tuple[int, list[str]]:
        """Count the steps that were begun more than once, and name those that were although a later one had begun."""
        again, forgotten = 0, []
        last: dict[str, str] = {}
        seen: set[tuple[str, str]] = set()
        for entry in self.ledger.entries(what="entered"):
            if (entry.run, entry.step) in seen:
                again += 1
                if last[entry.run] != entry.step:
                    forgotten.append(f"{entry.run}/{entry.step}")
            seen.add((entry.run, entry.step))
            last[entry.run] = entry.step
        return again, forgotten

    def events_of(self, run_id: str) -> list[str]:
        """Give the names of everything that happened to a run so far."""
        return [event.event for event in self.inspector.events(run_id, follow=False)]

    def digests(self) -> dict[str, str]:
        """Give the name of each script by its digest; Redis knows all of them afterwards."""
        named = {}
        for name, script in vars(self.store).items():
            if isinstance(script, Script):
                self.store.client.script_load(script._source)
                named[script._digest] = name.removeprefix("_")
        return named


@contextmanager
def stage(url: str, folder: Path, namespace: str = "dramaturg", server: RedisServer | None = None) -> Iterator[Stage]:
    """Set a stage at an empty Redis, with the cast bound to its sender; all processes are gone afterwards.

    With ``server`` given a scenario may kill Redis as well.
    """
    (folder / "home").mkdir(parents=True, exist_ok=True)
    running = Processes(folder, {"PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", "")})
    before = list(bound)
    here = Stage(url, folder, running, namespace, server)
    bind(here.broker)
    try:
        yield here
    finally:
        running.end()
        here.broker.close()
        bound[:] = before
