"""A calendar by brute force: every minute of some years is looked at, one by one, on a clock of the zone.

It shares nothing with the calendar that it judges but the rules: a minute fires when the clock shows, for the first
time, a time that the spec names, or has just jumped over one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)


class Clockwork:
    """All minutes of a zone between two instants, each with what its clock shows."""

    def __init__(self, zone: str, start: datetime, end: datetime) -> None:
        self.start = start
        where = ZoneInfo(zone)
        minutes = int((end - start) / _MINUTE)
        columns = [bytearray(minutes) for _ in range(6)]
        minute, hour, day, month, weekday, new = columns
        self.jumped: list[tuple[int, list[datetime]]] = []
        first = int(start.timestamp())
        highest = datetime.fromtimestamp(first - 60, where).replace(tzinfo=None, fold=0)
        for n in range(minutes):
            shown = datetime.fromtimestamp(first + 60 * n, where).replace(tzinfo=None, fold=0)
            minute[n], hour[n], day[n], month[n] = shown.minute, shown.hour, shown.day, shown.month
            weekday[n] = shown.isoweekday() % 7
            if shown > highest:
                new[n] = 1
                skipped = int((shown - highest) / _MINUTE) - 1
                if skipped:
                    self.jumped.append((n, [highest + k * _MINUTE for k in range(1, skipped + 1)]))
                highest = shown
        self._columns = [bytes(column) for column in columns]

    def fires(self, sets: Sequence[set[int]], *, either: bool, before: datetime | None = None) -> list[datetime]:
        """Give the minutes, in UTC, at which a spec fires; its sets are minutes, hours, days, months, weekdays."""
        end = len(self._columns[0]) if before is None else int((before - self.start) / _MINUTE)
        minute, hour, day, month, weekday, new = self._columns
        by_minute, by_hour, by_day, by_month, by_weekday = (
            int.from_bytes(column.translate(bytes(number in wanted for number in range(256))), "little")
            for column, wanted in zip((minute, hour, day, month, weekday), sets, strict=True)
        )
        by_date = by_day | by_weekday if either else by_day & by_weekday
        found = by_minute & by_hour & by_month & by_date & int.from_bytes(new, "little")
        flags = bytearray(found.to_bytes(len(new), "little"))
        for n, walls in self.jumped:
            for wall in walls:
                days = wall.day in sets[2], wall.isoweekday() % 7 in sets[4]
                named = wall.minute in sets[0] and wall.hour in sets[1] and wall.month in sets[3]
                if named and (any(days) if either else all(days)):
                    flags[n] = 1
        fired, at = [], flags.find(1, 0, end)
        while at >= 0:
            fired.append(self.start + at * _MINUTE)
            at = flags.find(1, at + 1, end)
        return fired


def instant(text: str) -> datetime:
    """Read a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
