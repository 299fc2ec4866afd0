"""HubSpot as a CRM: contacts by address in batches, notes that carry our key."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from actors.growth.crm import Changes, CrmActivity, CrmContact, CrmRecord, Upserted, utc_now
from actors.growth.crm_settings import CrmSettings
from actors.growth.hubspot_cursor import Place
from actors.growth.hubspot_errors import explain
from actors.growth.wire import Wire
from pipeline.errors import InvalidInput, Transient

T = TypeVar("T")

#: The most inputs of a batch, and contacts of a page.
BATCH = 100

#: How far back the first page of changes reaches beyond what was asked: a change is found by search only after a while.
OVERLAP = timedelta(minutes=2)

#: The kind of association from a note to a contact that HubSpot itself defines.
NOTE_TO_CONTACT = 202

_FIELDS = ("email", "firstname", "lastname", "phone", "company", "lastmodifieddate")
_NO_NOTES = "NO_ASSOCIATIONS_FOUND"


class HubSpot:
    """One HubSpot account, through the token of a private app."""

    def __init__(self, settings: CrmSettings, *, now: Callable[[], datetime] = utc_now) -> None:
        zone = ZoneInfo(settings.timezone)
        self._wire = Wire(
            "HubSpot",
            settings.base_url,
            headers=settings.authorization,
            explain=lambda reply: explain(reply, now, zone),
        )
        self._objects = f"/crm/objects/{settings.version}"
        self._associations = f"/crm/associations/{settings.version}"
        self._key = settings.key_property

    def upsert_contact(self, contact: CrmContact) -> str:
        """Create or change the contact of an address; raises ``InvalidInput`` if HubSpot refuses what it says."""
        found = self.upsert_contacts([contact])
        if contact.email in found.refused:
            raise InvalidInput(f"HubSpot refuses the contact: {found.refused[contact.email]}", field="contact")
        return found.ids[contact.email]

    def upsert_contacts(self, contacts: Sequence[CrmContact]) -> Upserted:
        """Do so for many, a hundred a call; of an address that comes twice the last one counts."""
        wanted = list({contact.email: contact for contact in contacts}.values())
        ids: dict[str, str] = {}
        refused: dict[str, str] = {}
        for batch in _batches(wanted):
            self._upsert(batch, ids, refused)
        return Upserted(ids=ids, refused=refused)

    def add_activity(self, contact_id: str, activity: CrmActivity, key: str) -> str:
        """Note an activity at a contact, in one call."""
        made = self._wire.call(
            "POST",
            f"{self._objects}/notes",
            json={
                "properties": {
                    "hs_timestamp": _stamp(activity.at),
                    "hs_note_body": _body(activity),
                    self._key: key,
                },
                "associations": [
                    {
                        "to": {"id": contact_id},
                        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TO_CONTACT}],
                    }
                ],
            },
        ).json()
        return str(made["id"])

    def find_activity(self, contact_id: str, key: str) -> str | None:
        """Look through the contact's notes for the one with our key.

        Not by search: that finds a note some time after it was made, and would tell a note that is there as missing.
        """
        for ids in _batches(self._notes_of(contact_id)):
            read = self._wire.call(
                "POST",
                f"{self._objects}/notes/batch/read",
                json={"properties": [self._key], "inputs": [{"id": one} for one in ids]},
            ).json()
            for note in read.get("results", ()):
                if note.get("properties", {}).get(self._key) == key:
                    return str(note["id"])
        return None

    def contacts_changed(self, since: datetime, cursor: str | None = None, limit: int = BATCH) -> Changes:
        """Give a page of changed contacts by search, which knows a change only after a while (see ``OVERLAP``)."""
        place = Place.start(since - OVERLAP) if cursor is None else Place.read(cursor)
        found = self._wire.call(
            "POST",
            f"{self._objects}/contacts/search",
            json=place.asked() | {"properties": list(_FIELDS), "limit": min(limit, BATCH)},
        ).json()
        contacts = tuple(_record(one) for one in found["results"])
        more = bool((found.get("paging") or {}).get("next"))
        further = place.further([(one.changed_at, one.id) for one in contacts], more=more)
        return Changes(contacts=contacts, cursor=None if further is None else further.write())

    def _upsert(self, batch: Sequence[CrmContact], ids: dict[str, str], refused: dict[str, str]) -> None:
        inputs = [{"id": one.email, "idProperty": "email", "properties": _properties(one)} for one in batch]
        try:
            done = self._wire.call("POST", f"{self._objects}/contacts/batch/upsert", json={"inputs": inputs}).json()
        except InvalidInput as error:
            # One input that is wrong has the whole batch refused: it is found by halves, and the others get through.
            if len(batch) == 1:
                refused[batch[0].email] = str(error)
                return
            middle = len(batch) // 2
            self._upsert(batch[:middle], ids, refused)
            self._upsert(batch[middle:], ids, refused)
            return
        for one in done.get("results", ()):
            email = str(one.get("properties", {}).get("email", "")).lower()
            ids[email] = str(one["id"])
        _note_refused(done, refused)
        missing = [one for one in batch if one.email not in ids and one.email not in refused]
        if (
            len(batch) > 1
        ):  # a contact that was merged answers under another address: alone it is known whose answer it is
            for one in missing:
                self._upsert([one], ids, refused)
        elif missing:
            if not done.get("results"):
                raise Transient("HubSpot says nothing of a contact that it was to keep")
            ids[missing[0].email] = str(done["results"][0]["id"])

    def _notes_of(self, contact_id: str) -> Iterator[str]:
        asked: dict[str, str] = {"id": contact_id}
        while True:
            read = self._wire.call(
                "POST", f"{self._associations}/contacts/notes/batch/read", json={"inputs": [asked]}
            ).json()
            for error in read.get("errors") or ():
                if _NO_NOTES not in str(error.get("subCategory", "")):
                    raise Transient(f"HubSpot does not tell the notes of a contact: {error.get('message', '')}")
            after = None
            for one in read.get("results", ()):
                yield from (str(to["toObjectId"]) for to in one["to"])
                after = ((one.get("paging") or {}).get("next") or {}).get("after")
            if after is None:
                return
            asked = {"id": contact_id, "after": str(after)}


def _properties(contact: CrmContact) -> dict[str, str]:
    first, _, last = contact.name.partition(" ")
    told = {"firstname": first, "lastname": last.strip(), "phone": contact.phone, "company": contact.company}
    return {"email": contact.email, **{name: value for name, value in told.items() if value}, **contact.extra}


def _body(activity: CrmActivity) -> str:
    # HubSpot shows a note as HTML; what comes from outside is text.
    head = f"<strong>{html.escape(activity.title, quote=False)}</strong><br>" if activity.title else ""
    text = html.escape(activity.text, quote=False).replace("\n", "<br>")
    return head + text or html.escape(activity.kind, quote=False)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _record(found: dict[str, Any]) -> CrmRecord:
    told = {name: value or "" for name, value in found.get("properties", {}).items()}
    return CrmRecord(
        id=str(found["id"]),
        email=told.get("email", ""),
        changed_at=datetime.fromisoformat(told.get("lastmodifieddate") or found["updatedAt"]),
        name=f"{told.get('firstname', '')} {told.get('lastname', '')}".strip(),
        phone=told.get("phone", ""),
        company=told.get("company", ""),
    )


def _note_refused(done: dict[str, Any], refused: dict[str, str]) -> None:
    for error in done.get("errors") or ():
        context = error.get("context") or {}
        for name in ("id", "ids"):
            told = context.get(name) or ()
            for one in [told] if isinstance(told, str) else told:
                refused[str(one).lower()] = str(error.get("message", "refused"))[:500]
