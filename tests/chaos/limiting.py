"""Limits held by several workers at once: how exactly, when they are changed, and when a holder dies (R19)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from pipeline import Priority, Send
from pipeline.engine.gates import Gates
from pipeline.limit import Limit
from tests.actors import limited as module
from tests.actors.limited import FEW, RATE, Job, limited
from tests.chaos.stage import Report, Stage
from tests.support.gate_state import GateState
from tests.support.gated import most_within
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)


def exactness(
    here: Stage, *, workers: int, threads: int, job_s: float, seconds: float, slower: float, seconds_slow: float
) -> Report:
    """R19: fifty starts a second and five at once, changed to ``slower`` a second on the way, and a holder killed."""
    report, gates = Report(), Gates(here.store)
    fast = Limit(RATE, rate=50)
    slow = Limit(RATE, rate=slower)
    started = here.workers(workers, threads=threads, modules=[module.__name__])
    total = int((50 * seconds + slower * seconds_slow) * 1.5) + 50
    ids = here.accept(limited.send_many([Job(seconds=job_s, number=number) for number in range(total)]))
    begun = _starts(here, 1)
    _until(begun + seconds)
    gates.put("limits", RATE, slow.config())
    changed = _now(here)
    _until(begun + seconds + seconds_slow)
    over = _now(here)
    gates.put("limits", RATE, Limit(RATE, rate=1000).config())
    (held,) = here.accept(limited.send_many([Send(payload=Job(seconds=30), priority=Priority.CRITICAL)]))
    eventually(lambda: held in {entry.run for entry in here.ledger.entries(what="entered")}, 10 * SECOND)
    holder = next(entry.worker for entry in here.ledger.entries(what="entered") if entry.run == held)
    next(worker for worker in started if worker.pid == holder).kill()
    killed = time.time()
    here.inspector.cancel(held)
    for run in ids:
        here.inspector.cancel(run)  # enough was seen
    eventually(lambda: GateState(here.store).in_use(FEW) == 0, 60 * SECOND)
    freed = time.time() - killed
    eventually(lambda: not _unfinished(here, [held, *ids]), 20 * SECOND)
    before = [at for at in _started(here, ids) if at < changed]
    after = [at for at in _started(here, ids) if changed + 1000 <= at < over]
    report.figures = {"starts": len(before) + len(after), "freed_s": round(freed, 1)}
    for name, times, limit in (("fast", before, fast), ("slow", after, slow)):
        config = limit.config()
        most = most_within(times, 1000)
        allowed = config["rate"] + config["burst"] - 1
        lasted = (times[-1] - times[0]) / 1000
        used = (len(times) - 1) / (lasted * config["rate"])
        report.figures |= {f"{name} most/s": most, f"{name} allowed/s": allowed, f"{name} used": f"{used:.1%}"}
        report.expect(f"{name}: no second has more than {allowed}: {most}", most <= allowed)
        report.expect(f"{name}: at least 95 % of it is used: {used:.1%}", used >= 0.95)
    most_open = _most_open(here, killed)
    report.figures["most in flight"] = most_open
    report.expect(f"never more than 5 in flight: {most_open}", most_open <= 5)
    report.expect(f"permits are back within 15 s: {freed:.1f}", freed <= 15)
    states = Counter(here.states(ids).values())
    report.expect(f"nothing is lost: {states}", set(states) <= {"completed", "cancelled"})
    return report


def _starts(here: Stage, count: int) -> float:
    eventually(lambda: here.ledger.count("entered") >= count, 30 * SECOND)
    return time.monotonic()


def _until(moment: float) -> None:
    while time.monotonic() < moment:  # the scenario's own length: nothing is waited for
        time.sleep(min(0.05, max(0.0, moment - time.monotonic())))


def _now(here: Stage) -> int:
    return here.inspector.now_ms()


def _started(here: Stage, ids: Sequence[str]) -> list[int]:
    """Give when runs were first started, by the clock of Redis, from their logs."""
    found = []
    with here.store.client.pipeline(transaction=False) as pipe:
        for run in ids:
            pipe.hmget(f"{{{here.store.namespace}}}:run:{run}", "started_ms", "fence")
        for started, fence in pipe.execute():
            if started is not None and fence == b"1":
                found.append(int(started))
    return sorted(found)


def _most_open(here: Stage, killed: float) -> int:
    """Give how many were between their beginning and their end at the same time, at most."""
    entries = here.ledger.entries()
    ends = {(entry.run, entry.fence): entry.at for entry in entries if entry.what == "left"}
    moments = []
    for entry in entries:
        if entry.what == "entered":
            moments += [(entry.at, 1), (ends.get((entry.run, entry.fence), killed), -1)]
    now = most = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most


def _unfinished(here: Stage, ids: Sequence[str]) -> int:
    return sum(state not in {"completed", "cancelled", "dead"} for state in here.states(ids).values())
