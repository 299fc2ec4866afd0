"""Calendars: the moments at which a schedule fires, in any time zone, across changes of the clock.

A wall clock shows some times twice and some never. What is fired at is the first instant at which it shows the time
that was asked for, or a later one: a time that comes twice fires once, at its first coming, and a time that does not
exist fires once, at the next minute that does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from pipeline.calendar_fields import Fields, read_fields
from pipeline.calendar_words import in_words
from pipeline.duration import spell

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_SHORTEST, _LONGEST = _SECOND, timedelta(days=366)
_LONGEST_NAME = 64


class Tick(NamedTuple):
    """One moment at which a schedule fires, in its zone; ``note`` says what a change of the clock did to it."""

    at: datetime
    note: str = ""


class Calendar(Protocol):
    """Moments in time, endless in both directions, and the same for everybody who asks."""

    @property
    def text(self) -> str:
        """How it was written."""

    @property
    def words(self) -> str:
        """What it means, in words."""

    def after(self, instant: datetime) -> datetime:
        """Give the first moment later than an instant, in UTC."""

    def ticks(self, instant: datetime) -> Iterator[datetime]:
        """Give all moments later than an instant, in UTC, one after the other, without end."""

    def latest(self, instant: datetime) -> datetime:
        """Give the last moment that is not later than an instant, in UTC."""

    def tick(self, instant: datetime) -> Tick:
        """Give one of its moments as people read it."""


def zone(name: str) -> ZoneInfo:
    """Give an IANA time zone; raises ``ValueError`` for a name that is none."""
    problem = ValueError(f"timezone={name[:_LONGEST_NAME]!r} is no time zone, as Europe/Paris is")
    if not 0 < len(name) <= _LONGEST_NAME:
        raise problem
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise problem from None


@dataclass(frozen=True, slots=True)
class Cron:
    """The moments of a cron spec in a time zone; raises ``ValueError`` that names what is wrong."""

    text: str
    timezone: str = "UTC"
    fields: Fields = field(init=False, repr=False, compare=False)
    zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "zone", zone(self.timezone))
        object.__setattr__(self, "fields", read_fields(self.text))

    @property
    def words(self) -> str:
        """What it means, in words."""
        return f"{in_words(self.fields)} ({self.timezone})"

    def after(self, instant: datetime) -> datetime:
        """Give the first moment later than an instant, in UTC."""
        return next(self.ticks(instant))

    def ticks(self, instant: datetime) -> Iterator[datetime]:
        """Give all moments later than an instant, in UTC, one after the other, without end."""
        told, minutes = instant, [minute * _MINUTE for minute in self.fields.minutes]
        for hour in self._hours(_wall(instant, self.zone)):
            offset = _steady(hour, self.zone)
            begin = None if offset is None else (hour - offset).replace(tzinfo=UTC)
            for minute in minutes:
                at = reached(hour + minute, self.zone) if begin is None else begin + minute
                if at > told:  # of the times that a gap swallows, only the first has a moment of its own
                    told = at
                    yield at

    def latest(self, instant: datetime) -> datetime:
        """Give the last moment that is not later than an instant, in UTC."""
        local = instant.astimezone(self.zone)
        shown = local.replace(tzinfo=None, fold=0)
        if local.fold:  # the clock was here before, and has shown later times since
            shown += _offset(shown, self.zone, 0) - _offset(shown, self.zone, 1)
        return next(at for wall in self._walls_back(shown) if (at := reached(wall, self.zone)) <= instant)

    def tick(self, instant: datetime) -> Tick:
        """Give one of its moments as people read it."""
        local = instant.astimezone(self.zone)
        wall = local.replace(tzinfo=None, fold=0)
        if not self._fires(wall):
            return Tick(local, f"the clock goes forward to {wall:%H:%M}: what was due before comes now")
        if local.replace(fold=1).utcoffset() != local.utcoffset():
            return Tick(local, f"{wall:%H:%M} comes twice: this is the first, the second does not count")
        return Tick(local)

    def _fires(self, wall: datetime) -> bool:
        return wall.minute in self.fields.minutes and wall.hour in self.fields.hours and self._on(wall)

    def _on(self, day: datetime) -> bool:
        its = self.fields
        if day.month not in its.months:
            return False
        by_day, by_weekday = day.day in its.days, day.isoweekday() % 7 in its.weekdays
        return by_day or by_weekday if its.either else by_day and by_weekday

    def _hours(self, start: datetime) -> Iterator[datetime]:
        day, first = start.replace(hour=0, minute=0, second=0, microsecond=0), start.hour
        while True:
            if day.month not in self.fields.months:
                day, first = (day.replace(day=1) + 31 * _DAY).replace(day=1), 0
                continue
            if self._on(day):
                yield from (day.replace(hour=hour) for hour in self.fields.hours if hour >= first)
            day, first = day + _DAY, 0

    def _walls_back(self, start: datetime) -> Iterator[datetime]:
        day = start.replace(hour=0, minute=0, second=0, microsecond=0)
        while True:
            if day.month not in self.fields.months:
                day = day.replace(day=1) - _DAY
                continue
            if self._on(day):
                for hour in reversed(self.fields.hours):
                    for minute in reversed(self.fields.minutes):
                        wall = day.replace(hour=hour, minute=minute)
                        if wall <= start:
                            yield wall
            day -= _DAY


@dataclass(frozen=True, slots=True)
class Interval:
    """Moments at equal distances, counted from the beginning of 1970 in UTC, so that all who count agree."""

    every: timedelta

    def __post_init__(self) -> None:
        if not _SHORTEST <= self.every <= _LONGEST or self.every % _SECOND:
            raise ValueError(f"every {self.every} is not whole seconds, from one second to a year")

    @property
    def text(self) -> str:
        """How it is written."""
        return f"every {spell(self.every)}"

    @property
    def words(self) -> str:
        """What it means, in words."""
        return self.text

    def after(self, instant: datetime) -> datetime:
        """Give the first moment later than an instant, in UTC."""
        return self.latest(instant) + self.every

    def ticks(self, instant: datetime) -> Iterator[datetime]:
        """Give all moments later than an instant, in UTC, one after the other, without end."""
        while True:
            instant = self.after(instant)
            yield instant

    def latest(self, instant: datetime) -> datetime:
        """Give the last moment that is not later than an instant, in UTC."""
        return _EPOCH + (instant - _EPOCH) // self.every * self.every

    def tick(self, instant: datetime) -> Tick:
        """Give one of its moments as people read it."""
        return Tick(instant.astimezone(UTC))


def reached(wall: datetime, where: ZoneInfo) -> datetime:
    """Give the first instant at which the clocks of a zone show a time, or a later one, in UTC."""
    first, second = _offset(wall, where, 0), _offset(wall, where, 1)
    if first >= second:  # it exists, once or twice
        return (wall - first).replace(tzinfo=UTC)
    # It is skipped: between these two instants the clock jumps over it.
    before, after = (wall - second).replace(tzinfo=UTC), (wall - first).replace(tzinfo=UTC)
    while after - before > _SECOND:
        middle = before + (after - before) / 2
        middle -= timedelta(microseconds=middle.microsecond)
        if _wall(middle, where) >= wall:
            after = middle
        else:
            before = middle
    return after


def _steady(hour: datetime, where: ZoneInfo) -> timedelta | None:
    """Give the offset of an hour in which no clock is changed; none for any other."""
    offset = _offset(hour, where, 0)
    others = (_offset(hour, where, 1), _offset(hour + 59 * _MINUTE, where, 0), _offset(hour + 59 * _MINUTE, where, 1))
    return offset if all(other == offset for other in others) else None


def _offset(wall: datetime, where: ZoneInfo, fold: int) -> timedelta:
    return wall.replace(tzinfo=where, fold=fold).utcoffset() or timedelta(0)


def _wall(instant: datetime, where: ZoneInfo) -> datetime:
    return instant.astimezone(where).replace(tzinfo=None, fold=0)
