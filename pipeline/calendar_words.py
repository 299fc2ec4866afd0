"""What a cron spec says, in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from pipeline.calendar_fields import Fields

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_TIMES_LISTED = 6


def in_words(fields: Fields) -> str:
    """Say when a spec fires, in one line."""
    days = _numbers(fields.days, range(1, 32), _ordinal)
    weekdays = _numbers(fields.weekdays, range(7), lambda n: f"{_WEEKDAYS[n]}s")
    months = _numbers(fields.months, range(1, 13), lambda n: _MONTHS[n - 1])
    if fields.either:
        when = f"on the {days or 'day'} and on {weekdays or 'all weekdays'}"
        when = when if days and weekdays else "every day"
    elif days and weekdays:
        when = f"on those of {weekdays} that are the {days}"
    else:
        when = f"on the {days}" if days else f"on {weekdays}" if weekdays else "every day"
    when += f" of {months}" if days and months and not weekdays else f" in {months}" if months else ""
    times = _times(fields.hours, fields.minutes)
    return times if when == "every day" and times.startswith("every") else f"{times} {when}"


def _times(hours: Sequence[int], minutes: Sequence[int]) -> str:
    if len(hours) * len(minutes) <= _TIMES_LISTED:
        return "at " + _list([f"{hour:02}:{minute:02}" for hour in hours for minute in minutes])
    step = _step(minutes, 60)
    if len(minutes) == 1:
        every = f"every hour at minute {minutes[0]}"
    elif step:
        every = "every minute" if step == 1 else f"every {step} minutes"
    else:
        every = f"at the minutes {_list([str(minute) for minute in minutes])} of every hour"
    if len(hours) == len(range(24)):
        return every
    every = every.replace(" of every hour", "").replace("every hour at", "at")
    several = _step(hours, 24)
    if several:
        return f"{every} of every {_ordinal(several)} hour"
    if len(hours) == hours[-1] - hours[0] + 1:
        return f"{every} from {hours[0]:02}:00 to {hours[-1]:02}:59"
    return f"{every} of the hours {_list([str(hour) for hour in hours])}"


def _step(numbers: Sequence[int], of: int) -> int | None:
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 0
    return step if step and of % step == 0 and list(numbers) == list(range(0, of, step)) else None


def _numbers(found: Collection[int], every: range, spell: Callable[[int], str]) -> str:
    if len(found) == len(every):
        return ""
    numbers = sorted(found)
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):  # noqa: PLR2004 - two are a list
        return f"{spell(numbers[0])} to {spell(numbers[-1])}"
    return _list([spell(number) for number in numbers])


def _ordinal(number: int) -> str:
    teen = number % 100 in {11, 12, 13}
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
