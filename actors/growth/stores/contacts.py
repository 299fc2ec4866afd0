"""People in SQL: found by any of their names, kept once, with all they ever allowed or took back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from actors.growth.tables.contacts import consents, contacts, deliveries
from pipeline.database import Conflict, Database

#: By what a person is known, the surest first.
NAMES = ("external_key", "email", "phone")

#: How often a person is looked for whom another process writes at the same moment.
_TRIES = 20


# What is asked again and again is put together once.
_BY = {name: sa.select(contacts).where(contacts.c[name] == sa.bindparam("value")) for name in ("id", *NAMES)}
_LAST_ANSWER = (
    sa.select(consents.c.given)
    .where(consents.c.contact_id == sa.bindparam("contact"), consents.c.channel == sa.bindparam("of"))
    .order_by(consents.c.at.desc(), consents.c.given)
    .limit(1)
)
_NOBODY = sa.update(contacts).where(contacts.c.id == "").values(name="")


class ContactRows:
    """Reads and writes people, their consent, and what became of messages to them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, **names: str) -> Mapping[str, Any] | None:
        """Give a person by ``id``, ``email``, ``phone`` or ``external_key``: by the first that fits one."""
        with self._database.begin() as connection:
            return _find(connection, names)

    def save(
        self, contact_id: str, row: Mapping[str, Any], answers: Sequence[Mapping[str, Any]], now: datetime
    ) -> Mapping[str, Any]:
        """Write a person who may be there already, with their ``answers`` about being written to.

        Who is known by one of the names keeps the others they have; what they had not told is added, and what may
        change (``name`` and the like) is replaced where it is told anew.
        """
        names = {name: row[name] for name in NAMES if row.get(name)}
        tries = 0
        while True:
            tries += 1
            try:
                with self._database.begin() as connection:
                    begin_to_write(connection)
                    found = _find(connection, names)
                    kept = (
                        _add(connection, contact_id, row, now) if found is None else _mend(connection, found, row, now)
                    )
                    for answer in answers:
                        _note(connection, kept["id"], answer)
                    return kept
            except (sa.exc.IntegrityError, Conflict):  # somebody writes the same person at the same time
                if tries == _TRIES:
                    raise

    def note(self, contact_id: str, answers: Sequence[Mapping[str, Any]], now: datetime) -> bool:
        """Write down answers about being written to; gives whether one of them was new."""
        with self._database.begin() as connection:
            connection.execute(sa.update(contacts).where(contacts.c.id == contact_id).values(updated_at=now))
            news = [_note(connection, contact_id, answer) for answer in answers]
        return any(news)

    def consents(self, contact_id: str) -> list[Mapping[str, Any]]:
        """Give every answer of a person, the oldest first."""
        with self._database.begin() as connection:
            found = connection.execute(
                sa.select(consents).where(consents.c.contact_id == contact_id).order_by(consents.c.at, consents.c.given)
            )
            return [dict(row) for row in found.mappings()]

    def allowed(self, contact_id: str, channel: str) -> bool:
        """Tell whether a person's last answer for a channel was yes."""
        with self._database.begin() as connection:
            return allowed(connection, contact_id, channel)

    def note_delivery(self, message_id: str, status: str, at: datetime) -> None:
        """Write down what became of a message; a status that is there already stays as it is."""
        row = {"message_id": message_id, "status": status, "at": at}
        try:
            with self._database.begin() as connection:
                connection.execute(sa.insert(deliveries).values(**row))
        except sa.exc.IntegrityError:
            return  # told twice

    def deliveries(self, message_ids: Sequence[str]) -> list[Mapping[str, Any]]:
        """Give what became of messages, the oldest first."""
        with self._database.begin() as connection:
            found = connection.execute(
                sa.select(deliveries).where(deliveries.c.message_id.in_(message_ids)).order_by(deliveries.c.at)
            )
            return [dict(row) for row in found.mappings()]


def begin_to_write(connection: sa.Connection) -> None:
    """Wait for one's turn to write: in SQLite, a transaction that has read cannot always write."""
    if connection.dialect.name == "sqlite":
        connection.execute(_NOBODY)


def allowed(connection: sa.Connection, contact_id: str, channel: str) -> bool:
    """Tell within a transaction whether the last answer for a channel was yes; of two at once, no counts."""
    last = connection.execute(_LAST_ANSWER, {"contact": contact_id, "of": channel}).scalar_one_or_none()
    return bool(last)


def _find(connection: sa.Connection, names: Mapping[str, str]) -> Mapping[str, Any] | None:
    for name, value in names.items():
        found = connection.execute(_BY[name], {"value": value}).mappings().one_or_none()
        if found is not None:
            return dict(found)
    return None


def _add(connection: sa.Connection, contact_id: str, row: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    whole = {**row, "id": contact_id, "created_at": now, "updated_at": now}
    connection.execute(sa.insert(contacts).values(**whole))
    return whole


def _mend(
    connection: sa.Connection, found: Mapping[str, Any], row: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    told = {name: value for name, value in row.items() if value and name not in {*NAMES, "external_id", "tags"}}
    for name in NAMES:
        value = row.get(name)
        if value and not found[name] and _find(connection, {name: value}) is None:
            told[name] = value
            if name == "external_key":
                told["external_id"] = row["external_id"]
    told["tags"] = list(dict.fromkeys([*found["tags"], *row["tags"]]))
    changed = {name: value for name, value in told.items() if found[name] != value}
    if changed:
        changed["updated_at"] = now
        connection.execute(sa.update(contacts).where(contacts.c.id == found["id"]).values(**changed))
    return {**found, **changed}


def _note(connection: sa.Connection, contact_id: str, answer: Mapping[str, Any]) -> bool:
    at: datetime = answer["at"]
    told = f"{contact_id}/{answer['channel']}/{answer['given']}/{at.timestamp():.6f}"
    key = hashlib.sha256(told.encode()).hexdigest()
    if connection.execute(sa.select(consents.c.id).where(consents.c.id == key)).first() is not None:
        return False
    connection.execute(sa.insert(consents).values(id=key, contact_id=contact_id, **answer))
    return True
