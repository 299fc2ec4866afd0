"""Where a reader of HubSpot's changed contacts stands: a search gives ten thousand at most, and is begun anew there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pipeline.errors import InvalidInput

#: A search gives no page beyond this.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """All changes from ``since_ms`` on, of which ``after`` were read; or those of that very moment above an id."""

    since_ms: int
    after: int = 0
    above: int | None = None

    @classmethod
    def start(cls, since: datetime) -> Self:
        """Begin at a time."""
        return cls(_ms(since))

    @classmethod
    def read(cls, cursor: str) -> Self:
        """Read a cursor; raises ``InvalidInput`` for what is none."""
        try:
            since_ms, after, above = json.loads(cursor)
            return cls(int(since_ms), int(after), None if above is None else int(above))
        except (ValueError, TypeError):
            raise InvalidInput("this is no cursor of HubSpot's changes", field="cursor") from None

    def write(self) -> str:
        """Give it as text."""
        return json.dumps([self.since_ms, self.after, self.above])

    def asked(self) -> dict[str, Any]:
        """Give the search for what comes next."""
        if self.above is None:
            filters = [_filter("lastmodifieddate", "GTE", self.since_ms)]
            order = "lastmodifieddate"
        else:
            filters = [_filter("lastmodifieddate", "EQ", self.since_ms), _filter("hs_object_id", "GT", self.above)]
            order = "hs_object_id"
        asked = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": order, "direction": "ASCENDING"}],
        }
        return asked | ({"after": str(self.after)} if self.after else {})

    def further(self, seen: Sequence[tuple[datetime, str]], after: int | None) -> Place | None:
        """Give the place after a page of (time, id); none at the end."""
        if not seen or after is None:
            return None if self.above is None else Place(self.since_ms + 1)
        if self.above is not None:
            return Place(self.since_ms, 0, int(seen[-1][1]))
        if after < MOST:
            return Place(self.since_ms, after)
        last = _ms(seen[-1][0])
        # More of one moment than a search gives (an import): they are read by their ids.
        return Place(last) if last > self.since_ms else Place(self.since_ms, 0, 0)


def _filter(name: str, operator: str, value: int) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
