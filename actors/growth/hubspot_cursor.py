"""Where a reader of HubSpot's changed contacts stands: at a moment, not at a number, for what changes moves to the end.

Each page is a search of its own from the moment where the last one ended, so that nothing is skipped while contacts
change, and no search has to go beyond the ten thousand that HubSpot gives.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pipeline.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Place:
    """All changes from ``since_ms`` on; or, with ``above``, those of that very moment with a higher id."""

    since_ms: int
    above: int | None = None

    @classmethod
    def start(cls, since: datetime) -> Self:
        """Begin at a time."""
        return cls(_ms(since))

    @classmethod
    def read(cls, cursor: str) -> Self:
        """Read a cursor; raises ``InvalidInput`` for what is none."""
        try:
            since_ms, above = json.loads(cursor)
            return cls(int(since_ms), None if above is None else int(above))
        except (ValueError, TypeError):
            raise InvalidInput("this is no cursor of HubSpot's changes", field="cursor") from None

    def write(self) -> str:
        """Give it as text."""
        return json.dumps([self.since_ms, self.above])

    def asked(self) -> dict[str, Any]:
        """Give the search for what comes next."""
        if self.above is None:
            filters = [_filter("lastmodifieddate", "GTE", self.since_ms)]
            order = "lastmodifieddate"
        else:
            filters = [_filter("lastmodifieddate", "EQ", self.since_ms), _filter("hs_object_id", "GT", self.above)]
            order = "hs_object_id"
        return {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": order, "direction": "ASCENDING"}],
        }

    def further(self, seen: Sequence[tuple[datetime, str]], *, more: bool) -> Place | None:
        """Give the place after a page of (time, id), with or without more behind it; none at the end."""
        if not seen or not more:
            return None if self.above is None else Place(self.since_ms + 1)
        if self.above is not None:
            return Place(self.since_ms, int(seen[-1][1]))
        last = _ms(seen[-1][0])
        # A page of one moment (an import): all of that moment are read by their ids.
        return Place(last) if last > self.since_ms else Place(self.since_ms, 0)


def _filter(name: str, operator: str, value: int) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
