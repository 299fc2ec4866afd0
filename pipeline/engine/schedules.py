"""What Redis knows of schedules: who leads, up to which tick each has come, and the runs of its ticks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson

from pipeline.engine import keys

if TYPE_CHECKING:
    from pipeline.engine.records import NewRun
    from pipeline.engine.store import Store
    from pipeline.schedule import Schedule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_BATCH = 50  # schedules declared in one call


class Lead(NamedTuple):
    """Who leads; ``left`` is how long the lease lasts unless it is renewed."""

    leads: bool
    now: datetime
    left: timedelta
    leader: str


class Fired(NamedTuple):
    """What became of ticks; for each run whether it is new, was there before, or cannot be told any more."""

    outcome: Literal["done", "moved", "paused", "unknown"]
    cursor: datetime
    runs: tuple[tuple[Literal["new", "known", "forgotten"], str], ...] = ()


class Schedules:
    """The schedules of a deployment; each method is one call to Redis and may be repeated."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lead = store.script("lead_schedules")
        self._declare = store.script("declare_schedules")
        self._fire = store.script("fire_schedule")
        self._pause = store.script("pause_schedule")

    def lead(self, group: str, who: str, lease: timedelta) -> Lead:
        """Take or keep the lead among those who know the same schedules; a lease of nothing gives it up."""
        leads, now_ms, left_ms, leader = self._lead(group, who, lease // _MS)
        return Lead(bool(leads), from_ms(now_ms), left_ms * _MS, leader.decode())

    def declare(
        self, schedules: Sequence[Schedule], begin: datetime, *, anew: bool
    ) -> dict[str, tuple[datetime, bool]]:
        """Write schedules down, and give the cursor of each, and whether it is paused.

        One that Redis does not know begins at ``begin``; ``anew`` replaces what was declared before.
        """
        found: dict[str, tuple[datetime, bool]] = {}
        for at in range(0, len(schedules), _BATCH):
            batch = schedules[at : at + _BATCH]
            words: list[str | bytes | int] = []
            for schedule in batch:
                words += (schedule.name, orjson.dumps(schedule.told()), schedule.times, to_ms(begin))
            reply = self._declare(int(anew), *words)
            for schedule, last_ms, paused in zip(batch, reply[::2], reply[1::2], strict=True):
                found[schedule.name] = (from_ms(last_ms), bool(paused))
        return found

    def fire(
        self, name: str, since: datetime, upto: datetime, missed: int, runs: Iterable[tuple[datetime, NewRun]]
    ) -> Fired:
        """Settle the ticks of a schedule from one to another: record them and accept their runs, all or nothing."""
        return self._fired(name, "clock", runs, since=since, upto=upto, missed=missed)

    def backfill(self, name: str, runs: Iterable[tuple[datetime, NewRun]]) -> Fired:
        """Accept the runs of ticks that have none, whenever they were; the others are told as they are."""
        return self._fired(name, "backfill", runs)

    def run_now(self, name: str, run: NewRun) -> Fired:
        """Accept a run of no tick."""
        return self._fired(name, "manual", [(_EPOCH, run)])

    def _fired(
        self,
        name: str,
        how: str,
        runs: Iterable[tuple[datetime, NewRun]],
        *,
        since: datetime = _EPOCH,
        upto: datetime = _EPOCH,
        missed: int = 0,
    ) -> Fired:
        words: list[str | bytes | int] = []
        count = 0
        for tick, run in runs:
            words += (to_ms(tick), *run.words())
            count += 1
        reply = self._fire(name, how, to_ms(since), to_ms(upto), missed, count, *words)
        outcome: Any = {1: "done", 0: "moved", 2: "paused", -1: "unknown"}[reply[0]]
        told: Any = {1: "new", 0: "known", -1: "forgotten"}
        found = tuple((told[what], run_id.decode()) for what, run_id in zip(reply[2::2], reply[3::2], strict=True))
        return Fired(outcome, from_ms(reply[1]), found)

    def pause(self, name: str, now: datetime) -> int:
        """Let a schedule's ticks pass: 1 it does now, 0 it did, -1 nobody knows it."""
        changed: int = self._pause(name, 1, to_ms(now))
        return changed

    def resume(self, name: str, now: datetime) -> int:
        """Let it fire again, from now on: 1 it does now, 0 it did, -1 nobody knows it."""
        changed: int = self._pause(name, 0, to_ms(now))
        return changed

    def known(self) -> dict[str, dict[str, Any]]:
        """Give every schedule that was declared, with its state."""
        names = self.store.read("zrange", keys.schedules(self.store.namespace), 0, -1)
        return {name.decode(): self.state(name.decode()) for name in names}

    def state(self, name: str) -> dict[str, Any]:
        """Give what is known of a schedule; nothing if nobody declared it."""
        found = self.store.read("hgetall", keys.schedule(self.store.namespace, name))
        numbers = {key.decode(): int(value) for key, value in found.items() if key not in {b"declared", b"times"}}
        declared = orjson.loads(found[b"declared"]) if b"declared" in found else {}
        return declared | numbers

    def history(self, name: str, limit: int = 20) -> list[dict[str, Any]]:
        """Give what a schedule did last, the newest first."""
        log = f"{keys.schedule(self.store.namespace, name)}:log"
        return [orjson.loads(entry) for entry in self.store.read("lrange", log, 0, limit - 1)]

    def leaders(self) -> list[str]:
        """Give the schedulers that lead, each with its host and process."""
        now_ms = _server_ms(self.store)
        held = self.store.read("hvals", keys.schedulers(self.store.namespace))
        pairs = (entry.decode().split(" ", 1) for entry in held)
        return sorted(who for until, who in pairs if int(until) > now_ms)


def _server_ms(store: Store) -> int:
    seconds, micros = store.read("time")
    return int(seconds) * 1000 + int(micros) // 1000


def to_ms(instant: datetime) -> int:
    """Give an instant as Redis has it."""
    return (instant - _EPOCH) // _MS


def from_ms(at_ms: int) -> datetime:
    """Give an instant of Redis."""
    return _EPOCH + at_ms * _MS
