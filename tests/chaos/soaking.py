"""R31: a long day of work leaves nothing behind: no memory, no key, no descriptor, thread or process, and no delay."""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pipeline import Priority, Send
from pipeline.events import FINAL
from tests.actors.plain import echo
from tests.actors.soaking import Sponge, soak
from tests.chaos.stage import Report, Stage
from tests.support.processes import Process
from tests.support.waiting import eventually

#: The actors that its workers load, and what they keep: little, so that retention is at work all the time.
_MODULE = soak.fn.__module__
_KEPT = {"DRAMATURG_KEEP_COMPLETED": "60", "DRAMATURG_KEEP_DEAD": "1"}

#: Runs that are sent in one call, and how many may be open before the next.
_PORTION, _OPEN = 100, 200


@dataclass
class _Sample:
    done: int
    resident_mb: float
    fds: int
    threads: int


@dataclass
class _Watched:
    """What a worker process holds, over time; and how long a job that finds it at work has to wait."""

    workers: list[Process]
    samples: list[_Sample] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)

    def sample(self, done: int) -> None:
        pids = [worker.pid for worker in self.workers]
        threads = _entries(pids, "task")
        fds = _entries(pids, "fd")
        self.samples.append(_Sample(done, sum(map(_resident_mb, pids)), fds, threads))

    def probe(self) -> None:
        begun = time.monotonic()
        echo.send("probe", priority=Priority.CRITICAL).result(timedelta(seconds=30))
        self.waits_ms.append((time.monotonic() - begun) * 1000)

    def slope(self) -> float:
        """Give the growth of the second half, in MB per 1,000 runs of one process."""
        half = self.samples[len(self.samples) // 2 :]
        line = statistics.linear_regression([s.done / 1000 for s in half], [s.resident_mb for s in half])
        return line.slope / len(self.workers)


def soaked(here: Stage, *, runs: int, every: int, slope_mb: float, spare_mb: float, drift: float | None) -> Report:
    """Work through ``runs`` and compare what is left with what was there; ``drift`` of the waits is judged if given.

    A worker may grow by ``spare_mb`` in all and, once warm, by ``slope_mb`` in 1,000 runs. If the drift is judged, so
    is retention: Redis must be back within 5 %, but nothing is removed by count within a minute of its end.
    """
    report = Report()
    temporary = here.folder / "temporary"
    temporary.mkdir()
    env = {**_KEPT, "TMPDIR": str(temporary)}
    watched = _Watched(here.workers(2, threads=4, modules=(_MODULE,), lease=8, env=env))
    states: Counter[str | None] = Counter()
    _work(here, watched, every, states, upto=every)
    _roll_up(here)
    base = _settled(here) if drift is not None else _held(here)
    _work(here, watched, every, states, upto=runs)
    _roll_up(here)
    after = _settled(here) if drift is not None else _held(here)
    first, last = watched.samples[0], watched.samples[-1]
    third = max(1, len(watched.waits_ms) // 3)
    early, late = _p95(watched.waits_ms[:third]), _p95(watched.waits_ms[-third:])
    report.figures = {
        "runs": runs,
        "states": dict(states),
        "worker_mb": f"{first.resident_mb / 2:.0f} -> {last.resident_mb / 2:.0f}",
        "slope_mb_per_1000": round(watched.slope(), 3),
        "redis_keys": f"{base[0]} -> {after[0]}",
        "redis_mb": f"{base[1]:.2f} -> {after[1]:.2f}",
        "fds": f"{first.fds} -> {last.fds}",
        "threads": f"{first.threads} -> {last.threads}",
        "p95_ms": f"{early:.1f} -> {late:.1f}",
    }
    expected = Counter("dead" if number % 200 == 2 else "completed" for number in range(runs))
    report.expect(f"every run ends as it must: {states}", states == expected)
    report.expect(f"memory stays flat: at most {slope_mb} MB per 1,000 runs", watched.slope() <= slope_mb)
    report.expect("and grows little", (last.resident_mb - first.resident_mb) / 2 <= spare_mb)
    report.expect("every key belongs to a run that is kept", not (orphans := _orphans(here)))
    report.figures["orphans"] = len(orphans)
    # The threads of both workers have a connection and a file open each, or not, when somebody looks.
    half = watched.samples[: len(watched.samples) // 2 + 1]
    report.expect("no descriptor is left", last.fds <= max(sample.fds for sample in half) + 16)
    report.expect("no thread is left", last.threads <= max(sample.threads for sample in half))
    report.expect("no process is left", not any(worker.children() for worker in watched.workers))
    report.expect("no file is left", not list(temporary.iterdir()))
    if drift is not None:
        report.expect("Redis is back, within 5 %", after[0] <= base[0] * 1.05 and after[1] <= base[1] * 1.05 + 0.2)
        report.expect(f"waiting does not drift by more than {drift:.0%}", late <= early * (1 + drift) + 5)
    report.expect("both workers live", all(worker.alive for worker in watched.workers))
    return report


def _work(here: Stage, watched: _Watched, every: int, states: Counter[str | None], *, upto: int) -> None:
    done = states.total()
    opened: list[str] = []
    while done < upto:
        while len(opened) < _OPEN and done + len(opened) < upto:
            at = done + len(opened)
            portion = range(at, min(at + _PORTION, upto))
            opened += [handle.id for handle in soak.send_many([Send(payload=Sponge(number=n)) for n in portion])]
        ended = here.settle(opened[:_PORTION], timedelta(minutes=2))
        states.update(ended.values())
        opened = opened[len(ended) :]
        before, done = done, done + len(ended)
        here.final.clear()
        watched.probe()
        if done // every != before // every:
            _roll_up(here)
            watched.sample(done)


def _roll_up(here: Stage) -> None:
    """Take the feed of ended runs into the database, as its schedule would every hour."""
    from actors.upkeep.stats import RollupRequest, rollup_stats

    del here
    rollup_stats.send(RollupRequest()).result(timedelta(minutes=2))


def _settled(here: Stage) -> tuple[int, float]:
    """Wait until no more runs are kept than may be, and give what is held then."""
    kept = int(_KEPT["DRAMATURG_KEEP_COMPLETED"])
    finished = f"{{{here.store.namespace}}}:finished:completed"
    eventually(lambda: here.store.client.zcard(finished) <= kept, timedelta(minutes=3))
    return _held(here)


def _orphans(here: Stage) -> list[str]:
    """Give the keys of runs whose run is gone, or is in no index of finished ones."""
    root = f"{{{here.store.namespace}}}:"
    client = here.store.client
    indexed = {run.decode() for state in FINAL for run, _ in client.zscan_iter(f"{root}finished:{state}", count=1000)}
    runs = [name for key in client.scan_iter(f"{root}run:*", count=1000) if (name := key.decode())]
    return [name for name in runs if name.removeprefix(f"{root}run:").split(":")[0] not in indexed]


def _held(here: Stage) -> tuple[int, float]:
    """Give how many keys Redis holds, and how much of its memory is theirs, in MB."""
    client = here.store.client
    client.memory_purge()
    told = client.info("memory")
    return client.dbsize(), told["used_memory_dataset"] / 1024**2


def _entries(pids: list[int], folder: str) -> int:
    return sum(len(list(Path(f"/proc/{pid}/{folder}").iterdir())) for pid in pids)


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1024**2


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)] if values else 0.0
