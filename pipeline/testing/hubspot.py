"""A HubSpot account on the loopback address: contacts, notes, associations and search, as documented."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pipeline.testing.hubspot_limits import HubSpotLimits
from pipeline.testing.hubspot_objects import Objects
from pipeline.testing.simulated_api import Answer, Request, SimulatedApi

#: The most inputs of a batch.
BATCH = 100

_PATH = re.compile(r"/crm/(?:objects|v3/objects|associations)/?(?P<version>[\d-]*)/(?P<rest>.+)")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}")
_CONTACT = frozenset({"email", "firstname", "lastname", "phone", "company", "lifecyclestage", "hs_lead_status"})
_NOTE = frozenset({"hs_timestamp", "hs_note_body", "hubspot_owner_id", "hs_attachment_ids"})
_NOTE_TO_CONTACT = 202


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SimulatedHubSpot(SimulatedApi):
    """One account. What was made or changed is found by search only after ``index_delay``; all else knows it at once.

    ``burst`` calls in ten seconds, ``searches`` a second and ``daily`` calls until midnight in ``timezone`` are
    answered (None: as many as come); ``notes_page`` associations come in one page. ``note_properties`` are the
    account's own properties of notes.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"token"})

    def __init__(
        self,
        seed: int = 0,
        *,
        clock: Callable[[], datetime] = _utc_now,
        token: str = "pat-na1-simulated",  # noqa: S107 - opens this simulator
        index_delay: timedelta = timedelta(seconds=10),
        burst: int | None = 100,
        searches: int | None = 5,
        daily: int | None = 250_000,
        timezone: str = "UTC",
        notes_page: int = 500,
        note_properties: frozenset[str] = frozenset({"dramaturg_key"}),
    ) -> None:
        super().__init__(seed, clock=clock)
        self.token = token
        self.contacts = Objects(clock, index_delay, first=101)
        self.notes = Objects(clock, index_delay, first=50_001)
        #: Ids of the notes of each contact, in the order of their making.
        self.notes_of: dict[str, list[str]] = {}
        #: Contacts that were merged away: their address -> the id that stands for them.
        self.merged: dict[str, str] = {}
        self._emails: dict[str, str] = {}
        self._limits = HubSpotLimits(clock, burst=burst, searches=searches, daily=daily, timezone=timezone)
        self._notes_page = notes_page
        self._note_properties = _NOTE | note_properties

    def answer(self, request: Request) -> Answer:
        """Answer as the account does."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return self._error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        search = request.path.endswith("/search")
        refused = self._limits.count(search=search)
        status, headers, body = refused or self._routed(request)
        return status, {**headers, **({} if search else self._limits.headers())}, body

    def by_email(self, email: str) -> str | None:
        """Give the id of the contact of an address."""
        return self.merged.get(email.lower()) or self._emails.get(email.lower())

    def _routed(self, request: Request) -> Answer:
        found = _PATH.fullmatch(request.path)
        route = f"{request.method} {found['rest']}" if found else ""
        said = request.json if isinstance(request.json, dict) else {}
        routes: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "POST contacts/batch/upsert": self._upsert,
            "POST notes": self._note,
            "POST notes/batch/read": self._read,
            "POST contacts/notes/batch/read": self._associated,
            "POST contacts/search": lambda said: self._search(self.contacts, said),
            "POST notes/search": lambda said: self._search(self.notes, said),
        }
        if route not in routes:
            return self._error(404, "OBJECT_NOT_FOUND", "resource not found")
        return routes[route](said)

    def _upsert(self, said: dict[str, Any]) -> Answer:
        inputs = said.get("inputs") or []
        ids = [str(one.get("id", "")).lower() for one in inputs]
        if len(inputs) > BATCH:
            return self._error(400, "VALIDATION_ERROR", f"The maximum number of inputs is {BATCH}")
        if len(set(ids)) < len(ids):
            return self._error(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input")
        for one in inputs:
            if one.get("idProperty") != "email":
                return self._error(400, "VALIDATION_ERROR", "idProperty must be a unique property", "idProperty")
            unknown = sorted(set(one.get("properties", {})) - _CONTACT)
            if unknown:
                return self._no_property(unknown[0])
        results, errors = [], []
        for email, one in zip(ids, inputs, strict=True):
            if not _EMAIL.fullmatch(email):
                errors.append(_item_error(email, f"Email address {email} is invalid"))
                continue
            before = self.by_email(email)
            told = {"email": email, **{name: str(value) for name, value in one.get("properties", {}).items()}}
            told["email"] = email if before is None or email not in self.merged else self.contacts[before]["email"]
            made = self._emails[told["email"]] = self.contacts.put(before, told)
            results.append(self.contacts.shown(made) | {"new": before is None})
        return (207 if errors else 200), {}, self._batch(results, errors)

    def _note(self, said: dict[str, Any]) -> Answer:
        properties = said.get("properties") or {}
        unknown = sorted(set(properties) - self._note_properties)
        if unknown:
            return self._no_property(unknown[0])
        if not properties.get("hs_timestamp"):
            return self._error(400, "VALIDATION_ERROR", "hs_timestamp is required", "hs_timestamp")
        contacts = []
        for link in said.get("associations") or []:
            kinds = [kind.get("associationTypeId") for kind in link.get("types", ())]
            if kinds != [_NOTE_TO_CONTACT] or link["to"]["id"] not in self.contacts:
                return self._error(400, "VALIDATION_ERROR", f"No contact with ID {link['to']['id']} exists")
            contacts.append(link["to"]["id"])
        made = self.notes.put(None, {name: str(value) for name, value in properties.items()})
        for contact in contacts:
            self.notes_of.setdefault(contact, []).append(made)
        return 201, {}, self.notes.shown(made)

    def _read(self, said: dict[str, Any]) -> Answer:
        objects = self.notes
        inputs = said.get("inputs") or []
        if len(inputs) > BATCH:
            return self._error(400, "VALIDATION_ERROR", f"The maximum number of inputs is {BATCH}")
        ids = [str(one["id"]) for one in inputs]
        errors = [
            _item_error(one, "Could not get some objects", "OBJECT_NOT_FOUND") for one in ids if one not in objects
        ]
        results = [objects.shown(one, said.get("properties")) for one in ids if one in objects]
        return (207 if errors else 200), {}, self._batch(results, errors)

    def _associated(self, said: dict[str, Any]) -> Answer:
        results, errors = [], []
        for one in said.get("inputs") or []:
            notes = self.notes_of.get(one["id"], [])
            if not notes:
                told = _item_error(one["id"], f"No note is associated with contact {one['id']}.", "OBJECT_NOT_FOUND")
                errors.append(told | {"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"})
                continue
            start = int(one.get("after", 0))
            page = notes[start : start + self._notes_page]
            kind = {"category": "HUBSPOT_DEFINED", "typeId": 201, "label": None}
            found: dict[str, Any] = {
                "from": {"id": one["id"]},
                "to": [{"toObjectId": note, "associationTypes": [kind]} for note in page],
            }
            if start + len(page) < len(notes):
                found["paging"] = {"next": {"after": str(start + len(page))}}
            results.append(found)
        return (207 if errors else 200), {}, self._batch(results, errors)

    def _search(self, objects: Objects, said: dict[str, Any]) -> Answer:
        start, limit = int(said.get("after", 0)), int(said.get("limit", 10))
        if start + limit > 10_000 or limit > 200:  # noqa: PLR2004 - as documented
            return self._error(400, "VALIDATION_ERROR", "There was a problem with the request: paging")
        found = objects.searched(said)
        page = [objects.as_indexed(one, said.get("properties")) for one in found[start : start + limit]]
        body: dict[str, Any] = {"total": len(found), "results": page}
        if start + limit < len(found):
            body["paging"] = {"next": {"after": str(start + limit)}}
        return 200, {}, body

    def _batch(self, results: list[Any], errors: list[Any]) -> dict[str, Any]:
        now = self.now().isoformat().replace("+00:00", "Z")
        body = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
        return body | ({"numErrors": len(errors), "errors": errors} if errors else {})

    def _no_property(self, name: str) -> Answer:
        told = f'Property values were not valid: Property "{name}" does not exist'
        return self._error(400, "VALIDATION_ERROR", told, name, "PROPERTY_DOESNT_EXIST")

    def _error(self, status: int, category: str, message: str, field: str = "", code: str = "") -> Answer:
        body: dict[str, Any] = {"status": "error", "message": message, "category": category}
        body["correlationId"] = f"00000000-0000-4000-8000-{len(self.calls):012d}"
        if field:
            body["errors"] = [{"message": message, "code": code, "context": {"propertyName": [field]}}]
        return status, {}, body


def _item_error(id_: str, message: str, category: str = "VALIDATION_ERROR") -> dict[str, Any]:
    return {"status": "error", "category": category, "message": message, "context": {"ids": [id_]}}
