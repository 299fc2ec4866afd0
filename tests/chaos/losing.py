"""Scenarios in which Redis cannot be reached, or answers and nobody hears it."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from datetime import timedelta

from tests.actors.stepped import Walk, walk
from tests.chaos.stage import Report, Stage
from tests.support.proxy import Command, Fault, Proxy
from tests.support.waiting import eventually

#: Commands that a worker sends for itself, whatever it works on.
_BACKGROUND = frozenset({"sweep", "HELLO", "CLIENT", "PING", "SELECT"})

#: Where an outage hits, by the script that does not get through first.
POINTS = {
    "at a failure's commit": "commit",
    "at a success's commit": "commit",
    "at a step's result": "save_checkpoint",
    "at a renewal": "renew",
}


def outage(here: Stage, *, point: str, runs: int, length: timedelta, settled: timedelta, lease: float = 2) -> Report:
    """R06: Redis goes away for a while, at the worst moment; the runs go on when it is back, as if it never had."""
    report, named = Report(), here.digests()
    script = POINTS[point]
    stumbles = 1 if point == "at a failure's commit" else 0
    over = threading.Event()
    with Proxy(here.url) as between:

        def strike(command: Command) -> Fault | None:
            digest = command.words[1].decode(errors="replace") if command.name.startswith("EVALSHA") else ""
            if named.get(digest) != script or not here.ledger.count("started"):
                return None
            between.on_command = None
            threading.Thread(target=_outage, args=(between, length, over), daemon=True).start()
            return Fault.LOSE_REQUEST

        worker = here.worker(url=between.url, threads=4, lease=lease)
        between.on_command = strike
        ids = here.accept(walk.send_many([Walk(seconds=0.15, start=n, stumbles=stumbles) for n in range(runs)]))
        eventually(over.is_set, length + timedelta(seconds=30))
        back = time.monotonic()
        states = here.settle(ids, settled)
        took = time.monotonic() - back
    findings = here.findings()
    attempts = [(here.inspector.show(run) or {}).get("attempt") for run in ids]
    report.figures = {"point": point, "settled_s": round(took, 1), "repeated": len(findings.repeated)}
    report.expect_clean(findings)
    report.expect(f"all completed: {Counter(states.values())}", set(states.values()) == {"completed"})
    report.expect(f"no attempt is spent on the outage: {Counter(attempts)}", set(attempts) == {1 + stumbles})
    report.expect("no step is repeated", here.begun_again() == (0, []))
    report.expect("the worker lives", worker.alive)
    return report


def _outage(between: Proxy, length: timedelta, over: threading.Event) -> None:
    between.down()
    threading.Event().wait(length.total_seconds())
    between.up()
    over.set()


def lost_replies(here: Stage, *, faults: tuple[Fault, ...], every: int = 1, seed: int = 1) -> Report:
    """R08: each command of a run of three steps is lost in turn, on its way there or on its way back."""
    report, named = Report(), here.digests()
    with Proxy(here.url) as between:
        here.worker(url=between.url, threads=1)
        seen: list[str] = []

        def watch(command: Command) -> Fault | None:
            name = _name_of(command, named)
            if name not in _BACKGROUND:
                seen.append(name)
            return None

        between.on_command = watch
        [calm] = here.accept([walk.send(Walk())])
        here.settle([calm], timedelta(seconds=10))
        commands = len(seen)
        points = random.Random(seed).sample(range(1, commands + 1), max(1, commands // every))
        longest, missed = 0.0, 0
        for fault in faults:
            for number in sorted(points):
                struck = _Nth(number, fault, named)
                between.on_command = struck
                begun = time.monotonic()
                [run] = here.accept([walk.send(Walk(start=number))])
                states = here.settle([run], timedelta(seconds=15))
                longest = max(longest, time.monotonic() - begun)
                missed += not struck.hit
                shown = here.inspector.show(run) or {}
                where = f"{fault.value} of {number}: {struck.name}"
                report.expect(f"{where}: {states}", states[run] == "completed" and shown["result"] == number + 3)
                once = shown.get("attempt"), shown.get("fence")
                report.expect(f"{where}: one attempt, one start: {once}", once == (1, 1))
                report.expect(f"{where}: one end", here.events_of(run).count("completed") == 1)
        between.on_command = None
    findings = here.findings()
    report.figures = {"points": len(points) * len(faults), "commands": commands, "longest_s": round(longest, 2)}
    report.figures |= {"not reached": missed, "repeated": len(findings.repeated)}
    report.expect_clean(findings)
    report.expect("no step is repeated", here.begun_again() == (0, []))
    report.expect("never more than 15 s", longest <= 15)
    report.expect("most faults hit", missed <= len(faults) * 2)
    return report


class _Nth:
    """Strikes the n-th command of a run."""

    def __init__(self, number: int, fault: Fault, named: dict[str, str]) -> None:
        self._left = number
        self._fault = fault
        self._named = named
        self.name = ""

    @property
    def hit(self) -> bool:
        return bool(self.name)

    def __call__(self, command: Command) -> Fault | None:
        name = _name_of(command, self._named)
        if name in _BACKGROUND:
            return None
        self._left -= 1
        if self._left:
            return None
        self.name = name
        return self._fault


def _name_of(command: Command, named: dict[str, str]) -> str:
    if command.name.startswith("EVALSHA"):
        return named.get(command.words[1].decode(), command.name)
    return command.name


def redis_killed(
    here: Stage, *, runs: int, times: int, every: timedelta, back: timedelta, settled: timedelta
) -> Report:
    """R12: Redis itself is killed and comes back with its append-only file; workers are not restarted."""
    report, server = Report(), here.server
    assert server is not None, "this scenario needs a Redis of its own"
    workers = here.workers(2, threads=2)
    ids = here.accept(walk.send_many([Walk(seconds=0.1, start=n) for n in range(runs)]))
    for _ in range(times):
        threading.Event().wait(every.total_seconds())
        threading.Event().wait(1.1)  # what was written more than a second ago is on disk
        server.kill()
        threading.Event().wait(back.total_seconds())
        server.start()
    begun = time.monotonic()
    states = here.settle(ids, settled)
    report.figures = {"kills": times, "settled_s": round(time.monotonic() - begun, 1)}
    findings = here.findings()
    report.figures["repeated"] = len(findings.repeated)
    report.expect_clean(findings)
    report.expect(f"all completed: {Counter(states.values())}", set(states.values()) == {"completed"})
    report.expect("workers are not restarted", all(worker.alive for worker in workers))
    return report
