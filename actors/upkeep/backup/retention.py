"""Retention: which backups are kept, as arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple


class Keep(NamedTuple):
    """How many days, weeks and months keep their last backup."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 12


def kept(times: Iterable[datetime], keep: Keep) -> set[datetime]:
    """Give the times that stay: the newest of each of the last days, weeks (ISO) and months that have any.

    Days without a backup do not count, so a pause of a month removes nothing. The newest always stays.
    """
    newest_first = sorted(set(times), reverse=True)
    stay = set(newest_first[:1])
    for count, period in (
        (keep.daily, lambda at: at.date()),
        (keep.weekly, lambda at: at.isocalendar()[:2]),
        (keep.monthly, lambda at: (at.year, at.month)),
    ):
        seen: set[object] = set()
        for at in newest_first:
            if len(seen) == count:
                break
            if period(at) not in seen:
                seen.add(period(at))
                stay.add(at)
    return stay
