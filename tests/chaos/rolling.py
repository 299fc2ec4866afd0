"""Scenario in which the workers that roll up statistics are killed while runs end."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from actors.upkeep.figures import by_name
from actors.upkeep.rollup import roll_up
from actors.upkeep.stats import RollupRequest, rollup_stats
from actors.upkeep.stores.stats import History
from pipeline import Send
from pipeline.database import Database
from pipeline.engine.ended_feed import EndedFeed
from tests.actors.plain import Trouble, echo, refuse, stumble
from tests.chaos.stage import Report, Stage

EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def rolled_up(
    here: Stage, *, seed: int, runs: int, batch: int, workers: int, every: timedelta, settled: timedelta
) -> Report:
    """R30: roll-ups, often two at once, are killed with their workers; the sums are those of the runs."""
    report, dice = Report(), random.Random(seed)
    supervisor = here.pool(workers, threads=2)
    begun, kills, next_kill = time.monotonic(), 0, time.monotonic() + every.total_seconds()
    names: dict[str, str] = {}
    for at in range(0, runs, batch):
        for actor, share in ((echo, batch), (stumble, batch // 20), (refuse, batch // 20)):
            payload = "word" if actor is echo else Trouble(times=1)
            sent = here.accept(actor.send_many([Send(payload=payload, group=f"tenant {at % 3}")] * share))
            names |= dict.fromkeys(sent, actor.actor_name)
        names |= dict.fromkeys(here.accept(rollup_stats.send_many([RollupRequest()] * 2)), rollup_stats.actor_name)
        here.remember(here.ledger.accepted(), until=min(next_kill, time.monotonic() + 0.3))
        if time.monotonic() >= next_kill:
            with suppress(ProcessLookupError, IndexError):
                os.kill(dice.choice(supervisor.children()), signal.SIGKILL)
                kills += 1
            next_kill = time.monotonic() + every.total_seconds()
    states = here.settle(here.ledger.accepted(), settled)
    history = History(Database(f"sqlite:///{here.folder / 'home' / 'dramaturg.db'}"))
    left = roll_up(EndedFeed(here.store), history).runs

    wanted = Counter((names[run], state) for run, state in states.items())
    for grain in ("hours", "days"):
        rows = by_name(history.figures(grain, *EVER), "actor")
        found = Counter(
            {
                (actor, state): getattr(tally, state)
                for actor, tally in rows.items()
                for state in ("completed", "dead", "cancelled")
            }
        )
        report.expect(f"{grain}: {dict(+found)} are the runs: {dict(wanted)}", +found == wanted)
    retries = by_name(history.figures("hours", *EVER), "actor")[stumble.actor_name].retries
    stumbled = list(names.values()).count(stumble.actor_name)
    report.expect(f"{retries} retries of {stumbled} runs", retries == stumbled)
    row = history.feeds()[0]
    report.expect(f"every run was counted: {row.runs} of {len(states)}", row.runs == len(states))
    rollups = list(names.values()).count(rollup_stats.actor_name)
    report.figures |= {"runs": len(states), "roll-ups": rollups, "kills": kills, "left for the last": left}
    report.figures |= {"states": dict(Counter(states.values())), "took_s": round(time.monotonic() - begun, 1)}
    return report
