"""A CRM of the small protocol of docs/crm.md, on the loopback address."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from pipeline.testing.simulated_api import Answer, Request, SimulatedApi

_CONTACT = re.compile(r"/contacts/(?P<email>.+@[^/]+)")
_ACTIVITIES = re.compile(r"/contacts/(?P<id>[^/]+)/activities")
_FIELDS = frozenset({"name", "phone", "company", "extra"})


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SimulatedCrm(SimulatedApi):
    """Contacts by address, activities by key; a key that comes again with other words is refused."""

    hidden: ClassVar[frozenset[str]] = frozenset({"token"})

    def __init__(
        self,
        seed: int = 0,
        *,
        clock: Callable[[], datetime] = _utc_now,
        token: str = "simulated",  # noqa: S107 - opens this simulator
    ) -> None:
        super().__init__(seed, clock=clock)
        self.token = token
        #: By id: ``email``, what was said of it, ``changed_at``.
        self.contacts: dict[str, dict[str, Any]] = {}
        #: By id: ``contact``, ``key``, and the activity as it was said.
        self.activities: dict[str, dict[str, Any]] = {}
        self._emails: dict[str, str] = {}
        self._keys: dict[tuple[str, str], str] = {}

    def answer(self, request: Request) -> Answer:
        """Answer by the protocol."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "unauthorized", "this token is not known")
        said = request.json if isinstance(request.json, dict) else {}
        if request.method == "GET" and request.path == "/contacts":
            return self._changed(request)
        if request.method == "PUT" and (found := _CONTACT.fullmatch(request.path)):
            return self._put(found["email"].lower(), said)
        if found := _ACTIVITIES.fullmatch(request.path):
            return self._activity(found["id"], request, said)
        return _error(404, "not_found", "there is nothing here")

    def by_email(self, email: str) -> str | None:
        """Give the id of the contact of an address."""
        return self._emails.get(email.lower())

    def _put(self, email: str, said: dict[str, Any]) -> Answer:
        unknown = sorted(set(said) - _FIELDS)
        if unknown:
            return _error(422, "unknown_field", f"{unknown[0]} is not known", unknown[0])
        known = self.by_email(email)
        id_ = known or f"c{len(self.contacts) + 1}"
        self._emails[email] = id_
        self.contacts[id_] = {**self.contacts.get(id_, {}), "email": email, **said, "changed_at": self.now()}
        return (200 if known else 201), {}, {"id": id_}

    def _activity(self, contact: str, request: Request, said: dict[str, Any]) -> Answer:
        if contact not in self.contacts:
            return _error(404, "not_found", "there is no such contact")
        if request.method == "POST":
            return self._note(contact, request.headers.get("idempotency-key", ""), said)
        known = self._keys.get((contact, request.params.get("key", "")))
        return (200, {}, {"id": known}) if known else _error(404, "not_found", "there is no such activity")

    def _note(self, contact: str, key: str, said: dict[str, Any]) -> Answer:
        if not key:
            return _error(400, "no_key", "the header Idempotency-Key is missing")
        known = self._keys.get((contact, key))
        if known:
            same = {name: value for name, value in self.activities[known].items() if name not in {"contact", "key"}}
            return (
                (200, {}, {"id": known}) if same == said else _error(409, "other_words", "the key stands for another")
            )
        id_ = self._keys[contact, key] = f"a{len(self.activities) + 1}"
        self.activities[id_] = {**said, "contact": contact, "key": key}
        return 201, {}, {"id": id_}

    def _changed(self, request: Request) -> Answer:
        since, limit = datetime.fromisoformat(request.params["changed_since"]), int(request.params.get("limit", 100))
        read = request.params.get("cursor", "")
        # The cursor is the last change that was read: what changes meanwhile comes behind it.
        rows = sorted((f"{one['changed_at'].isoformat()} {id_}", id_) for id_, one in self.contacts.items())
        left = [row for row in rows if row[0] > read and self.contacts[row[1]]["changed_at"] >= since]
        page = [
            {"id": id_, **self.contacts[id_], "changed_at": self.contacts[id_]["changed_at"].isoformat()}
            for _, id_ in left[:limit]
        ]
        return 200, {}, {"contacts": page, "next": left[limit - 1][0] if len(left) > limit else None}


def _error(status: int, code: str, message: str, field: str = "") -> Answer:
    return status, {}, {"error": {"code": code, "message": message, "field": field}}
