"""Objects of a simulated HubSpot: read at once as they are, found by search as they were some time ago."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any


class Objects:
    """Objects of one kind by id; every change is kept with its time, for the index that comes after."""

    def __init__(self, clock: Callable[[], datetime], index_delay: timedelta, *, first: int) -> None:
        self._clock = clock
        self._delay = index_delay
        self._next = first
        self._changes: dict[str, list[tuple[datetime, dict[str, str]]]] = {}

    def __contains__(self, id_: str) -> bool:
        return id_ in self._changes

    def __getitem__(self, id_: str) -> dict[str, str]:
        return self._changes[id_][-1][1]

    def __len__(self) -> int:
        return len(self._changes)

    def items(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Give every object with its properties, as they are now."""
        return ((id_, changes[-1][1]) for id_, changes in self._changes.items())

    def put(self, id_: str | None, properties: dict[str, str]) -> str:
        """Make an object, or change one; give its id."""
        if id_ is None:
            id_, self._next = str(self._next), self._next + 1
            self._changes[id_] = []
        before = self._changes[id_][-1][1] if self._changes[id_] else {}
        self._changes[id_].append((self._clock(), {**before, **properties}))
        return id_

    def shown(self, id_: str, wanted: Iterable[str] | None = None) -> dict[str, Any]:
        """Give an object as an answer has it; with the wanted properties only."""
        return self._answer(id_, self._changes[id_][-1], wanted)

    def as_indexed(self, id_: str, wanted: Iterable[str] | None = None) -> dict[str, Any]:
        """Give an object as search knows it."""
        known = self._indexed(id_)
        assert known is not None
        return self._answer(id_, known, wanted)

    def searched(self, said: dict[str, Any]) -> list[str]:
        """Give the ids that a search finds, in its order."""
        groups = said.get("filterGroups") or [{"filters": []}]
        known = [(id_, change) for id_ in self._changes if (change := self._indexed(id_)) is not None]
        found = [
            (id_, change)
            for id_, change in known
            if any(all(_fits(one, _value(id_, change, one["propertyName"])) for one in g["filters"]) for g in groups)
        ]
        for order in reversed(said.get("sorts") or []):
            name, down = str(order["propertyName"]), order.get("direction") == "DESCENDING"
            found.sort(key=lambda one: _number(_value(one[0], one[1], name)), reverse=down)
        return [id_ for id_, _ in found]

    def _indexed(self, id_: str) -> tuple[datetime, dict[str, str]] | None:
        until = self._clock() - self._delay
        return next((change for change in reversed(self._changes[id_]) if change[0] <= until), None)

    def _answer(
        self, id_: str, change: tuple[datetime, dict[str, str]], wanted: Iterable[str] | None
    ) -> dict[str, Any]:
        at, properties = change
        every = {**properties, "hs_object_id": id_, "lastmodifieddate": _stamp(at)}
        # A property that was asked for and has no value is there, and null.
        told = every if wanted is None else {name: every.get(name) for name in ("hs_object_id", *wanted)}
        made = self._changes[id_][0][0]
        return {"id": id_, "properties": told, "createdAt": _stamp(made), "updatedAt": _stamp(at), "archived": False}


def _value(id_: str, change: tuple[datetime, dict[str, str]], name: str) -> str:
    if name == "hs_object_id":
        return id_
    return str(round(change[0].timestamp() * 1000)) if name == "lastmodifieddate" else change[1].get(name, "")


def _fits(asked: dict[str, str], value: str) -> bool:
    match asked["operator"]:
        case "EQ":
            return value == asked["value"]
        case "GT":
            return _number(value) > _number(asked["value"])
        case "GTE":
            return _number(value) >= _number(asked["value"])
    return False


def _number(value: str) -> float:
    return float(value) if value.isdigit() else -1.0


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
