"""What the ``periodiq`` command finds at an actor: a spec of its own kind that is right, and fires each tick once.

Imported where that command runs, and nowhere else: its library is not for free.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
import structlog
from periodiq import CronSpec

from pipeline.calendar import Cron
from pipeline.engine.firing import Firing
from pipeline.engine.schedules import Schedules, from_ms
from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker
    from pipeline.schedule import Schedule

_MINUTE = timedelta(minutes=1)

log = structlog.get_logger(__name__)


class PeriodicSpec(CronSpec):  # type: ignore[misc] # periodiq is not typed
    """All schedules of an actor as one spec; those at intervals are left to ``dramaturg scheduler``."""

    def __init__(self, schedules: Sequence[Schedule]) -> None:
        self.schedules = tuple(schedules)
        self._calendars = [schedule.calendar for schedule in schedules if isinstance(schedule.calendar, Cron)]
        first = self._calendars[0].fields
        dates = sorted(first.days), sorted(first.months), sorted(first.weekdays)
        super().__init__(
            list(first.minutes), list(first.hours), *dates, parsed_from=", ".join(c.text for c in self._calendars)
        )
        self._owing = False

    def validate(self, date: datetime) -> bool:
        """Say whether one of them fires in this minute, or still owes a tick that could not be sent."""
        minute = date.astimezone(UTC).replace(second=0, microsecond=0)
        return self._owing or any(calendar.latest(minute) == minute for calendar in self._calendars)

    def next_valid_date(self, last: Any) -> Any:
        """Give the next minute in which one of them fires, in the zone of the date that is given."""
        minute = last.astimezone(UTC).replace(second=0, microsecond=0)
        due = min(calendar.after(minute) for calendar in self._calendars)
        if self._owing:
            due = min(due, minute + _MINUTE)
        return pendulum.instance(due).in_timezone(last.timezone or "UTC")

    def fire(self, broker: PipelineBroker, scheduled_at: str) -> None:
        """Fire what is owed at a time that ``periodiq`` says, each tick once, whoever else fires it too.

        Where Redis does not answer, that command would end; here the tick stays owed, and is sent with the next minute.
        """
        told = datetime.fromisoformat(scheduled_at).astimezone(UTC).replace(second=0, microsecond=0)
        try:
            broker.persist(lambda: self._settle(broker, told))
            self._owing = False
        except PipelineError as error:
            self._owing = True
            log.warning("tick_delayed", schedules=[schedule.name for schedule in self.schedules], why=str(error))

    def _settle(self, broker: PipelineBroker, told: datetime) -> list[str]:
        seconds, micros = broker.store.read("time")
        there = from_ms(int(seconds) * 1000 + int(micros) // 1000)
        # Two clocks are never quite the same; one that is a minute ahead or more is not believed.
        now = max(there, told) if told - there < _MINUTE else there
        firing = Firing(Schedules(broker.store), self.schedules)
        firing.declare(now - _MINUTE)
        fired: list[str] = []
        while due := firing.due(now):
            for schedule in due:
                firing.fire(schedule, now)
                fired.append(schedule.name)
        return fired
