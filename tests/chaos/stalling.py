"""Scenarios in which a worker stalls, loses its runs without knowing, and wakes up."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.actors.plain import hog, spin
from tests.actors.stepped import Laps, Walk, laps, walk
from tests.chaos.stage import Report, Stage
from tests.support.processes import Process
from tests.support.proxy import Command, Fault, Proxy
from tests.support.waiting import eventually

#: Where a worker is stopped: inside a step's body, or with a call on its way to Redis.
POINTS = ("in the first step", "at a step's result", "in the last step", "at the commit", "at the claim")

_ENTERED = {"in the first step": "first", "in the last step": "third"}


def zombie(here: Stage, *, point: str, lease: float = 1) -> Report:
    """R10: a worker is stopped for three leases at a point, another finishes the run, the first wakes and goes on."""
    report, named = Report(), here.digests()
    with Proxy(here.url) as between:
        stalled = here.worker(url=between.url, threads=1, lease=lease)
        held: list[str] = []

        def hold(command: Command) -> Fault | None:
            script = named.get(command.words[1].decode(errors="replace"), "") if len(command.words) > 1 else ""
            wanted = {"at a step's result": "save_checkpoint", "at the commit": "commit"}.get(point)
            if script == wanted and not held:
                held.append(script)
                stalled.pause()
                between.stall()  # the call is on its way, and arrives when the other worker is done
            return None

        if point in _ENTERED:
            [run] = here.accept([walk.send(Walk(seconds=0.4))])
            step = _ENTERED[point]
            eventually(lambda: any(e.step == step for e in here.ledger.entries(what="entered", run=run)))
            stalled.pause()
        elif point == "at the claim":
            between.on_command = _AfterClaim(named, _then(held, stalled))
            [run] = here.accept([walk.send(Walk(seconds=0.05))])
            eventually(lambda: held)
        else:
            between.on_command = hold
            [run] = here.accept([walk.send(Walk(seconds=0.05))])
            eventually(lambda: held)
        stopped_at = time.monotonic()
        other = here.worker(threads=1, lease=lease)
        states = here.settle([run], timedelta(seconds=20))
        took = time.monotonic() - stopped_at
        eventually(lambda: time.monotonic() - stopped_at > 3 * lease, timedelta(seconds=10))
        result, ended = _record(here, run), len(here.events_of(run))
        between.heal()
        stalled.resume()
        eventually(lambda: _woke(stalled.output), timedelta(seconds=20))
        after = _record(here, run)
        events = here.events_of(run)
    entries = [(e.what, e.step, e.fence) for e in here.ledger.entries(run=run)]
    fences = [fence for _, _, fence in entries]
    zombies_steps = [e for e in entries[_last_index(fences, max(fences)) + 1 :] if e[0] == "entered"]
    report.figures = {"point": point, "taken over_s": round(took, 1), "starts": max(fences)}
    report.expect(f"the other worker completes it: {states}", states[run] == "completed" and max(fences) == 2)
    report.expect(f"one end: {events}", events.count("completed") == 1 and len(events) == ended)
    changed = {name: value for name, value in after.items() if result.get(name) != value}
    report.expect(f"the record is not touched: {changed}", not changed)
    report.expect("the result is right", after["result"] == 3)
    report.expect(f"the zombie starts no further step: {zombies_steps}", not zombies_steps)
    report.expect("both live", stalled.alive and other.alive)
    findings = here.findings()
    report.expect(f"no finished step is repeated: {findings}", not findings.forgotten or point in _ENTERED)
    report.expect(str(findings), not findings.lost and not findings.pending)
    return report


def _record(here: Stage, run: str) -> dict[str, Any]:
    shown = here.inspector.show(run) or {}
    shown.pop("watched", None)  # that somebody follows its log is written by who does
    return shown


def late_result(here: Stage, *, lease: float = 1) -> Report:
    """R10: a step's result that arrives when its run is another worker's is not kept, even where there is none yet."""
    report, named = Report(), here.digests()
    held: list[str] = []
    with Proxy(here.url) as between:
        stalled = here.worker(url=between.url, threads=1, lease=lease)

        def hold(command: Command) -> Fault | None:
            script = named.get(command.words[1].decode(errors="replace"), "") if len(command.words) > 1 else ""
            if script == "save_checkpoint" and not held:
                held.append(script)
                stalled.pause()
                between.stall()
            return None

        between.on_command = hold
        [run] = here.accept([walk.send(Walk(seconds=1.5))])
        eventually(lambda: held)
        here.worker(threads=1, lease=lease)
        eventually(lambda: any(e.fence > 1 for e in here.ledger.entries(what="entered")), timedelta(seconds=20))
        between.heal()
        stalled.resume()
        eventually(lambda: _woke(stalled.output), timedelta(seconds=10))
        steps = (here.inspector.show(run) or {})["steps"]
        finished = here.ledger.count("step")
        states = here.settle([run], timedelta(seconds=20))
    report.figures = {"point": "a late result", "kept": len(steps)}
    report.expect(f"nothing of the sleeper is kept: {steps}, {finished}", len(steps) == finished - 1)
    report.expect(f"it completes: {states}", states[run] == "completed")
    return report


def own_zombie(here: Stage, *, lease: float = 1) -> Report:
    """R10: a worker is stopped for three leases, wakes, and takes the run that it lost again itself."""
    report = Report()
    stalled = here.worker(threads=4, lease=lease)
    sweeper = here.worker(threads=1, lease=lease, queues="elsewhere")  # sees the lease end, and serves another queue
    [run] = here.accept([laps.send(Laps(count=6, walk=Walk(seconds=0.4)))])
    eventually(lambda: any(e.step == "lap[1]" for e in here.ledger.entries(what="entered", run=run)))
    [looking] = here.accept([spin.send(3 * lease + 3)])
    eventually(lambda: here.ledger.entries(what="started", run=looking))
    stalled.pause()
    eventually(lambda: all("stalled" in here.events_of(r) for r in (run, looking)), timedelta(seconds=20))
    stalled.resume()
    states = here.settle([run, looking], timedelta(seconds=30))
    heeded = [entry.fence for entry in here.ledger.entries(what="heeded", run=looking)]
    again, _ = here.begun_again()
    entered = [(entry.step, entry.fence) for entry in here.ledger.entries(what="entered", run=run)]
    report.figures = {"point": "by itself", "starts": max(fence for _, fence in entered), "steps begun again": again}
    report.expect(f"they complete: {states}", set(states.values()) == {"completed"})
    report.expect(f"a thread that looks up in the middle of a step hears of it: {heeded}", heeded == [1])
    report.expect(f"once: {here.events_of(run)}", here.events_of(run).count("completed") == 1)
    report.expect(f"only the step it stalled in is begun again: {entered}", again <= 1)
    report.expect("both live", stalled.alive and sweeper.alive)
    return report


class _AfterClaim:
    """Acts when the run was claimed: Redis has executed the claim, and its caller has not seen the reply."""

    def __init__(self, named: dict[str, str], act: Callable[[], None]) -> None:
        self._named = named
        self._act: Callable[[], None] | None = act

    def __call__(self, command: Command) -> Fault | None:
        script = self._named.get(command.words[1].decode(errors="replace"), "") if len(command.words) > 1 else ""
        if script == "claim" and self._act is not None:
            act, self._act = self._act, None
            act()
        return None


def _then(held: list[str], stalled: Process) -> Callable[[], None]:
    def act() -> None:
        held.append("claim")
        stalled.pause()

    return act


def _woke(output: str) -> bool:
    return any(word in output for word in ("lease_lost", "attempt_without_verdict", "commit_refused"))


def _last_index(values: list[int], wanted: int) -> int:
    return len(values) - 1 - values[::-1].index(wanted)


def held_lock(here: Stage, *, lease: float = 1) -> Report:
    """R10: a call that keeps every thread of its process still for two leases; its run ends once all the same."""
    report = Report()
    worker = here.worker(threads=2, lease=lease)
    here.worker(threads=2, lease=lease)
    [run] = here.accept([hog.send(2.5 * lease)])
    states = here.settle([run], timedelta(seconds=40))
    eventually(lambda: here.ledger.count("effect") == here.ledger.count("started"), timedelta(seconds=20))
    starts = len(here.ledger.entries(what="started", run=run))
    report.figures = {"point": "a call that never lets go", "starts": starts, "state": states[run]}
    report.expect("it ends once", here.events_of(run).count("completed") <= 1 and states[run] in {"completed", "dead"})
    report.expect("the worker lives", worker.alive)
    return report
