"""Tallies: what runs of one kind came to in a time, such that tallies of parts add up to that of the whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import NamedTuple

from actors.upkeep.sketches import Sketch
from pipeline.ended import EndedRun

#: Reasons that say more with the word after them.
_REASON = re.compile(r"(?:attempts|models)_exhausted: \w+|[^:]*")
_LONGEST_NAME, _LONGEST_REASON = 255, 60


class Series(NamedTuple):
    """What is counted apart; the model is empty for runs that asked none, and the tenant for those without a group."""

    actor: str
    queue: str
    model: str
    tenant: str


@dataclass(slots=True)
class Tally:
    """What was counted; ``micros`` are millionths of a US dollar, and times are of those that started."""

    completed: int = 0
    dead: int = 0
    cancelled: int = 0
    retries: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    micros: int = 0
    #: Why they are dead or cancelled.
    reasons: Counter[str] = field(default_factory=Counter)
    #: From when a run might have started to its first start.
    wait: Sketch = field(default_factory=Sketch)
    #: From its first start to its end.
    duration: Sketch = field(default_factory=Sketch)

    @property
    def runs(self) -> int:
        """How many ended."""
        return self.completed + self.dead + self.cancelled

    @property
    def success_rate(self) -> float | None:
        """Which part of those that were not cancelled completed; none if there were none."""
        decided = self.completed + self.dead
        return self.completed / decided if decided else None

    def end(self, run: EndedRun) -> None:
        """Count a run's end, without what its calls took."""
        match run.state:
            case "completed":
                self.completed += 1
            case "dead":
                self.dead += 1
            case _:
                self.cancelled += 1
        self.retries += max(0, run.attempts - 1)
        if run.state != "completed":
            self.reasons[_reason(run.reason)] += 1
        if run.started_ms is not None:
            self.wait.add(run.started_ms - run.since_ms)
            self.duration.add(run.ended_ms - run.started_ms)

    def merge(self, other: Tally) -> None:
        """Count everything that another one counted."""
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)
        self.wait.merge(other.wait)
        self.duration.merge(other.duration)


#: Fields of a tally that are numbers.
NUMBERS = ("completed", "dead", "cancelled", "retries", "calls", "tokens_in", "tokens_out", "micros")

#: Tallies by the start of their time, and their series.
Tallies = dict[tuple[datetime, Series], Tally]


def hour_of(at_ms: int) -> datetime:
    """Give the start of the hour, in UTC, that a Unix time in ms lies in."""
    return datetime.fromtimestamp(at_ms // 3_600_000 * 3_600, UTC)


def day_of(moment: datetime) -> datetime:
    """Give the start of the day in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def utc_day(day: date) -> datetime:
    """Give the start of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def by_hour(runs: Iterable[EndedRun]) -> Tallies:
    """Count runs in the hours in which they ended, each with the model that it asked last; calls with their own."""
    tallies: Tallies = {}

    def tally(run: EndedRun, model: str) -> Tally:
        names = (run.actor, run.queue, model, run.group)
        series = Series(*(name[:_LONGEST_NAME] for name in names))
        return tallies.setdefault((hour_of(run.ended_ms), series), Tally())

    for run in runs:
        if run.state:
            tally(run, run.uses[-1].model if run.uses else "").end(run)
        for use in run.uses:
            counted = tally(run, use.model)
            counted.calls += use.calls
            counted.tokens_in += use.tokens_in
            counted.tokens_out += use.tokens_out
            counted.micros += use.micros
    return tallies


def by_day(hours: Tallies) -> Tallies:
    """Add hours up to days of UTC."""
    days: Tallies = {}
    for (hour, series), tally in hours.items():
        days.setdefault((day_of(hour), series), Tally()).merge(tally)
    return days


def _reason(text: str) -> str:
    found = _REASON.match(text)
    return (found[0] if found else "").strip()[:_LONGEST_REASON] or "unknown"
