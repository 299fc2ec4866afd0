"""Quiet hours: when nobody is written to, by the clock on that person's own wall."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class QuietHours:
    """From one time of day to another, across midnight or not; none at all when both are the same.

    Quiet is what the person's clock shows as quiet, also on days when it is changed: a time that comes twice is the
    same time twice. An end that does not exist that day comes as much later as the clock is put forward.
    Raises ``LookupError`` for a day that is quiet from end to end.
    """

    begin: time = time(20)
    end: time = time(9)

    def wait(self, now: datetime, zone: str) -> timedelta:
        """Give how long a message has to wait that would go out ``now``; nothing if it may go."""
        if self.begin == self.end:
            return timedelta(0)
        local = now.astimezone(ZoneInfo(zone))
        if not self._quiet(local.time()):
            return timedelta(0)
        return self._end_after(now, local) - now.astimezone(UTC)

    def _quiet(self, at: time) -> bool:
        if self.begin < self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end

    def _end_after(self, now: datetime, local: datetime) -> datetime:
        for days in (0, 1, 2):
            day = local.date() + days * _DAY
            wall = datetime.combine(day, self.end, local.tzinfo)
            for at in sorted({wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}):
                if at > now and not self._quiet(at.astimezone(local.tzinfo).time()):
                    return at
        raise LookupError(f"quiet hours {self.begin} to {self.end} have no end after {now}")
