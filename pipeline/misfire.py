"""What a schedule owes: the ticks that came due and have no run yet, and what becomes of those that were missed.

A tick that is at most a minute late is late, not missed: it runs, whatever the policy says.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from pipeline.calendar import Calendar

#: What becomes of missed ticks: none is made up for, the last one is, all are.
Misfire = Literal["skip", "last", "all"]

#: How late a tick may be without being missed.
LATE = timedelta(minutes=1)

#: How far back ``all`` reaches unless the schedule says otherwise.
ALL_WINDOW = timedelta(days=1)

#: How many missed ticks are counted in one go.
COUNTED = 5000

_ENDLESS = timedelta.max


class Owed(NamedTuple):
    """Ticks to run, how many were missed, and up to which tick this settles the schedule; none if nothing is owed."""

    run: tuple[datetime, ...] = ()
    missed: int = 0
    upto: datetime | None = None


def owed(
    calendar: Calendar,
    since: datetime,
    now: datetime,
    *,
    misfire: Misfire = "last",
    window: timedelta | None = None,
    at_most: int = 50,
) -> Owed:
    """Give what is owed for the time after ``since`` up to ``now``; if that is much, a portion, the oldest first.

    ``window`` is how late a missed tick may be and still run: by default a minute for ``skip``, a day for ``all`` and
    any time for ``last``.
    """
    reach = {"skip": window or LATE, "all": window or ALL_WINDOW, "last": min(LATE, window or LATE)}[misfire]
    run: list[datetime] = []
    missed, upto, whole = 0, None, True
    for tick in calendar.ticks(since):
        if tick > now:
            break
        upto = tick
        if now - tick > reach:
            missed += 1
        else:
            run.append(tick)
        if missed == COUNTED or len(run) == at_most:
            whole = False
            break
    if misfire == "last" and whole and upto is not None and not run and now - upto <= (window or _ENDLESS):
        return Owed((upto,), missed - 1, upto)
    return Owed(tuple(run), missed, upto)
