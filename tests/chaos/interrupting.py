"""Scenarios in which runs are cancelled, take too long, or sit in a thread that hears of nothing (R27)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from actors.study.documents import extract_document
from actors.study.material import DocumentSource
from pipeline import Send
from pipeline.blobs import Blobs
from tests.actors.chained import Order, tally
from tests.actors.deaf import LIMIT, Block, ask, block, compute, defy, dream, linger, overrun, shrug
from tests.actors.plain import Nap, Trouble, nap, stumble
from tests.actors.stepped import Laps, Walk, laps
from tests.chaos.stage import Report, Stage
from tests.support.processes import Process, all_gone
from tests.support.waiting import eventually

#: A document that a reader computes on for minutes without a word.
_ENDLESS = b"<!doctype html><body>" + b"<address>" * 500_000

_FOREVER = 120.0


def cancelled(here: Stage, *, each: int, within: timedelta) -> Report:
    """R27: cancelled in line, before a retry, between steps, in Python, in a coroutine, at a model, in a child."""
    report = Report()
    blob = Blobs(here.folder / "home" / "blobs").put(_ENDLESS)
    points: dict[str, Callable[[], Any]] = {
        "between steps": lambda: laps.send(Laps(count=600, walk=Walk(seconds=0.2))),
        "in Python": lambda: compute.send(_FOREVER),
        "in Python that catches it": lambda: shrug.send(_FOREVER),
        "in a coroutine": lambda: dream.send(_FOREVER),
        "at a model": lambda: ask.send(_FOREVER),
        "in a child": lambda: extract_document.send(DocumentSource(blob=blob, name="endless.html")),
    }
    worker = here.worker(threads=len(points) * each + 1, lease=8)
    runs = {point: here.accept(send() for _ in range(each)) for point, send in points.items()}
    for point in points.keys() - {"in a child"}:
        for run in runs[point]:
            eventually(lambda run=run: here.ledger.entries(what="started", run=run), timedelta(seconds=20))  # type: ignore[misc] # bound early
    eventually(lambda: len(_readers(worker)) == each, timedelta(seconds=20))
    readers = _readers(worker)
    asked = {run: _ask(here, run) for ids in runs.values() for run in ids}
    runs["in line"] = here.accept(nap.send_many([Send(payload=Nap(), delay=timedelta(minutes=1))] * each))
    runs["before a retry"] = here.accept(stumble.send_many([Trouble(times=9)] * each))
    waiting = runs["in line"] + runs["before a retry"]
    eventually(lambda: all("retrying" in here.events_of(run) for run in runs["before a retry"]))
    asked |= {run: _ask(here, run) for run in waiting}
    states = here.settle(list(asked), timedelta(seconds=20))
    ended = {run: here.inspector.show(run) or {} for run in asked}
    took = {run: ended[run].get("finished_ms", 0) / 1000 - asked[run] for run in asked}
    slow = {point: round(max(took[run] for run in ids), 1) for point, ids in runs.items()}
    eventually(all_gone(readers), timedelta(seconds=2))
    time.sleep(0.5)  # what would still be written is written now
    late = [  # what it says on hearing of the cancel is none: beside heavy load the run may be over by then
        entry
        for entry in here.ledger.entries()
        if entry.run in ended
        and entry.at > ended[entry.run]["finished_ms"] / 1000
        and entry.what not in {"tidied", "shrugged"}
    ]
    other = nap.send(Nap(tag="alive")).result(timedelta(seconds=10))
    report.figures = {"runs": len(asked), "slowest_s": max(slow.values()), "effects after": len(late)}
    report.expect(f"all are cancelled: {states}", set(states.values()) == {"cancelled"})
    report.expect(f"within {within}: {slow}", max(slow.values()) <= within.total_seconds())
    report.expect(f"nothing is done after the cancel: {late}", not late)
    report.expect("no effect", not [e for e in here.ledger.entries(what="effect") if e.run in asked])
    report.expect("no attempt is spent by a cancel", all(ended[run].get("attempt", 0) <= 2 for run in asked))
    report.expect("the coroutine tidied up", here.ledger.count("tidied") == each)
    report.expect("the worker lives, and goes on", worker.alive and other == "alive")
    return report


def _ask(here: Stage, run: str) -> float:
    reply = here.inspector.cancel(run)
    assert reply in {"asked", "cancelled"}, f"{run}: {reply}"
    return time.time()


def _readers(worker: Process) -> list[int]:
    return worker.children()


def cancelled_flow(here: Stage, *, words: int, within: timedelta) -> Report:
    """R27: a flow's id stands for all of its nodes: those that run, those that wait, and those that wait for others."""
    report = Report()
    here.worker(threads=2)
    handle = tally.send(Order(words=["." * 8] * words))
    ids = here.accept(handle.runs.values())
    eventually(lambda: here.ledger.count("started") > words, timedelta(seconds=20))  # a second node of one
    reply = here.inspector.cancel(handle.id)
    asked = time.time()
    states = here.settle(ids, timedelta(seconds=20))
    shown = [here.inspector.show(run) or {} for run in ids]
    took = max(record["finished_ms"] for record in shown) / 1000 - asked
    started = here.ledger.count("started")
    eventually(lambda: handle.state() != "running", timedelta(seconds=5))
    late = [entry for entry in here.ledger.entries(what="started") if entry.at > asked + within.total_seconds()]
    report.figures = {"nodes": len(ids), "took_s": round(took, 1), "started": started}
    report.expect(f"it is asked: {reply}", reply == "asked")
    report.expect(f"every node has ended: {states}", set(states.values()) <= {"cancelled", "completed"})
    report.expect("the last one is cancelled", states[ids[-1]] == "cancelled")
    report.expect(f"within {within}: {took:.1f}", took <= within.total_seconds())
    report.expect(f"nothing starts any more: {late}", not late)
    report.expect("asked again it is over", here.inspector.cancel(handle.id) == "failed")
    return report


def stuck(here: Stage, *, how: str, neighbours: int, laps_each: int, freed: timedelta) -> Report:
    """R27: threads that are blocked past a limit or a cancel lose their runs in time, and cost their process."""
    report = Report()
    pool = here.pool(2, threads=neighbours + 1, lease=8)
    run, unwanted = here.accept([block.send(Block(how=how, seconds=_FOREVER)), linger.send(_FOREVER)])
    [begun] = eventually(lambda: here.ledger.entries(what="started", run=run), timedelta(seconds=20))
    beside = here.accept(laps.send_many([Laps(count=laps_each, walk=Walk(seconds=0.2))] * 2 * neighbours))
    eventually(lambda: here.ledger.entries(what="started", run=unwanted), timedelta(seconds=20))
    asked = _ask(here, unwanted)
    states = here.settle([run, unwanted, *beside], timedelta(seconds=90))
    released = next(e.at_ms for e in here.inspector.events(run, follow=False) if e.event == "retrying") / 1000
    record, ended = here.inspector.show(run) or {}, here.inspector.show(unwanted) or {}
    took = {"limit": released - begun.at - LIMIT.total_seconds(), "cancel": ended["finished_ms"] / 1000 - asked}
    left = eventually(lambda: _told(pool, "worker_left"), timedelta(seconds=40))  # its neighbours may end first
    eventually(lambda: pool.output.count("worker_ready") >= 2 + left, timedelta(seconds=20))
    shown = [here.inspector.show(other) or {} for other in beside]
    error = (record.get("errors") or [{}])[0]
    report.figures = {"how": how, "freed after the limit_s": round(took["limit"], 1)}
    report.figures |= {"freed after the cancel_s": round(took["cancel"], 1), "processes replaced": left}
    report.expect(f"freed within {freed}: {took}", max(took.values()) <= freed.total_seconds())
    report.expect(f"one is cancelled: {states}", states.pop(unwanted) == "cancelled")
    report.expect(f"all others complete: {states}", set(states.values()) == {"completed"})
    report.expect(f"the next attempt does: {record.get('result')}", record.get("result") == "attempt 2")
    report.expect(f"the failure is a timeout: {error}", error.get("kind") == "timeout")
    report.expect("it says where the thread was", "in _listen" in error.get("traceback", "") or how != "socket")
    report.expect("no effect of what was given up", not here.ledger.entries(what="effect"))
    report.expect("its neighbours lose no attempt", all(r["attempt"] == 1 and not r["errors"] for r in shown))
    report.expect(f"nothing is repeated: {here.begun_again()}", here.begun_again() == (0, []))
    report.expect(f"processes are replaced, and none dies: {left}", 1 <= left <= 2 and not _told(pool, "worker_died"))
    report.expect_clean(here.findings())
    return report


def late_writer(here: Stage, *, seconds: float) -> Report:
    """R27: a thread that was given up wakes and writes: it is refused, and the run is as the next attempt left it."""
    report = Report()
    first = here.worker(threads=2, lease=8)
    [run] = here.accept([defy.send(seconds)])
    eventually(lambda: here.ledger.entries(what="started", run=run), timedelta(seconds=20))
    [beside] = here.accept([nap.send(Nap(seconds=seconds + 1))])  # keeps the process until the thread has woken
    first.wait_for_output("thread_stuck", timedelta(seconds=20))
    here.worker(threads=1, lease=8)
    states = here.settle([run, beside], timedelta(seconds=30))
    code = first.wait(timedelta(seconds=20))
    record = here.inspector.show(run) or {}
    refused = here.ledger.entries(what="refused", run=run)
    report.figures = {"exit": code, "refused": len(refused)}
    report.expect(f"both complete: {states}", set(states.values()) == {"completed"})
    report.expect("the late step is refused", len(refused) == 1 and "late" not in record["steps"])
    report.expect(f"the result is the next attempt's: {record.get('result')}", record.get("result") == "in order")
    report.expect("one end", here.events_of(run).count("completed") == 1)
    report.expect(f"the process asks for its replacement: {code}", code == 75)
    return report


def overdue(here: Stage, *, deadline: timedelta, late: timedelta) -> Report:
    """R27: Python that overruns its limit is interrupted in time, and dead at its run's deadline."""
    report = Report()
    worker = here.worker(threads=2, lease=8)
    asked = time.time()
    run, last = here.accept([overrun.send(_FOREVER), compute.send(_FOREVER, deadline=deadline)])
    states = here.settle([run, last], timedelta(seconds=30))
    record, dead = here.inspector.show(run) or {}, here.inspector.show(last) or {}
    events = {event.event: event.at_ms for event in here.inspector.events(run, follow=False)}
    starts = here.ledger.entries(what="started", run=run)
    took = {
        "limit": events["retrying"] / 1000 - starts[0].at - LIMIT.total_seconds(),
        "deadline": dead["finished_ms"] / 1000 - asked - deadline.total_seconds(),
    }
    error = (record.get("errors") or [{}])[0]
    report.figures = {"late_s": {what: round(seconds, 2) for what, seconds in took.items()}}
    report.expect(f"at most {late} late: {took}", max(took.values()) <= late.total_seconds())
    report.expect(f"the one completes: {states}", states[run] == "completed" and record["result"] == "attempt 2")
    report.expect(f"it was a timeout: {error}", error.get("kind") == "timeout")
    report.expect(f"its finished step is not done again: {starts}", len(starts) == 3)
    report.expect(f"the other is dead: {states}", states[last] == "dead")
    report.expect(f"of its deadline: {dead.get('reason')}", dead.get("reason") == "deadline")
    report.expect("at once, with no further try", "retrying" not in here.events_of(last))
    report.expect("the worker lives", worker.alive)
    return report


def _told(pool: Process, event: str) -> int:
    return pool.output.count(event)
