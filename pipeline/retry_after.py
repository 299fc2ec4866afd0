"""How long a provider asks to wait, in each of the forms that providers say it in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

#: A provider that asks for more is not waited for any longer.
LONGEST_WAIT = timedelta(days=1)

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?")
_SPAN = re.compile(
    r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?"
)
_RESET = re.compile(r"(?:^|-)rate-?limit-.*\breset\b")
#: A number above this is a point in time, in seconds since 1970; above that, in milliseconds.
_EPOCH_S, _EPOCH_MS = 10**9, 10**11


def asked_wait(headers: Mapping[str, str], *, resets: bool = False, now: datetime | None = None) -> timedelta | None:
    """Read ``Retry-After`` (seconds or a date) and ``retry-after-ms``; with ``resets`` also ``x-ratelimit-reset-*``.

    Header names are in lower case. A date is compared with the answer's own ``Date``, so that a wrong clock here does
    no harm. None if nothing was asked, or nothing that can be understood; at most ``LONGEST_WAIT``.
    """
    here = now or _date(headers.get("date", "")) or datetime.now(UTC)
    said_ms = _NUMBER.fullmatch(headers.get("retry-after-ms", "").strip())
    if said_ms:
        return bounded(_seconds(float(said_ms.group()) / 1000))
    said = headers.get("retry-after", "").strip()
    if _NUMBER.fullmatch(said):
        return bounded(_seconds(float(said)))
    date = _date(said)
    if date is not None:
        return bounded(date - here)
    return max(_resets(headers, here), default=None) if resets else None


def bounded(wait: timedelta) -> timedelta:
    """Keep a wait between nothing and ``LONGEST_WAIT``."""
    return max(timedelta(0), min(wait, LONGEST_WAIT))


def _resets(headers: Mapping[str, str], here: datetime) -> Iterator[timedelta]:
    """Give the waits of the limits that are used up, or of all if none says that it is."""
    names = [name for name in headers if _RESET.search(name)]
    empty = [name for name in names if headers.get(name.replace("reset", "remaining"), "").strip() in ("0", "0.0")]
    for name in empty or names:
        wait = _reset(headers[name].strip(), here)
        if wait is not None:
            yield bounded(wait)


def _reset(said: str, here: datetime) -> timedelta | None:
    if _NUMBER.fullmatch(said):
        number = float(said)
        if number < _EPOCH_S:
            return _seconds(number)
        return _seconds(number / (1000 if number >= _EPOCH_MS else 1) - here.timestamp())
    span = _SPAN.fullmatch(said) if said else None
    if span:
        days, hours, minutes, seconds, milliseconds = (float(part or 0) for part in span.groups())
        return timedelta(days, seconds, 0, milliseconds, minutes, hours)
    date = _date(said)
    return None if date is None else date - here


def _seconds(number: float) -> timedelta:
    return timedelta(seconds=min(number, _EPOCH_S))


def _date(said: str) -> datetime | None:
    from email.utils import parsedate_to_datetime

    if not said:
        return None
    try:
        date = datetime.fromisoformat(said) if said[0].isdigit() else parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
