"""Schedules: actors that start by themselves, declared as data; ``dramaturg scheduler`` fires them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import orjson

from pipeline import ids
from pipeline.calendar import Cron, Interval
from pipeline.misfire import Misfire, Owed, owed
from pipeline.sending import Send

if TYPE_CHECKING:
    from pipeline.actor import Actor
    from pipeline.engine.records import NewRun
    from pipeline.priority import Priority

In = TypeVar("In")

#: Every schedule declared in this process, by its name.
SCHEDULES: dict[str, Schedule] = {}

#: Names are part of the keys of their runs.
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """What starts when, and what becomes of a start that was missed; ``every`` makes them."""

    name: str
    calendar: Cron | Interval
    actor: Actor[Any, Any]
    payload: Any = None
    misfire: Misfire = "last"
    window: timedelta | None = None
    priority: Priority | None = None
    group: str = ""

    def owed(self, since: datetime, now: datetime, *, at_most: int = 50) -> Owed:
        """Give the ticks that came due after ``since``, as its policy has it."""
        return owed(self.calendar, since, now, misfire=self.misfire, window=self.window, at_most=at_most)

    def run(self, tick: datetime) -> NewRun:
        """Give the run of a tick; its key, which is the schedule and the tick, makes it one run."""
        at = tick.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        key = f"{self.name}@{at}"
        return self._run(key, {"schedule": self.name, "tick": at}, correlation_id=key)

    def run_now(self) -> NewRun:
        """Give a run of no tick."""
        return self._run("", {"schedule": self.name})

    def _run(self, key: str, options: dict[str, Any], *, correlation_id: str = "") -> NewRun:
        sending = Send(
            payload=self.payload,
            priority=self.priority,
            group=self.group,
            key=key,
            correlation_id=correlation_id,
            options=options,
        )
        return self.actor.new_run(sending)

    def told(self) -> dict[str, Any]:
        """Give it as it is written down for those who do not have its code."""
        zone = self.calendar.timezone if isinstance(self.calendar, Cron) else "UTC"
        return {
            "schedule": self.name,
            "actor": self.actor.actor_name,
            "queue": self.actor.queue_name,
            "times": self.calendar.text,
            "timezone": zone,
            "words": self.calendar.words,
            "misfire": self.misfire,
            "window_s": None if self.window is None else self.window.total_seconds(),
            "group": self.group,
        }

    @property
    def times(self) -> str:
        """What it fires at, as one text: when that changes, it begins anew."""
        return f"{self.calendar.text} {self.told()['timezone']}"


def every(
    when: str | timedelta,
    actor: Actor[In, Any],
    payload: In | None = None,
    *,
    timezone: str = "UTC",
    misfire: Misfire = "last",
    window: timedelta | None = None,
    name: str = "",
    priority: Priority | None = None,
    group: str = "",
) -> Schedule:
    """Have an actor run at the times of a cron spec, or at equal distances of time.

    A spec is read on the clocks of ``timezone``; a distance is whole seconds, from one on. ``misfire`` says what
    becomes of ticks that were missed while no scheduler ran: ``skip`` them, run the ``last`` one, or ``all``; and
    ``window`` how late one may still run (``pipeline.misfire``). ``name`` is unique, by default the actor's.
    Raises ``ValueError`` that names the field, and ``InvalidInput`` for a payload that does not fit.
    """
    name = name or actor.actor_name
    try:
        _check(name, misfire, window)
        calendar = Interval(when) if isinstance(when, timedelta) else Cron(when, timezone)
    except ValueError as error:
        raise ValueError(f"schedule {name[:LONGEST_NAME]!r}: {error}") from None
    actor.encode(payload)
    schedule = Schedule(name, calendar, actor, payload, misfire, window, priority, group)
    Send(group=group).label("group")
    _add(schedule)
    return schedule


def cron(when: str, timezone: str = "UTC") -> Cron:
    """Read a cron spec, for ``actor(periodic=cron("0 3 * * *"))``; raises ``ValueError`` that names the field."""
    return Cron(when, timezone)


def periodic(actor: Actor[Any, Any], when: object) -> Schedule:
    """Declare what ``actor(periodic=...)`` says: our own spec, periodiq's, or its text; it takes no payload."""
    calendar = when if isinstance(when, Cron) else Cron(str(when))
    return every(calendar.text, actor, timezone=calendar.timezone)


def of_actor(name: str) -> list[Schedule]:
    """Give the schedules of an actor."""
    return [schedule for schedule in SCHEDULES.values() if schedule.actor.actor_name == name]


def offer(broker: Any, actors: Any = None) -> None:
    """Give the actors of a broker the option ``periodic``, which is what the ``periodiq`` command looks for.

    Only where that command runs, or with ``actors`` named: nobody else needs its library.
    """
    import sys

    if "periodiq" not in sys.modules and actors is None:
        return
    from pipeline.engine.periodic import PeriodicSpec

    for name in broker.actors if actors is None else actors:
        cron_like = [schedule for schedule in of_actor(name) if isinstance(schedule.calendar, Cron)]
        if cron_like:
            broker.actors[name].options["periodic"] = PeriodicSpec(cron_like)


def _check(name: str, misfire: str, window: timedelta | None) -> None:
    if not ids.NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ValueError(f"the name is not at most {LONGEST_NAME} letters, digits, '.', '_' and '-'")
    if misfire not in get_args(Misfire):
        raise ValueError(f"misfire={misfire!r}: one of {', '.join(get_args(Misfire))}")
    if window is not None and window <= timedelta(0):
        raise ValueError(f"window={window}: must be more than nothing")


def _add(schedule: Schedule) -> None:
    from pipeline.actor import bound

    there = SCHEDULES.get(schedule.name)
    if there is not None and _mark(there) != _mark(schedule):
        raise ValueError(f"two schedules are named {schedule.name!r}: give one of them another name")
    SCHEDULES[schedule.name] = schedule
    for broker in bound:
        offer(broker)


def _mark(schedule: Schedule) -> bytes:
    payload = schedule.actor.encode(schedule.payload)
    return orjson.dumps([schedule.told(), payload], default=str)
