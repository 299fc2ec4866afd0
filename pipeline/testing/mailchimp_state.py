"""The state of a simulated Mailchimp: audiences with their members, and the rules that hold for a member."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{2}/\d{2}/\d{4}")
_LONGEST_TEXT = 255
_STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")

#: What the documentation says of each problem (mailchimp.com/developer/marketing/docs/errors).
TITLES = {
    400: "Invalid Resource",
    401: "API Key Invalid",
    404: "Resource Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
}


class Problem(Exception):  # noqa: N818 - as the documents are called
    """A refusal, as a problem document says it."""

    def __init__(self, status: int, detail: str, *, title: str = "", errors: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.document: dict[str, Any] = {
            "type": "https://mailchimp.com/developer/marketing/docs/errors/",
            "title": title or TITLES[status],
            "status": status,
            "detail": detail,
            "instance": "3b4dcb40-0b6b-4820-bfaa-41267b3826ea",
        }
        if errors:
            self.document["errors"] = [{"field": name, "message": text} for name, text in errors.items()]


@dataclass
class SimulatedMember:
    """A member; ``compliance`` says that only they themselves can sign up again."""

    email: str
    status: str
    last_changed: datetime
    merge_fields: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    compliance: bool = False

    @property
    def id(self) -> str:
        """The MD5 of the address in lower case."""
        return hash_of(self.email)


@dataclass
class Audience:
    """A list: its merge fields by their type, and its members by their id."""

    id: str
    merge_fields: dict[str, str] = field(default_factory=lambda: {"FNAME": "text", "LNAME": "text"})
    members: dict[str, SimulatedMember] = field(default_factory=dict)
    #: Addresses that were deleted for good.
    forgotten: set[str] = field(default_factory=set)
    #: Addresses that signed up to a lot of lists lately.
    throttled: set[str] = field(default_factory=set)
    webhooks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, member_id: str, said: Mapping[str, Any], now: datetime) -> SimulatedMember:
        """Add a member or change one, as ``PUT`` does: ``status_if_new`` is for those who are not there."""
        member = self.members.get(member_id)
        if member is not None and member.status != "archived":
            return self.patch(member_id, said, now)
        email = str(said.get("email_address", ""))
        status = said.get("status") or said.get("status_if_new")
        if status not in _STATUSES:
            raise Problem(400, "Your request did not validate.", errors={"status_if_new": "Data is missing or wrong"})
        if not _EMAIL.fullmatch(email) or hash_of(email) != member_id:
            raise Problem(400, "Please provide a valid email address.")
        if email.lower() in self.forgotten:
            raise Problem(
                400,
                f"{email} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back "
                "on the list.",
                title="Forgotten Email Not Subscribed",
            )
        if email.lower() in self.throttled:
            raise Problem(
                400, f"{email} has signed up to a lot of lists very recently; we're not allowing more signups for now"
            )
        member = SimulatedMember(email, status, now, self._checked(said))
        self.members[member_id] = member
        return member

    def patch(self, member_id: str, said: Mapping[str, Any], now: datetime) -> SimulatedMember:
        """Change a member, as ``PATCH`` does; one that changes nothing is no change."""
        member = self.there(member_id)
        fields = {**member.merge_fields, **self._checked(said)}
        status = said.get("status", member.status)
        if status not in _STATUSES:
            raise Problem(400, "Your request did not validate.", errors={"status": "Data is missing or wrong"})
        if status in {"subscribed", "pending"} and (member.compliance or member.status == "cleaned"):
            raise Problem(
                400,
                f"{member.email} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot "
                "be subscribed.",
                title="Member In Compliance State",
            )
        if (fields, status) != (member.merge_fields, member.status):
            member.merge_fields, member.status, member.last_changed = fields, status, now
        return member

    def there(self, member_id: str) -> SimulatedMember:
        """Give a member who is not archived; raises ``Problem``."""
        member = self.members.get(member_id)
        if member is None or member.status == "archived":
            raise Problem(404, "The requested resource could not be found.")
        return member

    def _checked(self, said: Mapping[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = said.get("merge_fields") or {}
        errors = {
            name: wrong
            for name, value in told.items()
            if name in self.merge_fields and (wrong := _wrong(self.merge_fields[name], value))
        }
        if errors:
            raise Problem(400, "Your merge fields were invalid.", errors=errors)
        return {name: value for name, value in told.items() if name in self.merge_fields}


def hash_of(email: str) -> str:
    """Give the id of a member."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def moment(at: datetime | None) -> str:
    """Spell a moment as Mailchimp does, to the second; none is an empty text."""
    return "" if at is None else at.isoformat(timespec="seconds")


def shown(audience: Audience, member: SimulatedMember) -> dict[str, Any]:
    """Give a member as it is answered."""
    tags = [{"id": place + 1, "name": name} for place, name in enumerate(member.tags)]
    return {
        "id": member.id,
        "email_address": member.email,
        "unique_email_id": member.id[:10],
        "email_type": "html",
        "status": member.status,
        "merge_fields": {**dict.fromkeys(audience.merge_fields, ""), **member.merge_fields},
        "tags_count": len(tags),
        "tags": tags,
        "last_changed": moment(member.last_changed),
        "list_id": audience.id,
    }


def _wrong(kind: str, value: Any) -> str:
    if value == "":
        return ""
    if kind == "number" and not re.fullmatch(r"-?\d+(\.\d+)?", str(value)):
        return "Please enter a number"
    if kind == "date" and not _DATE.fullmatch(str(value)):
        return "Please enter the date"
    if not isinstance(value, str | int | float) or len(str(value)) > _LONGEST_TEXT:
        return f"Please limit this to {_LONGEST_TEXT} characters"
    return ""
