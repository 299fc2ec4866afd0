"""Several machines on one Redis: one is cut off for longer than a lease, and healed."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from pipeline.engine import keys
from pipeline.handle import RunHandle
from tests.actors.stepped import Walk, walk
from tests.chaos.stage import CAST, Report, Stage, stage
from tests.support.machines import Machines
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)
_PASSWORD = "between-machines"
_SUPERVISED = ("-m", "pipeline.cli", "worker", "--processes", "1")
_ALONE = ("-m", "pipeline.engine.worker")


def cut_off(
    folder: Path,
    *,
    runs: int,
    workers: int,
    threads: int,
    seconds: float,
    lease: float,
    cuts: int,
    away: timedelta,
    supervised: bool = True,
) -> Report:
    """Cut machines off in turn, each for longer than a lease; what they had goes on elsewhere, and counts once."""
    report = Report()
    names = [f"w{n}" for n in range(workers)]
    with (
        Machines("redis", *names) as net,
        RedisServer(tcp=True, password=_PASSWORD, machine=net.machine("redis")) as server,
        stage(server.url, folder) as here,
    ):
        crew = {
            name: here.running.start(
                net.on(name, sys.executable, *(_SUPERVISED if supervised else _ALONE), "--threads", str(threads), CAST),
                env=here.env(lease=lease, DRAMATURG_PROBES_PORT="0"),
            )
            for name in names
        }
        for process in crew.values():
            process.wait_for_output("worker_ready", timedelta(seconds=60))
        ids = here.accept(walk.send_many([Walk(seconds=seconds, start=n) for n in range(runs)]))
        moved: list[float] = []
        for number in range(cuts):
            name = names[number % workers]
            eventually(lambda name=name: len(_held(here, crew[name], ids)) == threads, 20 * SECOND)  # type: ignore[misc]
            net.cut(name)
            begun = time.monotonic()
            had = _held(here, crew[name], ids)
            eventually(lambda: not _held(here, crew[name], had), away, every=0.05 * SECOND)  # noqa: B023 - used at once
            moved.append(time.monotonic() - begun)
            here.remember(ids, until=begun + away.total_seconds())
            net.heal(name)
        begun = time.monotonic()
        states = here.settle(ids, timedelta(seconds=60) + away)
        report.figures["settled_s"] = round(time.monotonic() - begun, 1)
        findings = here.findings()
        report.figures |= {"machines": workers, "cuts": cuts, "gone on elsewhere_s": [round(at, 1) for at in moved]}
        report.figures["repeated"] = len(findings.repeated)
        report.expect_clean(findings)
        report.expect(f"all completed: {Counter(states.values())}", set(states.values()) == {"completed"})
        ended = Counter(here.events_of(run).count("completed") for run in ids)
        report.expect(f"every run ends once: {dict(ended)}", set(ended) == {1})
        wrong = [n for n, run in enumerate(ids) if RunHandle(run, walk, here.broker).result(SECOND) != n + 3]
        report.expect(f"every result is right: {wrong[:3]}", not wrong)
        served = {entry.worker for entry in here.ledger.entries(what="step")}
        report.figures["processes that worked"] = len(served)
        report.expect("every machine works", len(served) >= workers)
        report.expect("no worker ended", all(process.alive for process in crew.values()))
    return report


def _held(here: Stage, process: Process, ids: Iterable[str]) -> list[str]:
    """Name the runs that a machine's processes have in hand, as far as Redis knows."""
    marks = tuple(f":{pid}:" for pid in [process.pid, *process.children()])
    wanted = [run for run in ids if run not in here.final]
    with here.store.client.pipeline(transaction=False) as pipe:
        for run in wanted:
            pipe.hmget(keys.run(here.store.namespace, run), "state", "worker")
        rows = pipe.execute()
    return [
        run
        for run, (state, worker) in zip(wanted, rows, strict=True)
        if state == b"running" and any(mark in worker.decode() for mark in marks)
    ]
