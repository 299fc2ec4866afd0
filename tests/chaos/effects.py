"""Scenarios in which workers are killed at every point of an effect: nothing is sent twice, nothing is lost."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pipeline import Send
from pipeline.errors import PipelineError
from pipeline.events import FINAL
from pipeline.review import Reviews
from tests.actors import mailing
from tests.actors.mailing import Mail, mail
from tests.chaos.stage import Report, Stage
from tests.support.processes import Process
from tests.support.proxy import Command, Fault, Proxy

#: What the other side can do about a call that was made twice.
KNOWS = ("lookup", "key", "nothing")


def effects(here: Stage, *, count: int, kills: int, seed: int, settled: timedelta, lease: float = 1) -> Report:
    """Workers are killed in the call, and before and after each write around it; each effect happens as it was meant.

    Half of the kills are in the call, before or after the other side did its work; the others are at the checkpoints,
    before Redis has them or after. Whoever knows a key, or can be looked up, gets each effect once. Of the others those
    that may have happened come up for review, none is sent again by itself, and a person settles them.
    """
    report, chance, named = Report(), random.Random(seed), here.digests()
    doomed = set(chance.sample(range(count), kills // 2))
    letters = [
        Mail(
            to=f"{number}@example.org",
            knows=KNOWS[number % 3],  # type: ignore[arg-type] # one of its literals
            dies=("before", "after")[chance.randrange(2)] if number in doomed else "",
            seconds=0.02,
        )
        for number in range(count)
    ]
    runs = here.accept(mail.send_many([Send(payload=letter) for letter in letters]))
    knows = {run: letter.knows for run, letter in zip(runs, letters, strict=True)}
    began = time.monotonic()
    with Proxy(here.url) as between:
        killer = _Killer(named, every=max(3, 2 * count // max(1, kills)), most=kills - kills // 2)
        between.on_command = killer
        crew = _Crew(here, between.url, killer, lease)
        reviewed: Counter[str] = Counter()
        undone: Counter[str] = Counter()
        while True:
            states = crew.keep_alive(runs, settled)
            asked = {run for run, state in states.items() if state == "review"}
            called, mailed = _counts(here)
            again = [run for run in runs if knows[run] == "nothing" and called[run] > 1 + undone[run]]
            report.expect(f"nothing is sent again by itself: {again}", not again)
            if not asked or any(reviewed[run] > kills for run in asked):
                break
            reviewed.update(asked)
            undone.update(_answer(here, asked, mailed))
    report.figures = {"effects": count, "killed": crew.died, "at checkpoints": killer.struck, "reviewed": len(reviewed)}
    known = Counter(knows[run] for run in reviewed)
    report.expect(f"a person is asked only where nobody else can be: {known}", set(known) <= {"nothing"})
    open_ = {run: state for run, state in states.items() if state != "completed"}
    doubled = [run for run in runs if mailed[run] > 1]
    lost = [run for run in runs if mailed[run] < 1]
    report.figures |= {"called": called.total(), "doubled": len(doubled), "lost": len(lost)}
    report.figures |= {"took_s": round(time.monotonic() - began, 1)}
    report.expect(f"all complete: {open_}", not open_)
    report.expect(f"none happened twice: {doubled}", not doubled)
    report.expect(f"none is lost: {lost}", not lost)
    report.expect(f"workers were killed: {crew.died}", crew.died >= kills // 2)
    return report


class _Crew:
    """Two workers, one of them behind the proxy; who dies is replaced."""

    def __init__(self, here: Stage, proxied: str, killer: _Killer, lease: float) -> None:
        self._here = here
        self._urls = (proxied, here.url)
        self._killer = killer
        self._lease = lease
        self._workers: list[Process | None] = [None, None]
        self.died = 0

    def keep_alive(self, runs: Sequence[str], limit: timedelta) -> dict[str, str | None]:
        """Replace the dead until every run ended or waits for a person, and give their states."""
        deadline = time.monotonic() + limit.total_seconds()
        while True:
            for place, worker in enumerate(self._workers):
                if worker is None or not worker.alive:
                    self.died += worker is not None
                    self._workers[place] = self._start(place)
            states = self._here.states(runs)
            moving = [run for run, state in states.items() if state not in FINAL and state != "review"]
            if not moving or time.monotonic() > deadline:
                return states
            self._revive(states)
            time.sleep(0.05)

    def _start(self, place: int) -> Process:
        worker = self._here.worker(
            threads=4, url=self._urls[place], lease=self._lease, modules=(mailing.__name__,), ready=False
        )
        if place == 0:
            self._killer.victim = worker
        return worker

    def _revive(self, states: dict[str, str | None]) -> None:
        # Three workers may die under one run by chance; a person would look at it, and queue it again.
        for run in [run for run, state in states.items() if state == "dead"]:
            if self._here.inspector.retry(run) == 1:
                self._here.final.pop(run, None)


class _Killer:
    """Kills the worker behind the proxy at every so many checkpoints, in turn before and after Redis has one."""

    def __init__(self, named: dict[str, str], *, every: int, most: int) -> None:
        self._named = named
        self._every = every
        self._most = most
        self._seen = 0
        self.victim: Process | None = None
        self.struck = 0

    def __call__(self, command: Command) -> Fault | None:
        script = self._named.get(command.words[1].decode(errors="replace"), "") if len(command.words) > 1 else ""
        if script != "save_checkpoint" or self.struck >= self._most or self.victim is None or not self.victim.alive:
            return None
        self._seen += 1
        if self._seen < self._every * (self.struck + 1) / 2:
            return None
        self.struck += 1
        self.victim.kill()
        return Fault.LOSE_REQUEST if self.struck % 2 else Fault.LOSE_REPLY


def _answer(here: Stage, asked: set[str], mailed: Counter[str]) -> set[str]:
    """Be the person: ask the other side, and say what it says; gives the runs whose effect did not happen."""
    reviews = Reviews(here.store, here.broker.values)
    for run in asked:
        item: dict[str, Any] = reviews.show(run).item
        try:
            if mailed[run]:
                reviews.done(run, {"number": item["idempotency_key"]})
            else:
                reviews.undone(run)
        except PipelineError as error:
            raise AssertionError(f"{run}: {error}") from error
    return {run for run in asked if not mailed[run]}


def _counts(here: Stage) -> tuple[Counter[str], Counter[str]]:
    called = Counter(entry.run for entry in here.ledger.entries(what="called"))
    return called, Counter(entry.run for entry in here.ledger.entries(what="mailed"))
