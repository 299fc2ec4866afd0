"""Members of audiences in SQL, and how far reading them has come: a page and its place are written together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from actors.growth.tables.campaigns import members, positions
from actors.growth.tables.contacts import consents, contacts
from pipeline.database import Database
from pipeline.errors import Transient

#: How many ids are named in one statement.
_AT_ONCE = 500

_UPDATE = sa.update(members).where(
    members.c.list_id == sa.bindparam("key_list"), members.c.id == sa.bindparam("key_id")
)

#: Gives what is to be written of the rows that are there, by their id; each with all its columns.
Change = Callable[[Mapping[str, Mapping[str, Any]]], Iterable[Mapping[str, Any]]]


class Place(NamedTuple):
    """How far reading has come: ``offset`` of what changed after ``since`` was read, ``anchor`` last."""

    since: datetime | None = None
    offset: int = 0
    anchor: str = ""
    #: How often it was written; a place that somebody else moved meanwhile is not written over.
    version: int = 0


class Found(NamedTuple):
    """A person's last word on being written to."""

    id: str
    given: bool
    at: datetime


class MemberRows:
    """Reads and writes members and places, for threads and processes alike."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(self, name: str) -> Place:
        """Give how far reading has come; the beginning if nobody began."""
        with self._database.begin() as connection:
            row = connection.execute(sa.select(positions).where(positions.c.name == name)).one_or_none()
        return Place() if row is None else Place(row.since, row.offset, row.anchor, row.version)

    def rows(self, list_id: str, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Give members by their id."""
        with self._database.begin() as connection:
            return _rows(connection, list_id, ids)

    def change(
        self,
        list_id: str,
        ids: Sequence[str],
        change: Change,
        *,
        name: str = "",
        place: Place | None = None,
        now: datetime | None = None,
    ) -> None:
        """Write what ``change`` makes of members and, in the same transaction, how far reading has come.

        Nobody else changes these members meanwhile. Raises ``Transient`` if somebody else moved the place: nothing
        is written then.
        """
        with self._database.begin() as connection:
            _take_turn(connection)
            there = _rows(connection, list_id, sorted(ids), lock=True)
            rows = list(change(there))
            if new := [row for row in rows if row["id"] not in there]:
                connection.execute(sa.insert(members), new)
            if known := [_keyed(row) for row in rows if row["id"] in there]:
                connection.execute(_UPDATE, known)
            if place is not None and now is not None:
                _move(connection, name, place, now)

    def pieces(self, list_id: str, size: int, now: datetime) -> list[tuple[str, str]]:
        """Cut the members of whom there is something to tell into pieces: the first and last id of each."""
        found: list[tuple[str, str]] = []
        after = ""
        while True:
            with self._database.begin() as connection:
                ids = connection.scalars(
                    sa.select(members.c.id)
                    .where(*_due(list_id, now), members.c.id > after)
                    .order_by(members.c.id)
                    .limit(size)
                ).all()
            if not ids:
                return found
            found.append((ids[0], ids[-1]))
            after = ids[-1]

    def due(self, list_id: str, first: str, last: str, now: datetime) -> list[Mapping[str, Any]]:
        """Give the members of a piece of whom there is something to tell."""
        with self._database.begin() as connection:
            query = sa.select(members).where(*_due(list_id, now), members.c.id.between(first, last))
            return [dict(row) for row in connection.execute(query.order_by(members.c.id)).mappings()]

    def answers(self, list_id: str) -> Iterator[list[Found]]:
        """Give, in pieces, what members last answered to whom it makes a difference."""
        after = ""
        while True:
            with self._database.begin() as connection:
                found = [
                    Found(row.id, row.given, row.at)
                    for row in connection.execute(_answered(list_id, after).limit(_AT_ONCE))
                ]
            if not found:
                return
            yield found
            after = found[-1].id

    def count(self, list_id: str) -> dict[str, int]:
        """Count members by their status; those who are not there yet under the empty one."""
        with self._database.begin() as connection:
            query = sa.select(members.c.status, sa.func.count()).where(members.c.list_id == list_id)
            return {row[0]: row[1] for row in connection.execute(query.group_by(members.c.status))}


def _due(list_id: str, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    ready = members.c.not_before.is_(None) | (members.c.not_before <= now)
    return members.c.list_id == list_id, members.c.task != "", ready


def _answered(list_id: str, after: str) -> sa.Select[tuple[str, bool, datetime]]:
    """Find the last answer of members who are known as contacts; of two at the same time the no counts."""
    later = consents.alias()
    newer = (later.c.at > consents.c.at) | ((later.c.at == consents.c.at) & (later.c.given < consents.c.given))
    last = ~sa.exists().where(later.c.contact_id == consents.c.contact_id, later.c.channel == "email", newer)
    # A no is told once; a yes matters only to who had said no.
    matters = (~consents.c.given & members.c.withdrawn_at.is_(None)) | (
        consents.c.given & (consents.c.at > members.c.withdrawn_at)
    )
    return (
        sa.select(members.c.id, consents.c.given, consents.c.at)
        .join(contacts, contacts.c.email == sa.func.lower(members.c.email))
        .join(consents, (consents.c.contact_id == contacts.c.id) & (consents.c.channel == "email"))
        .where(members.c.list_id == list_id, members.c.id > after, last, matters)
        .order_by(members.c.id)
    )


def _keyed(row: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(row)
    return {"key_list": told.pop("list_id"), "key_id": told.pop("id"), **told}


def _rows(
    connection: sa.Connection, list_id: str, ids: Sequence[str], *, lock: bool = False
) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        query = sa.select(members).where(members.c.list_id == list_id, members.c.id.in_(ids[start : start + _AT_ONCE]))
        query = query.order_by(members.c.id)
        found |= {
            row["id"]: dict(row) for row in connection.execute(query.with_for_update() if lock else query).mappings()
        }
    return found


def _move(connection: sa.Connection, name: str, place: Place, now: datetime) -> None:
    row = {"since": place.since, "offset": place.offset, "anchor": place.anchor, "updated_at": now}
    if place.version == 0:
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(positions).values(name=name, version=1, **row))
        except sa.exc.IntegrityError:
            raise Transient(f"{name} is read by somebody else at the same time") from None
        return
    key = (positions.c.name == name) & (positions.c.version == place.version)
    done = connection.execute(sa.update(positions).where(key).values(version=place.version + 1, **row))
    if done.rowcount != 1:
        raise Transient(f"{name} is read by somebody else at the same time")


def _take_turn(connection: sa.Connection) -> None:
    # In SQLite a transaction that has read cannot always write.
    if connection.dialect.name == "sqlite":
        connection.execute(sa.update(positions).where(positions.c.name == "").values(anchor=""))
