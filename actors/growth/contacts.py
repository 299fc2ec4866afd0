"""Contacts: the people one writes to, what they allowed, and what became of what was sent to them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from actors.growth.lead import Channel, Lead
from pipeline import InvalidInput
from pipeline.database import Database, get_database

if TYPE_CHECKING:
    from actors.growth.stores.contacts import ContactRows

#: Every channel that a person may allow.
CHANNELS: tuple[Channel, ...] = get_args(Channel)

_LONGEST = 255


class Contact(BaseModel):
    """A person, as known so far; empty is what is not known."""

    model_config = ConfigDict(frozen=True)

    id: str
    email: str = ""
    phone: str = ""
    external_id: str = ""
    name: str = ""
    timezone: str = ""
    locale: str = ""
    source: str = ""
    tags: tuple[str, ...] = ()
    created_at: datetime


class Answer(BaseModel):
    """What a person said about being written to: when, and where or why."""

    model_config = ConfigDict(frozen=True)

    channel: Channel
    given: bool
    at: datetime
    place: str


class Delivery(BaseModel):
    """What became of a message, by the one who carried it."""

    model_config = ConfigDict(frozen=True)

    message_id: str
    status: str
    at: datetime


class Contacts:
    """The people in a database, by default this process's."""

    def __init__(self, database: Database | None = None) -> None:
        self._database = database

    def find(self, *, email: str = "", phone: str = "", id: str = "", external_id: str = "") -> Contact | None:  # noqa: A002 - a word people write
        """Give a person by any of these; none if nobody is known by it."""
        names = {"id": id, "external_key": _key(external_id), "email": email.strip().lower(), "phone": phone.strip()}
        found = self._rows.find(**{name: value for name, value in names.items() if value})
        return None if found is None else _contact(found)

    def save(self, lead: Lead, now: datetime) -> Contact:
        """Keep a person once, whoever tells of them how often, and note what they answered.

        They are known by external id, address or phone, the first that fits. An answer dated later than ``now`` counts
        as of now.
        """
        row = {
            "email": lead.email or None,
            "phone": lead.phone or None,
            "external_key": _key(lead.external_id) or None,
            "external_id": lead.external_id or None,
            **{name: getattr(lead, name) for name in ("name", "timezone", "locale", "source")},
            "tags": list(lead.tags),
        }
        answers = [
            {"channel": channel, "given": one.given, "at": min(one.at.astimezone(UTC), now), "place": one.where}
            for channel, one in lead.consent.items()
        ]
        first = lead.external_id or lead.email or lead.phone
        contact_id = hashlib.blake2b(f"{first}/{now.isoformat()}".encode(), digest_size=12).hexdigest()
        return _contact(self._rows.save(contact_id, row, answers, now))

    def withdraw(
        self,
        channel: Channel | Literal["all"],
        *,
        email: str = "",
        phone: str = "",
        id: str = "",  # noqa: A002 - a word people write
        why: str,
        at: datetime,
    ) -> bool:
        """Take consent back; only a newer explicit consent gives it again.

        True if it was news; false for somebody who is not known, and when it is told again.
        """
        found = self.find(email=email, phone=phone, id=id)
        if found is None:
            return False
        channels = CHANNELS if channel == "all" else (channel,)
        told = [{"channel": one, "given": False, "at": at.astimezone(UTC), "place": why[:_LONGEST]} for one in channels]
        return self._rows.note(found.id, told, at)

    def give(self, contact_id: str, channel: Channel, *, where: str, at: datetime) -> bool:
        """Note a consent that was given elsewhere than with a lead; true if it was news."""
        told = {"channel": channel, "given": True, "at": at.astimezone(UTC), "place": where[:_LONGEST]}
        return self._rows.note(contact_id, [told], at)

    def may_message(self, contact_id: str, channel: Channel) -> bool:
        """Tell whether the last thing a person answered for a channel was yes."""
        return self._rows.allowed(contact_id, channel)

    def history(self, contact_id: str) -> list[Answer]:
        """Give everything a person ever answered, the oldest first."""
        return [Answer.model_validate(row) for row in self._rows.consents(contact_id)]

    def note_delivery(self, message_id: str, status: str, at: datetime) -> None:
        """Note what became of a message; it may be told more than once, and before the message's id is known here."""
        self._rows.note_delivery(message_id, status, at)

    def deliveries(self, *message_ids: str) -> list[Delivery]:
        """Give what became of messages, the oldest first."""
        return [Delivery.model_validate(row) for row in self._rows.deliveries(message_ids)] if message_ids else []

    @property
    def _rows(self) -> ContactRows:
        from actors.growth.stores.contacts import ContactRows

        return ContactRows(self._database or get_database())


def person(text: str, contacts: Contacts) -> Contact:
    """Give the person that an id, an address, a phone number or an external id means; raises ``InvalidInput``."""
    found = contacts.find(id=text) or contacts.find(email=text, phone=text, external_id=text)
    if found is None:
        raise InvalidInput(f"Nobody is known as {text!r}: give an id, an address, a phone number or an external id.")
    return found


def _contact(row: Mapping[str, Any]) -> Contact:
    return Contact.model_validate(
        {name: row[name] or "" for name in Contact.model_fields if name != "tags"} | {"tags": row["tags"]}
    )


def _key(external_id: str) -> str:
    return hashlib.sha256(external_id.encode()).hexdigest() if external_id else ""
