"""Rolling up: what a feed of ended runs tells is counted in SQL exactly once, however often it is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from actors.upkeep.tallies import by_hour
from pipeline.ended import BEGINNING, EndedRuns

if TYPE_CHECKING:
    from actors.upkeep.stores.stats import History


class RolledUp(BaseModel):
    """What a roll-up counted; ``cut`` runs were dropped from the full feed since the last time, uncounted."""

    model_config = ConfigDict(frozen=True)

    runs: int = 0
    portions: int = 0
    #: The first and the last hour that it counted runs in.
    first_hour: datetime | None = None
    last_hour: datetime | None = None
    cut: int = 0
    #: Rows of hours that were older than they are kept, and days that were made anew.
    removed: int = 0
    rebuilt: int = 0


def roll_up(feed: EndedRuns, history: History, tell: Callable[[int, int], None] | None = None) -> RolledUp:
    """Count what ended before this moment, portion by portion; ``tell`` hears how many runs were counted, of how many.

    The position moves with the figures, in one transaction, and only then is the portion removed from the feed: what
    is read again, by another or after a kill, is not counted again. Raises ``Unavailable`` and ``Transient``, and may
    be called again after either.
    """
    begun = feed.state()
    runs = portions = 0
    touched: set[datetime] = set()
    before = history.begin(begun)
    position = before.position
    if position != BEGINNING:
        feed.forget(position)  # whoever counted it may have been killed before
    while True:
        portion = feed.after(position)
        if portion.position == position:
            break
        tallies = by_hour(portion.runs)
        if history.add(begun.name, position, portion.position, tallies, len(portion.runs)):
            feed.forget(portion.position)
            runs, portions = runs + len(portion.runs), portions + 1
            touched.update(hour for hour, _ in tallies)
            position = portion.position
            if tell is not None:
                tell(runs, max(runs, begun.waiting))
        else:
            position = history.position(begun.name)  # somebody else counts as well
        if not portion.more or int(position.partition("-")[0]) > begun.now_ms:
            break  # what ends from now on is for the next time
    return RolledUp(
        runs=runs,
        portions=portions,
        first_hour=min(touched, default=None),
        last_hour=max(touched, default=None),
        cut=begun.cut - before.cut,
    )
