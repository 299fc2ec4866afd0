"""How a key of Redis is written down in a copy: lines of JSON, the same for the same contents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from pipeline.errors import Permanent

#: Elements of a list or sorted set in one line, and fields or members of a hash or set.
LINE_ELEMENTS = 5_000

#: What opens the way to runs, and is therefore put back last, in this order.
DOORS = ("parked", "waiting", "review", "held", "blocked:", "gates", "delayed", "leases", "ready:", "queues")


class Row(NamedTuple):
    """A line about one key: ``number`` 0 is its first; ``expires_ms`` is a Unix time, or -1 for never."""

    door: int
    key: str
    number: int
    kind: str
    expires_ms: int
    items: list[Any]

    def line(self) -> bytes:
        """Give it as it is written."""
        return orjson.dumps(list(self)) + b"\n"

    def settled(self) -> bytes:
        """Give what must be the same in a copy of a copy: all but the time it expires, which may come."""
        return orjson.dumps([self.key, self.number, self.kind, self.items])


def read_row(line: bytes) -> Row:
    """Give a row from its line; raises ``Permanent`` for anything else."""
    try:
        return Row(*orjson.loads(line))
    except (ValueError, TypeError) as error:
        raise Permanent(f"This is no copy of Redis: a line of it cannot be read ({error}).") from error


def text(value: bytes) -> str:
    """Give bytes as text that JSON can hold and that becomes the same bytes again."""
    return value.decode("latin-1")


def raw(value: str) -> bytes:
    """Give the bytes that ``text`` was made of."""
    return value.encode("latin-1")


def rows_of(key: str, kind: str, expires_ms: int, items: Sequence[Any]) -> Iterator[Row]:
    """Give the rows of a key: its items are sorted where Redis keeps no order."""
    told = sorted(items) if kind in {"hash", "set"} else items
    for number, at in enumerate(range(0, len(told), LINE_ELEMENTS)):
        yield Row(door_of(key), key, number, kind, expires_ms, list(told[at : at + LINE_ELEMENTS]))


def door_of(key: str) -> int:
    """Say when a key is put back: 0 before all doors, then one door after another."""
    for at, name in enumerate(DOORS, start=1):
        line = name == "ready:" and key.count(":") > 1  # a lane holds runs; the way in is the list of lanes
        if not line and (key == name or (name.endswith(":") and key.startswith(name))):
            return at
    return 0


class Digest:
    """The number of keys in a copy, and one hash over all of them."""

    def __init__(self) -> None:
        self.keys = 0
        self._hash = hashlib.sha256()

    def add(self, row: Row) -> None:
        """Take in the next row; those of a copy always come in the same order."""
        if row.expires_ms >= 0:
            return  # it may be gone by the time somebody compares
        self.keys += row.number == 0
        self._hash.update(row.settled())

    def hex(self) -> str:
        """Give the hash."""
        return self._hash.hexdigest()


def digest_of(rows: Iterable[Row]) -> Digest:
    """Take in all rows of a copy."""
    digest = Digest()
    for row in rows:
        digest.add(row)
    return digest
