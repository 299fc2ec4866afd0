"""Looks at what piles up: dead runs, parked ones, reviews, shut gates, spent money, and feeds that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.doctor.words import a_few, long
from pipeline.ended import StatsSettings
from pipeline.engine.controls import Controls
from pipeline.engine.running_system import RunningSystem
from pipeline.engine.store import Store
from pipeline.finding import Finding
from pipeline.settings import Settings

_DAY_MS = 86_400_000


def check_backlog(store: Store, system: RunningSystem, settings: Settings, now_ms: int) -> Iterator[Finding]:
    """Say what waits for somebody to do something about it; raises ``Unavailable``."""
    yield from _dead(system, now_ms)
    yield from _parked(system)
    yield from _reviews(system, now_ms)
    yield from _gates(Controls(store), now_ms)
    yield from _feed(system)
    yield from _kept(system, settings)


def _dead(system: RunningSystem, now_ms: int) -> Iterator[Finding]:
    pile = system.dead()
    if pile.at_ms is None:
        yield Finding("ok", "No run is dead.", check="dead.count")
        return
    groups = a_few((f"{count} {actor} ({why})" for (actor, why), count in pile.groups.most_common()), 3)
    level = "warning" if now_ms - pile.at_ms < _DAY_MS else "ok"
    what = f"{pile.count:,} runs are dead, the newest for {long(now_ms - pile.at_ms)}: {groups}."
    yield Finding(level, what, "Look at them: dramaturg dead groups.", "dead.count")  # type: ignore[arg-type] # one of the levels


def _parked(system: RunningSystem) -> Iterator[Finding]:
    parked = system.parked()
    for actor, count in sorted(parked.items(), key=lambda pair: -pair[1])[:5]:
        what = (
            f"{count:,} runs of {actor} are parked: no worker knows it, or only in an older version, or it is paused."
        )
        mend = f"Start a worker with its module, or look: dramaturg runs ls --state parked --actor {actor}."
        yield Finding("warning", what, mend, "runs.parked")


def _reviews(system: RunningSystem, now_ms: int) -> Iterator[Finding]:
    pile = system.reviews()
    if pile.at_ms is None:
        return
    waited_ms = now_ms - pile.at_ms
    level = "warning" if waited_ms > _DAY_MS else "ok"
    what = f"{pile.count:,} runs wait for a person, the oldest for {long(waited_ms)}."
    yield Finding(level, what, "Decide: dramaturg review ls.", "reviews.age")  # type: ignore[arg-type] # one of the levels


def _gates(controls: Controls, now_ms: int) -> Iterator[Finding]:
    shut = [row for row in controls.breakers() if row["state"] in {"open", "half", "broken"}]
    for row in shut[:5]:
        since = "" if row["since_ms"] is None else f" for {long(now_ms - row['since_ms'])}"
        why = f" ({row['reason']})" if row["reason"] else ""
        what = f"The breaker {row['breaker']} is {row['state']}{since}{why}."
        mend = f"When the other side is well again: dramaturg breakers close {row['breaker']}."
        yield Finding("warning", what, mend, "breakers.open")
    for row in controls.budgets():
        if any(left == 0 for left in row["left"].values()):
            what = f"The budget {row['budget']} is used up."
            mend = f"Wait for its next period, or raise it: dramaturg budgets set {row['budget']}."
            yield Finding("warning", what, mend, "budgets.left")


def _feed(system: RunningSystem) -> Iterator[Finding]:
    waiting, dropped = system.feed()
    most = StatsSettings.current().feed_limit
    mend = "Is stats.rollup scheduled, and does a worker serve the queue upkeep? By hand: dramaturg stats rollup."
    if waiting > 0.5 * most:
        what = f"{waiting:,} ended runs wait to be rolled up into statistics; from {most:,} on the oldest are dropped."
        yield Finding("warning", what, mend, "stats.feed")
    if dropped:
        what = f"{dropped:,} ended runs were dropped before anybody rolled them up: statistics lack them."
        yield Finding("warning", what, mend, "stats.feed")


def _kept(system: RunningSystem, settings: Settings) -> Iterator[Finding]:
    found, kept = system.finished(), settings.retention()
    for state, count in found.items():
        if count > 2 * kept[state].count + 2_000:
            what = f"{count:,} {state} runs are kept, and {kept[state].count:,} are to be: removing them is behind."
            yield Finding("warning", what, "Does a worker run? It removes them. See its log.", "runs.kept")
