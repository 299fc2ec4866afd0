"""Schedules as people see and change them: those of this code, and those that schedulers declared elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from pipeline.calendar import Cron, Interval, Tick
from pipeline.duration import read
from pipeline.engine.schedules import Schedules, from_ms
from pipeline.errors import InvalidInput
from pipeline.schedule import SCHEDULES

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker
    from pipeline.schedule import Schedule

#: More ticks than this are not made up for in one go.
MOST_TICKS = 10_000

_PORTION = 50


@dataclass(frozen=True, slots=True)
class Backfill:
    """What became of the ticks of a span: new runs, ticks that had one, ticks of which nothing is known any more."""

    new: tuple[str, ...]
    known: int
    forgotten: int
    #: Ticks of the span; in a rehearsal none of them was run.
    ticks: int


class Timetable:
    """The schedules of a deployment; raises ``Unavailable`` when Redis does not answer."""

    def __init__(self, broker: PipelineBroker) -> None:
        self._store = broker.store
        self._redis = Schedules(broker.store)

    def now(self) -> datetime:
        """Give the time of Redis."""
        seconds, micros = self._store.read("time")
        return from_ms(int(seconds) * 1000 + int(micros) // 1000)

    def names(self) -> list[str]:
        """Give the names of all schedules that are known."""
        return sorted(SCHEDULES.keys() | self._redis.known().keys())

    def leaders(self) -> list[str]:
        """Give the schedulers that fire."""
        return self._redis.leaders()

    def rows(self) -> list[dict[str, Any]]:
        """Give every schedule with its state and its next tick."""
        known, now = self._redis.known(), self.now()
        return [self._row(name, known.get(name, {}), now) for name in sorted(SCHEDULES.keys() | known.keys())]

    def show(self, name: str, *, history: int = 20) -> dict[str, Any]:
        """Give a schedule, and what it did last, the newest first; raises ``InvalidInput`` for one that is unknown."""
        entries = self._redis.history(name, history)
        ran = [entry["run"] for entry in entries if "run" in entry]
        states = (
            dict(zip(ran, (found[0] or "removed" for found in self._store.results(ran)), strict=True)) if ran else {}
        )
        told = [entry | ({"state": states[entry["run"]]} if "run" in entry else {}) for entry in entries]
        return self._row(name, self._state(name), self.now()) | {"history": told}

    def next(self, name: str, count: int = 5, since: datetime | None = None) -> list[Tick]:
        """Give the next moments of a schedule; raises ``InvalidInput`` for one that is unknown."""
        return upcoming(self._calendar(name, self._state(name)), since or self.now(), count)

    def pause(self, name: str) -> bool:
        """Let its ticks pass; say whether that is new. Raises ``InvalidInput`` for one that is unknown."""
        self._introduce(name)
        return self._redis.pause(name, self.now()) == 1

    def resume(self, name: str) -> bool:
        """Let it fire from now on; say whether it was paused. Raises ``InvalidInput`` for one that is unknown."""
        self._introduce(name)
        return self._redis.resume(name, self.now()) == 1

    def run(self, name: str) -> str:
        """Start it now, beside its ticks, and give the run; raises ``InvalidInput`` if its code is not here."""
        schedule = self._declared(name)
        self._introduce(name)
        [(_, run_id)] = self._redis.run_now(name, schedule.run_now()).runs
        return run_id

    def backfill(self, name: str, start: datetime, end: datetime, *, rehearse: bool = False) -> Backfill:
        """Run the ticks from ``start`` to ``end``, the end not included, that have no run; each has one at most.

        Raises ``InvalidInput`` for a span that is empty, reaches into the future or holds more than 10,000 ticks, and
        for a schedule whose code is not here.
        """
        schedule = self._declared(name)
        if start >= end:
            raise InvalidInput(f"{name}: from {start} to {end} there is no time", field="to")
        if end > self.now():
            raise InvalidInput(f"{name}: {end} has not come yet", field="to")
        moments = takewhile(lambda tick: tick < end, schedule.calendar.ticks(start - timedelta(milliseconds=1)))
        ticks = list(islice(moments, MOST_TICKS + 1))
        if len(ticks) > MOST_TICKS:
            raise InvalidInput(f"{name}: more than {MOST_TICKS:,} ticks; take a shorter span", field="to")
        if rehearse:
            return Backfill((), 0, 0, len(ticks))
        self._introduce(name)
        new: list[str] = []
        known = forgotten = 0
        for at in range(0, len(ticks), _PORTION):
            runs = [(tick, schedule.run(tick)) for tick in ticks[at : at + _PORTION]]
            for outcome, run_id in self._redis.backfill(name, runs).runs:
                new += [run_id] if outcome == "new" else []
                known += outcome == "known"
                forgotten += outcome == "forgotten"
        return Backfill(tuple(new), known, forgotten, len(ticks))

    def _row(self, name: str, state: dict[str, Any], now: datetime) -> dict[str, Any]:
        calendar = self._calendar(name, state)
        told = SCHEDULES[name].told() if name in SCHEDULES else {key: state[key] for key in _TOLD}
        coming = upcoming(calendar, now, 5)
        return told | {
            "here": name in SCHEDULES,
            "paused_ms": state.get("paused_ms"),
            "last_ms": state.get("last_ms"),
            "fired": state.get("fired", 0),
            "missed": state.get("missed", 0),
            "passed_over": state.get("held", 0),
            "next": [{"at": tick.at.isoformat(), "note": tick.note} for tick in coming],
        }

    def _state(self, name: str) -> dict[str, Any]:
        state = self._redis.state(name)
        if name not in SCHEDULES and "times" not in state:
            raise _unknown(name, self.names())
        return state

    @staticmethod
    def _calendar(name: str, state: dict[str, Any]) -> Cron | Interval:
        if name in SCHEDULES:
            return SCHEDULES[name].calendar
        times = state["times"]
        return (
            Interval(read(times.removeprefix("every ")))
            if times.startswith("every ")
            else Cron(times, state["timezone"])
        )

    def _declared(self, name: str) -> Schedule:
        if name in SCHEDULES:
            return SCHEDULES[name]
        self._state(name)
        raise InvalidInput(f"schedule {name}: its code is not here; name its module", field="schedule")

    def _introduce(self, name: str) -> None:
        self._state(name)
        if name in SCHEDULES:
            self._redis.declare([SCHEDULES[name]], self.now(), anew=False)


def upcoming(calendar: Cron | Interval, since: datetime, count: int = 5) -> list[Tick]:
    """Give the next moments of a calendar as people read them."""
    return [calendar.tick(at) for at in islice(calendar.ticks(since), count)]


_TOLD = ("schedule", "actor", "queue", "times", "timezone", "words", "misfire", "window_s", "group")


def _unknown(name: str, known: list[str]) -> InvalidInput:
    there = f"there are {', '.join(known)}" if known else "none is known"
    return InvalidInput(f"there is no schedule {name[:100]!r}; {there}", field="schedule")
