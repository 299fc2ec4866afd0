"""Scenarios in which worker processes are killed: a storm, one worker, one of a pool, by their own runs."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from datetime import timedelta
from statistics import median

from pipeline import Send
from tests.actors.plain import Nap, echo, nap, poison
from tests.actors.stepped import Walk, walk
from tests.chaos.stage import Report, Stage
from tests.support.processes import alive
from tests.support.waiting import eventually


def kill_storm(
    here: Stage,
    *,
    seed: int,
    runs: int,
    step: tuple[float, float],
    workers: int,
    every: timedelta,
    storm: timedelta,
    settled: timedelta,
    threads: int = 2,
) -> Report:
    """R01: worker processes are killed at random while runs of three steps are worked on."""
    report, dice = Report(), random.Random(seed)
    supervisor = here.pool(workers, threads=threads)
    here.accept(walk.send_many([Walk(seconds=dice.uniform(*step), start=number) for number in range(runs)]))
    accepted = here.ledger.accepted()
    kills, until = 0, time.monotonic() + storm.total_seconds()
    while time.monotonic() < until:
        here.remember(accepted, until=time.monotonic() + every.total_seconds())
        with suppress(ProcessLookupError, IndexError):
            os.kill(dice.choice(supervisor.children()), signal.SIGKILL)
            kills += 1
    last_kill = time.monotonic()
    here.settle(accepted, settled)
    findings = here.findings()
    report.figures |= {"kills": kills, "settled_s": round(time.monotonic() - last_kill, 1)}
    again, forgotten = here.begun_again()
    report.figures |= {"steps begun again": again, "forgotten": len(forgotten), "states": dict(findings.states)}
    report.expect_clean(findings)
    # Three deaths in a row at one step stop a run, whoever was to blame: a storm may do that to one in a thousand.
    unlucky = [run for run, state in here.states(accepted).items() if state == "dead"]
    reasons = {(here.inspector.show(run) or {}).get("reason") for run in unlucky}
    report.expect(f"all completed: {findings.states}", findings.states.get("completed") == runs - len(unlucky))
    report.expect(f"as good as none is stopped: {reasons}", len(unlucky) <= runs / 1000 and reasons <= {"crash_loop"})
    report.expect(f"at most one step begun again a kill and thread: {again}", again <= kills * threads)
    report.expect(f"no finished step begun again: {forgotten}", not forgotten)
    report.expect(f"settled within {settled} of the last kill", time.monotonic() - last_kill < settled.total_seconds())
    wrong = [r for n, r in enumerate(accepted[:50]) if here.inspector.result(r) not in (b"%d" % (n + 3), None)]
    report.expect(f"results are right: {wrong}", not wrong)
    report.expect("the supervisor lives", supervisor.alive)
    return report


def dead_worker(here: Stage, *, samples: int, at_once: int, lease: float = 8) -> Report:
    """R02: a killed worker's run starts again on an idle one; the lease is the default."""
    report = Report()
    waits: list[float] = []
    while len(waits) < samples:
        victims = here.workers(at_once, threads=1, lease=lease)
        ids = here.accept(nap.send_many([Nap(seconds=3600) for _ in victims]))
        eventually(lambda ids=ids: all(here.ledger.entries(what="started", run=r) for r in ids), timedelta(seconds=20))  # type: ignore[misc] # bound
        survivor = here.worker(threads=at_once, lease=lease)
        killed_at = time.time()
        for victim in victims:
            victim.kill()
        eventually(
            lambda ids=ids: all(len(here.ledger.entries(what="started", run=r)) == 2 for r in ids),  # type: ignore[misc] # bound
            timedelta(seconds=40),
        )
        waits += [here.ledger.entries(what="started", run=r)[1].at - killed_at for r in ids]
        survivor.kill()
        for run_id in ids:
            here.inspector.cancel(run_id)
        if len(waits) < samples:
            sweeper = here.worker(lease=1)  # takes the cancelled runs out of the way
            here.settle(ids, timedelta(seconds=20))
            sweeper.kill()
    report.figures = {"samples": len(waits), "median_s": round(median(waits), 1), "longest_s": round(max(waits), 1)}
    report.expect("never more than 15 s", max(waits) <= 15)
    report.expect("median at most 10 s", median(waits) <= 10 or samples < 5)
    return report


def one_of_a_pool(here: Stage, *, processes: int, threads: int, seconds: float) -> Report:
    """R03: one process of a pool dies; the runs in the others are not touched, and it is replaced."""
    report = Report()
    supervisor = here.pool(processes, threads=threads)
    ids = here.accept(nap.send_many([Nap(seconds=seconds) for _ in range(processes * threads - 2)]))
    eventually(lambda: here.ledger.count("started") == len(ids), timedelta(seconds=20))
    before = supervisor.children()
    victim = before[0]
    touched = {entry.run for entry in here.ledger.entries(what="started") if entry.worker == victim}
    killed_at = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: not alive(victim) and len(supervisor.children()) == processes, timedelta(seconds=20))
    replaced = time.monotonic() - killed_at
    here.settle(ids, timedelta(seconds=seconds * 2 + 20))
    starts = {run: len(here.ledger.entries(what="started", run=run)) for run in ids}
    interrupted = [run for run in ids if run not in touched and starts[run] != 1]
    report.figures = {"replaced_s": round(replaced, 2), "in the victim": len(touched), "interrupted": len(interrupted)}
    report.expect_clean(here.findings(effect="effect"))
    report.expect("no run of another process is started twice", not interrupted)
    report.expect("the victim's runs go on", all(starts[run] == 2 for run in touched))
    report.expect("a new process within 2 s", replaced <= 2)
    report.expect(
        "the others and the supervisor live", set(before[1:]) <= set(supervisor.children()) and supervisor.alive
    )
    return report


def poison_pills(
    here: Stage,
    *,
    pills: int,
    normals: int,
    seconds: float,
    processes: int,
    threads: int,
    limit: timedelta,
    lease: float = 1,
    baseline: bool = False,
) -> Report:
    """R04: runs that kill their process are stopped after three starts; the others all complete.

    Against a ``baseline`` without poison the others take at most twice as long.
    """
    report = Report()
    here.pool(processes, threads=threads, lease=lease)
    before = time.monotonic()
    if baseline:
        here.settle(here.accept(nap.send_many([Nap(seconds=seconds) for _ in range(normals)])), limit)
    begun = time.monotonic()
    bad = here.accept(poison.send_many([0.05] * pills))
    good = here.accept(nap.send_many([Nap(seconds=seconds) for _ in range(normals)]))
    here.settle(good, limit)
    took = time.monotonic() - begun
    states = here.settle(bad + good, limit)
    starts = [len(here.ledger.entries(what="started", run=run)) for run in bad]
    records = [here.inspector.show(run) or {} for run in bad]
    completed = sum(states[run] == "completed" for run in good)
    report.figures = {"poison starts": starts, "normals completed": f"{completed}/{normals}", "took_s": round(took, 1)}
    if baseline:
        report.figures["baseline_s"] = round(begun - before, 1)
        report.expect("the others take at most twice as long", took <= 2 * (begun - before))
    report.expect(f"poison starts at most 3 times: {starts}", max(starts) <= 3)
    report.expect("poison is dead", all(states[run] == "dead" for run in bad))
    report.expect("as a crash loop", all(record.get("reason") == "crash_loop" for record in records))
    report.expect("with the error told", all("died" in record["errors"][-1]["message"] for record in records))
    report.expect(f"every other run completes: {completed}/{normals}", completed == normals)
    return report


def neighbours_of_poison(here: Stage, *, neighbours: int, seconds: float, limit: timedelta) -> Report:
    """R04: long runs without steps that share their worker with a poison pill outlive it."""
    report = Report()
    here.pool(1, threads=neighbours + 1, lease=1)
    good = here.accept(nap.send_many([Nap(seconds=seconds) for _ in range(neighbours)]))
    eventually(lambda: here.ledger.count("started") == neighbours)
    [bad] = here.accept(poison.send_many([0.3]))
    states = here.settle([bad, *good], limit)
    report.figures = {"poison starts": len(here.ledger.entries(what="started", run=bad))}
    report.figures["neighbours completed"] = f"{sum(states[run] == 'completed' for run in good)}/{neighbours}"
    report.expect("poison is dead after three starts", states[bad] == "dead" and report.figures["poison starts"] == 3)
    report.expect(f"the neighbours complete: {states}", all(states[run] == "completed" for run in good))
    return report


def echoes(here: Stage, count: int) -> list[str]:
    """Send runs that do next to nothing."""
    return here.accept(echo.send_many([Send(payload=f"{number}") for number in range(count)]))
