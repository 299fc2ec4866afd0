"""Firing: from what a schedule owes to runs in Redis, a portion at a time, each portion in one call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from pipeline import metrics
from pipeline.engine.schedules import Schedules

if TYPE_CHECKING:
    from pipeline.schedule import Schedule

log = structlog.get_logger(__name__)


class Firing:
    """Fires schedules; knows up to which tick each has come, and hears it from Redis where that is not so."""

    def __init__(self, schedules: Schedules, declared: Sequence[Schedule]) -> None:
        self._redis = schedules
        self._declared = tuple(declared)
        self._cursors: dict[str, datetime] = {}
        self._next: dict[str, datetime] = {}

    def declare(self, now: datetime, *, anew: bool = True) -> None:
        """Write the schedules down, and read up to which tick each has come; one that is new begins at ``now``."""
        for name, (cursor, _) in self._redis.declare(self._declared, now, anew=anew).items():
            self._cursors[name] = cursor
            self._next.pop(name, None)

    def next(self) -> datetime | None:
        """Give when the next tick comes; none without schedules."""
        return min((self._due(schedule) for schedule in self._declared), default=None)

    def due(self, now: datetime) -> list[Schedule]:
        """Give the schedules that owe something."""
        return [schedule for schedule in self._declared if self._due(schedule) <= now]

    def fire(self, schedule: Schedule, now: datetime) -> None:
        """Settle a portion of what a schedule owes; raises ``Unavailable``, and may be called again then."""
        since = self._cursors[schedule.name]
        owed = schedule.owed(since, now)
        if owed.upto is None:
            return
        runs = [(tick, schedule.run(tick)) for tick in owed.run]
        fired = self._redis.fire(schedule.name, since, owed.upto, owed.missed, runs)
        if fired.outcome == "unknown":  # Redis lost it; where it had come to is known here
            self._redis.declare([schedule], since, anew=True)
            return
        self._cursors[schedule.name] = fired.cursor
        self._next.pop(schedule.name, None)
        if fired.outcome == "moved":
            return
        metrics.fired(schedule.name, now, [tick for tick, _ in runs], [how for how, _ in fired.runs], owed.missed)
        if owed.missed:
            log.warning("ticks_missed", schedule=schedule.name, missed=owed.missed, upto=owed.upto.isoformat())
        for (tick, run), (_, run_id) in zip(runs, fired.runs, strict=False):
            late = round((now - tick).total_seconds(), 1)
            log.info(
                "tick_fired",
                schedule=schedule.name,
                tick=tick.isoformat(),
                run_id=run_id,
                correlation_id=run.correlation,
                late_s=late,
            )

    def _due(self, schedule: Schedule) -> datetime:
        due = self._next.get(schedule.name)
        if due is None:
            due = self._next[schedule.name] = schedule.calendar.after(self._cursors[schedule.name])
        return due
