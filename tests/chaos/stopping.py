"""Scenarios in which workers are stopped in an orderly way, or run different code."""

from __future__ import annotations

import time
from datetime import timedelta

from pipeline import Send
from tests.actors.plain import Nap, nap
from tests.actors.stepped import Laps, Walk, laps
from tests.chaos.stage import Report, Stage
from tests.support.ledger import Entry
from tests.support.waiting import eventually


def graceful(here: Stage, *, threads: int, waiting: int, laps_each: int, lap_s: float, limit: timedelta) -> Report:
    """R16: a worker is asked to stop in the middle of runs with steps; they go on elsewhere, nothing is repeated."""
    report = Report()
    first = here.worker(threads=threads)
    stepped = here.accept(laps.send_many([Laps(count=laps_each, walk=Walk(seconds=lap_s)) for _ in range(threads)]))
    queued = here.accept(nap.send_many([Nap(seconds=0.01) for _ in range(waiting)]))
    eventually(lambda: here.ledger.count("step") >= 2 * threads, timedelta(seconds=20))
    first.terminate()
    asked = time.time()
    code = first.wait(limit)
    took = time.time() - asked
    pid = first.pid
    late = [e for e in here.ledger.entries(what="started") if e.worker == pid and e.at > asked + 1]
    running = here.inspector.list_runs("running", limit=threads + waiting)
    interrupted = sum("interrupted" in here.events_of(run) for run in stepped)
    here.worker(threads=threads)
    states = here.settle(stepped + queued, timedelta(seconds=40))
    shown = [here.inspector.show(run) or {} for run in stepped]
    findings = here.findings()
    report.figures = {"exit": code, "stopped_s": round(took, 2), "interrupted": interrupted, "started late": len(late)}
    report.figures |= {"repeated": len(findings.repeated) + len(findings.forgotten)}
    report.expect_clean(findings)
    report.expect("exit code 0", code == 0)
    report.expect(f"within {limit}", took <= limit.total_seconds())
    report.expect("nothing is begun a second after the signal", not late)
    report.expect("nothing stays leased", not running)
    report.expect("runs were interrupted", interrupted)
    report.expect("nothing is repeated", here.begun_again() == (0, []))
    report.expect("all complete", set(states.values()) == {"completed"})
    report.expect("no attempt is spent", all(record["attempt"] == 1 and not record["errors"] for record in shown))
    report.expect("all results are right", all(record["result"] == laps_each for record in shown))
    return report


def stubborn(here: Stage, *, grace: float, limit: timedelta) -> Report:
    """R16: a run without steps that outlasts the bound does not hold the process; it goes on elsewhere."""
    report = Report()
    first = here.worker(threads=2, lease=1, env={"DRAMATURG_SHUTDOWN_GRACE": str(grace)})
    [run] = here.accept([nap.send(Nap(seconds=grace + 2))])
    eventually(lambda: here.ledger.count("started") == 1)
    first.terminate()
    asked = time.monotonic()
    code = first.wait(limit)
    report.figures = {"exit": code, "stopped_s": round(time.monotonic() - asked, 1)}
    here.worker(threads=2, lease=1)
    states = here.settle([run], timedelta(seconds=40))
    report.expect(f"it completes elsewhere: {states}", states[run] == "completed")
    report.expect("one effect", here.ledger.count("effect") == 1)
    report.expect_clean(here.findings(effect="effect"))
    return report


def delayed(
    here: Stage, *, runs: int, window: tuple[float, float], restarts: int, down: timedelta, settled: timedelta
) -> Report:
    """R25: delayed runs live in Redis: workers are killed and restarted, none is lost, none is early, none is late."""
    report = Report()
    step = (window[1] - window[0]) / runs
    delays = [timedelta(seconds=window[0] + n * step) for n in range(runs)]
    ids = here.accept(nap.send_many([Send(payload=Nap(), delay=delay) for delay in delays]))
    due = here.due(ids)
    sent, pauses = time.monotonic(), []
    workers = here.workers(2, threads=4)
    for number in range(restarts):
        here.remember(ids, until=sent + window[1] * (number + 1) / (restarts + 1))
        for worker in workers:
            worker.kill()
        gone = time.time()
        here.remember(ids, until=time.monotonic() + down.total_seconds())
        workers = here.workers(2, threads=4)
        pauses.append((gone, {worker.pid for worker in workers}))
    states = here.settle(ids, settled)
    entries = here.ledger.entries(what="started")
    starts = {entry.run: entry.at for entry in reversed(entries)}
    early = [run for run in starts if starts[run] < due[run] - 0.005]
    lateness = sorted(starts[run] - _possible(due[run], pauses, entries) for run in starts)
    p99 = lateness[max(0, int(len(lateness) * 0.99) - 1)]
    report.figures = {"runs": runs, "early": len(early), "late_p99_s": round(p99, 2), "restarts": restarts}
    findings = here.findings(effect="effect")
    report.figures |= {"lost": len(findings.lost), "effects tried again": len(findings.doubled)}
    report.expect(f"nothing lost: {findings}", not findings.lost and not findings.pending)
    report.expect("at most one effect tried again a killed thread", len(findings.doubled) <= 8 * restarts)
    report.expect("all complete", set(states.values()) == {"completed"})
    report.expect(f"none is early: {early[:3]}", not early)
    report.expect(f"lateness p99 at most 2 s: {p99:.2f}, at most {lateness[-1]:.2f}", p99 <= 2)
    return report


def _possible(due: float, pauses: list[tuple[float, set[int]]], entries: list[Entry]) -> float:
    """Give when a run could start: when it was due, or when the first new worker worked again."""
    for gone, workers in pauses:
        back = min(entry.at for entry in entries if entry.worker in workers)
        if gone - 1 <= due < back:
            return back
    return due
