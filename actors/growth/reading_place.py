"""Where to go on reading a list that is ordered by time, and changes while it is read.

The next page begins at the last second that was read, after the members of that second that were read already. The
last one of them, the anchor, is asked for once more: if it does not come first, something before it moved, and the
second is read again from its beginning. So nothing is left out, whatever shares a second or moves; what is read twice
does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

_SECOND = timedelta(seconds=1)


class Item(NamedTuple):
    """What is known of one entry of a list."""

    id: str
    at: datetime

    @property
    def anchor(self) -> str:
        """What it is known by until it changes again."""
        return f"{self.id}@{self.at.timestamp():.0f}"


class Ask(NamedTuple):
    """What to ask for: so many, from an offset, of what changed later than ``since``."""

    since: datetime | None
    offset: int
    size: int


class Spot(NamedTuple):
    """Where reading goes on: ``offset`` of what changed later than ``since`` was read, ``anchor`` last."""

    since: datetime | None = None
    offset: int = 0
    anchor: str = ""

    def earlier(self, overlap: timedelta) -> Spot:
        """Give where the next reading begins: a little before the end of this one."""
        return Spot(None if self.since is None else self.since - overlap)

    def ask(self, count: int) -> Ask:
        """Say what to ask for next."""
        before = 1 if self.offset else 0
        return Ask(self.since, self.offset - before, count + before)

    def after(self, page: Sequence[Item], count: int) -> tuple[Spot, int, bool]:
        """Give where to go on after a page that was asked for, how many of it were read before, and if it was the last.

        If the place was lost all of the page counts as read before.
        """
        before = 1 if self.offset else 0
        if before and (not page or page[0].anchor != self.anchor):
            return Spot(self.since), len(page), False
        fresh = page[before:]
        if not fresh:
            return self, len(page), True
        newest = max(one.at for one in fresh)
        since = newest.replace(microsecond=0) - _SECOND
        # Whole seconds are all that is asked by.
        ties = sum(one.at > since for one in fresh)
        offset = self.offset + len(fresh) if since == self.since else ties
        return Spot(since, offset, fresh[-1].anchor), before, len(fresh) < count
