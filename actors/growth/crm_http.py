"""Any CRM that speaks the small protocol of docs/crm.md: JSON over HTTP, keys that make a repetition harmless."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import orjson

from actors.growth.crm import Changes, CrmActivity, CrmContact, CrmRecord, Upserted
from actors.growth.crm_settings import CrmSettings
from actors.growth.wire import Reply, Wire
from pipeline.errors import AuthFailed, Failure, InvalidInput, Transient

_MOST = 1000
_GONE = 404


class HttpCrm:
    """One such CRM."""

    def __init__(self, settings: CrmSettings) -> None:
        self._wire = Wire("CRM", settings.base_url, headers=settings.authorization, explain=explain)

    def upsert_contact(self, contact: CrmContact) -> str:
        """``PUT /contacts/{email}``: create or change."""
        told = {name: value for name, value in contact.model_dump(exclude={"email"}).items() if value}
        return _id(self._wire.call("PUT", f"/contacts/{quote(contact.email, safe='@')}", json=told))

    def upsert_contacts(self, contacts: Sequence[CrmContact]) -> Upserted:
        """Do so for each; of an address that comes twice the last one counts."""
        ids: dict[str, str] = {}
        refused: dict[str, str] = {}
        for contact in {one.email: one for one in contacts}.values():
            try:
                ids[contact.email] = self.upsert_contact(contact)
            except InvalidInput as error:
                refused[contact.email] = str(error)
        return Upserted(ids=ids, refused=refused)

    def add_activity(self, contact_id: str, activity: CrmActivity, key: str) -> str:
        """``POST /contacts/{id}/activities`` with ``Idempotency-Key``: a repetition gives the first one's id."""
        told = activity.model_dump(mode="json", exclude={"at"}) | {"at": _utc(activity.at)}
        return _id(self._wire.call("POST", _activities(contact_id), json=told, headers={"Idempotency-Key": key}))

    def find_activity(self, contact_id: str, key: str) -> str | None:
        """``GET /contacts/{id}/activities?key=``: the activity of a key, 404 if there is none."""
        reply = self._wire.call("GET", _activities(contact_id), params={"key": key}, ok=(_GONE,))
        return None if reply.status == _GONE else _id(reply)

    def contacts_changed(self, since: datetime, cursor: str | None = None, limit: int = 100) -> Changes:
        """``GET /contacts?changed_since=&cursor=&limit=``: oldest change first, ``next`` while there are more."""
        params = {"changed_since": _utc(since), "limit": str(min(limit, _MOST))}
        page = self._wire.call("GET", "/contacts", params=params | ({"cursor": cursor} if cursor else {})).json()
        try:
            contacts = tuple(CrmRecord.model_validate(one) for one in page["contacts"])
            return Changes(contacts=contacts, cursor=page.get("next") or None)
        except (KeyError, TypeError, AttributeError) as error:
            raise Transient(f"the CRM answered no page of contacts: {error!r}") from error


def explain(reply: Reply) -> Failure | None:
    """Give the failure that an answer stands for; none where the status alone says enough."""
    try:
        said = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        said = {}
    error: dict[str, Any] = said.get("error", {}) if isinstance(said, dict) else {}
    message = f"CRM: {str(error.get('message') or reply.status)[:500]}" if isinstance(error, dict) else "CRM"
    failure: Failure | None = None
    if reply.status in (401, 403):
        failure = AuthFailed(message)
    elif reply.status in (400, 409, 422):
        failure = InvalidInput(message, field=str(error.get("field") or "") or None)
    if failure is not None:
        failure.status, failure.code = reply.status, str(error.get("code", ""))
    return failure


def _activities(contact_id: str) -> str:
    return f"/contacts/{quote(contact_id, safe='')}/activities"


def _id(reply: Reply) -> str:
    said = reply.json()
    if not isinstance(said, dict) or not said.get("id"):
        raise Transient("the CRM answered without an id")
    return str(said["id"])


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
