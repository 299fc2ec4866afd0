"""The five fields of a cron spec, read strictly: what they say is a few small sets of numbers, whatever the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

#: A longer text is refused before it is read.
LONGEST_SPEC = 1000

_SHOWN = 40  # characters of it in a message

#: What the words with an @ stand for.
SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LAST_DAY = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ITEM = re.compile(r"(\*|[0-9a-z]{1,3}(?:-[0-9a-z]{1,3})?)(?:/([0-9]{1,2}))?")


class _Field(NamedTuple):
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, ("", *_MONTHS)),
    _Field("weekday", 0, 7, (*_WEEKDAYS, "sun")),
)


@dataclass(frozen=True, slots=True)
class Fields:
    """When a spec fires, on a wall clock; weekdays count from Sunday, which is 0."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    #: Day and weekday are both given: either is enough.
    either: bool


def read_fields(text: str) -> Fields:
    """Read a spec; raises ``ValueError`` that names the field, in time and memory that do not depend on the text."""
    if len(text) > LONGEST_SPEC:
        at = min(len(text[:LONGEST_SPEC].split(None, 4)), 5)
        raise ValueError(
            f"the {_FIELDS[max(at, 1) - 1].name} is too long: a spec has at most {LONGEST_SPEC} characters"
        )
    words = text.lower().split()
    if len(words) == 1 and words[0].startswith("@"):
        if words[0] not in SHORTHANDS:
            raise ValueError(f"{text.strip()[:_SHOWN]!r} is unknown; there are {', '.join(SHORTHANDS)}")
        words = SHORTHANDS[words[0]].split()
    if len(words) != len(_FIELDS):
        missing = f"; the {_FIELDS[len(words)].name} is missing" if len(words) < len(_FIELDS) else ""
        raise ValueError(f"{_cut(text)}: {len(words)} fields, and not minute, hour, day, month, weekday{missing}")
    minutes, hours, days, months, weekdays = (_values(field, word) for field, word in zip(_FIELDS, words, strict=True))
    either = "*" not in words[2] and "*" not in words[4]
    if not either and not any(day <= _LAST_DAY[month - 1] for day in days for month in months):
        raise ValueError(f"the day {words[2][:20]!r} never comes: no month that is named is so long")
    return Fields(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(day % 7 for day in weekdays),
        either=either,
    )


def _values(field: _Field, word: str) -> set[int]:
    found: set[int] = set()
    for item in word.split(","):
        parts = _ITEM.fullmatch(item)
        if parts is None:
            what = "is empty" if not item else f"{_cut(item)} is none of *, a number, a range or a step of these"
            raise ValueError(f"the {field.name} {what}")
        span, step = parts.groups()
        least, most = _span(field, span, stepped=step is not None)
        by = int(step or 1)
        if not 1 <= by <= field.most - field.least + 1:
            raise ValueError(f"the {field.name} has a step of {by}: from 1 to {field.most - field.least + 1} it can be")
        found.update(range(least, most + 1, by))
    return found


def _span(field: _Field, span: str, *, stepped: bool) -> tuple[int, int]:
    if span == "*":
        return field.least, field.most - (field.name == "weekday")  # 7 is Sunday once more
    first, dash, last = span.partition("-")
    least = _number(field, first, last=False)
    if not dash:
        return least, field.most if stepped else least
    most = _number(field, last, last=True)
    if most < least:
        raise ValueError(f"the {field.name} {span!r} runs backwards: write it as two ranges")
    return least, most


def _number(field: _Field, text: str, *, last: bool) -> int:
    if text in field.names and text:
        # A range that ends with Sunday ends the week: sat-sun.
        return 7 if last and field.name == "weekday" and text == "sun" else field.names.index(text)
    if not text.isdigit():
        raise ValueError(f"the {field.name} {text!r} is neither a number nor one of its names")
    number = int(text)
    if not field.least <= number <= field.most:
        raise ValueError(f"the {field.name} {number} is not from {field.least} to {field.most}")
    return number


def _cut(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
