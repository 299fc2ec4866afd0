"""Scenarios of schedules: several schedulers of which the leading one is killed, frozen or stopped, again and again."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from random import Random

from hypothesis import HealthCheck, Phase, given, seed, settings

from pipeline.calendar import Cron
from pipeline.engine.schedules import Schedules
from tests.actors import ticking
from tests.chaos.stage import Report, Stage
from tests.support.clockwork import Clockwork, instant
from tests.support.cron_specs import Spec, specs
from tests.support.processes import Process
from tests.support.proxy import Proxy
from tests.support.schedules import runs_by_tick
from tests.support.waiting import eventually

ZONES = (
    *("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"),
    *("America/St_Johns", "America/Santiago", "Africa/Casablanca", "Asia/Tehran"),
    *("Pacific/Auckland", "Pacific/Apia", "Europe/Dublin", "UTC"),
)

#: More ticks a day than this are many.
OFTEN = 150

#: How the leader is hurt: killed, frozen for longer than its lease, cut off from Redis, asked to stop.
HURTS = ("kill", "freeze", "cut", "stop")


def leaders(here: Stage, *, seconds: float, every: float, hurts: tuple[str, ...], within: float, seed: int) -> Report:
    """R21: three schedulers, the leader hurt every few seconds: each tick has one run, and the lead moves in time."""
    with ExitStack() as proxies:
        crew = [_Member(here, proxies.enter_context(Proxy(here.url))) for _ in range(3)]
        return _hurt_them(here, crew, seconds=seconds, every=every, hurts=hurts, within=within, chance=Random(seed))


def _hurt_them(
    here: Stage,
    crew: list[_Member],
    *,
    seconds: float,
    every: float,
    hurts: tuple[str, ...],
    within: float,
    chance: Random,
) -> Report:
    report = Report()
    known = Schedules(here.store)
    for member in crew:
        member.process.wait_for_output("scheduler_started")
    _wait_for_leader(known, crew)
    begun, worst, hurt = datetime.now(UTC), 0.0, 0
    while (datetime.now(UTC) - begun).total_seconds() < seconds:
        time.sleep(every)
        leader = _wait_for_leader(known, crew)
        how = hurts[hurt % len(hurts)]
        at = time.monotonic()
        leader.hurt(how)
        others = [member for member in crew if member is not leader]
        _wait_for_leader(known, others)
        took = time.monotonic() - at
        worst = max(worst, took)
        hurt += 1
        time.sleep(chance.random())
        leader.heal(how)
    end = datetime.now(UTC) - timedelta(seconds=within + 1)
    eventually(lambda: max(runs_by_tick(here.store, "test.every-two"), default=begun) > end, timedelta(seconds=20))
    double = missed = ticks = 0
    for schedule in (ticking.EVERY_TWO, ticking.EVERY_MINUTE):
        wanted = list(takewhile(lambda tick: tick <= end, schedule.calendar.ticks(begun)))
        found = runs_by_tick(here.store, schedule.name)
        state = known.state(schedule.name)
        ticks += len(wanted)
        missed += len(set(wanted) - set(found)) + state.get("missed", 0)
        double += state.get("fired", 0) - len(found)
    waiting = sum(row["ready"] for row in here.inspector.queues())
    report.figures = {"ticks": ticks, "hurt": hurt, "missed": missed, "doubled": double, "takeover_s": round(worst, 1)}
    counted = sum(known.state(name).get("fired", 0) for name in ("test.every-two", "test.every-minute"))
    report.expect("no tick is missed", missed == 0)
    report.expect("no tick is doubled", double == 0)
    report.expect(f"as many runs as ticks on record: {waiting} of {counted}", waiting == counted)
    report.expect(f"the lead moves within {within} s", worst <= within)
    report.expect("somebody was hurt", hurt)
    return report


class _Member:
    """One scheduler, behind a proxy of its own."""

    def __init__(self, here: Stage, proxy: Proxy) -> None:
        self._here = here
        self.proxy = proxy
        self.process = self._start()

    def _start(self) -> Process:
        env = self._here.env(self.proxy.url)
        return self._here.running.python("-m", "pipeline.cli", "scheduler", ticking.__name__, env=env)

    def leads(self, who: list[str]) -> bool:
        return self.process.alive and any(re.search(rf":{self.process.pid}:", one) for one in who)

    def hurt(self, how: str) -> None:
        if how == "kill":
            self.process.kill()
        elif how == "freeze":
            self.process.pause()
        elif how == "cut":
            self.proxy.stall()
        else:
            self.process.terminate()

    def heal(self, how: str) -> None:
        if how == "freeze":
            self.process.resume()
        elif how == "cut":
            self.proxy.heal()
        else:
            self.process.wait()
            self.process = self._start()


def _wait_for_leader(known: Schedules, crew: list[_Member]) -> _Member:
    def leading() -> list[_Member]:
        who = known.leaders()
        return [member for member in crew if member.leads(who)]

    return eventually(leading, timedelta(seconds=30))[0]


def calendars(here: Stage, *, count: int, years: int, seed: int) -> Report:
    """R22: specs made at random, in every zone, against all minutes of some years, one by one."""
    return compare(count=count, start=instant("2024-01-01"), end=instant(f"{2024 + years}-01-01"), number=seed)


def compare(*, count: int, start: datetime, end: datetime, number: int) -> Report:
    """Compare our calendar with brute force between two instants, all zones for each spec."""
    report = Report()
    judges = {zone: Clockwork(zone, start, end) for zone in ZONES}
    tried: list[Spec] = []
    wrong: list[str] = []
    ticks = 0

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(spec=specs())
    def compare_one(spec: Spec) -> None:
        nonlocal ticks
        tried.append(spec)
        # A few specs fire nearly always, and would take most of the time: a year of them is enough.
        until = end if len(spec.sets[0]) * len(spec.sets[1]) <= OFTEN else min(end, start + timedelta(days=366))
        for zone, judge in judges.items():
            calendar = Cron(spec.text, zone)
            wanted = judge.fires(spec.sets, either=spec.either, before=until)
            found = list(takewhile(lambda at: at < until, calendar.ticks(start - timedelta(seconds=1))))
            ticks += len(wanted)
            if found != wanted:
                wrong.append(f"{spec.text} in {zone}")

    compare_one()
    report.figures = {"specs": len(tried), "zones": len(judges), "ticks": ticks, "mismatches": len(wrong)}
    report.expect(f"no mismatch: {wrong[:5]}", not wrong)
    report.expect(f"{count} specs", len(tried) >= count)
    return report
