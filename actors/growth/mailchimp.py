"""The marketing interface of Mailchimp: members, tags, campaigns and their results, batches, webhooks."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import orjson
from pydantic import TypeAdapter

from actors.growth.mailchimp_errors import explain
from actors.growth.mailchimp_models import (
    Batch,
    CampaignPage,
    CampaignState,
    Member,
    MemberPage,
    MemberState,
    Operation,
    OperationResult,
    Report,
    Webhook,
    member_id,
)
from actors.growth.mailchimp_settings import MailchimpSettings
from actors.growth.wire import LONGEST_ANSWER, Wire
from pipeline import AuthFailed, Breaker, Limit, Transient

if TYPE_CHECKING:
    from pydantic import SecretStr

#: Mailchimp answers ten calls of an account at the same time, and refuses more; every actor that calls it names this.
LIMIT = Limit("mailchimp", concurrency=10)

#: Stands before every actor that calls Mailchimp.
BREAKER = Breaker("mailchimp", minimum=10)

#: The most members of a page, and operations of one of our batches: their results have to fit into one answer.
MOST_MEMBERS = 1000
MOST_OPERATIONS = 500

_RESULTS = TypeAdapter(list[OperationResult])
#: How much the results of a batch may take when they are unpacked.
_LONGEST_RESULTS = 10 * LONGEST_ANSWER


class Mailchimp:
    """One account. Every call is one request; what changes something may be repeated and gives the same state."""

    def __init__(self, api_key: SecretStr, base_url: str, *, timeout: timedelta = timedelta(seconds=30)) -> None:
        self._timeout = timeout
        self._base_url = base_url
        auth = ("dramaturg", api_key.get_secret_value())
        self._wire = Wire("Mailchimp", base_url, auth=auth, timeout=timeout, explain=explain)

    def upsert_member(self, list_id: str, member: Member) -> MemberState:
        """Add a member, or change the fields of one; the status of one who is there stays as it is."""
        reply = self._wire.call("PUT", _member(list_id, member.email), json=upsert_body(member))
        return MemberState.model_validate_json(reply.body)

    def change_member(self, list_id: str, email: str, merge_fields: Mapping[str, Any]) -> MemberState | None:
        """Change fields of a member; None if there is none: nobody is added."""
        return self._patch(list_id, email, {"merge_fields": dict(merge_fields)})

    def unsubscribe(self, list_id: str, email: str) -> MemberState | None:
        """Write to a member no more; None if there is none."""
        return self._patch(list_id, email, {"status": "unsubscribed"})

    def member(self, list_id: str, email: str) -> MemberState | None:
        """Give a member, also one who has gone; None if there is none."""
        reply = self._wire.call("GET", _member(list_id, email), ok=(404,))
        return None if reply.status == 404 else MemberState.model_validate_json(reply.body)  # noqa: PLR2004 - HTTP's

    def members(
        self,
        list_id: str,
        *,
        since_last_changed: datetime | None = None,
        archived: bool = False,
        offset: int = 0,
        count: int = 500,
    ) -> MemberPage:
        """Give a page of members in the order of their last change; the ``archived`` are listed apart from others."""
        params = {"offset": str(offset), "count": str(count), "sort_field": "last_changed", "sort_dir": "ASC"}
        params["fields"] = (
            "total_items,members.id,members.email_address,members.status,"
            "members.merge_fields,members.tags,members.last_changed"
        )
        if archived:
            params["status"] = "archived"
        if since_last_changed is not None:
            params["since_last_changed"] = since_last_changed.astimezone(UTC).isoformat(timespec="seconds")
        return MemberPage.model_validate_json(self._wire.call("GET", f"{_list(list_id)}/members", params=params).body)

    def tag(self, list_id: str, email: str, add: Sequence[str], remove: Sequence[str] = ()) -> None:
        """Give a member tags and take others; what is as it should be stays so."""
        tags = [{"name": name, "status": "active"} for name in add]
        tags += [{"name": name, "status": "inactive"} for name in remove]
        self._wire.call("POST", f"{_member(list_id, email)}/tags", json={"tags": tags})

    def campaigns(
        self, *, since_created: datetime | None = None, list_id: str = "", offset: int = 0, count: int = 100
    ) -> CampaignPage:
        """Give a page of campaigns in the order of their creation."""
        params = {"offset": str(offset), "count": str(count), "sort_field": "create_time", "sort_dir": "ASC"}
        if since_created is not None:
            params["since_create_time"] = since_created.astimezone(UTC).isoformat(timespec="seconds")
        if list_id:
            params["list_id"] = list_id
        return CampaignPage.model_validate_json(self._wire.call("GET", "/campaigns", params=params).body)

    def campaign(self, campaign_id: str) -> CampaignState | None:
        """Give a campaign; None if there is none."""
        reply = self._wire.call("GET", f"/campaigns/{quote(campaign_id, safe='')}", ok=(404,))
        return None if reply.status == 404 else CampaignState.model_validate_json(reply.body)  # noqa: PLR2004 - HTTP's

    def change_campaign(self, campaign_id: str, *, title: str, subject_line: str) -> CampaignState:
        """Change what a draft is called; one that was sent is refused (``InvalidInput``)."""
        texts = {"title": title, "subject_line": subject_line}
        reply = self._wire.call("PATCH", f"/campaigns/{quote(campaign_id, safe='')}", json={"settings": texts})
        return CampaignState.model_validate_json(reply.body)

    def report(self, campaign_id: str) -> Report | None:
        """Give the results of a campaign; None if it has none yet."""
        reply = self._wire.call("GET", f"/reports/{quote(campaign_id, safe='')}", ok=(404,))
        return None if reply.status == 404 else Report.model_validate_json(reply.body)  # noqa: PLR2004 - HTTP's

    def operate(self, operation: Operation) -> OperationResult:
        """Make one call of a batch by itself; what is wrong with the member is a result, anything else is raised."""
        body = None if operation.body is None else orjson.loads(operation.body)
        reply = self._wire.call(operation.method, operation.path, json=body, ok=(400, 404, 422))
        told = reply.body.decode("utf-8", "replace")
        return OperationResult(operation_id=operation.operation_id, status_code=reply.status, response=told)

    def submit_batch(self, operations: Sequence[Operation]) -> Batch:
        """Hand over calls that Mailchimp makes in its own time."""
        said = [one.model_dump(exclude_none=True) for one in operations]
        return Batch.model_validate_json(self._wire.call("POST", "/batches", json={"operations": said}).body)

    def batch(self, batch_id: str) -> Batch | None:
        """Say how far a batch is; None if it is not known (any more)."""
        reply = self._wire.call("GET", f"/batches/{quote(batch_id, safe='')}", ok=(404,))
        return None if reply.status == 404 else Batch.model_validate_json(reply.body)  # noqa: PLR2004 - HTTP's

    def batch_results(self, batch: Batch) -> list[OperationResult]:
        """Fetch what each call of a finished batch answered; raises ``Transient`` if that cannot be read."""
        if urlsplit(batch.response_body_url).scheme != urlsplit(self._base_url).scheme:
            raise Transient(f"batch {batch.id} has no results to fetch")
        # The results are kept elsewhere, at an address that is good for minutes and for anybody: no key goes there.
        there = Wire("Mailchimp's results", batch.response_body_url, timeout=self._timeout)
        try:
            return _unpacked(there.call("GET", "").body)
        except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
            raise Transient(f"the results of batch {batch.id} cannot be read: {error}") from error
        finally:
            there.close()

    def webhooks(self, list_id: str) -> list[Webhook]:
        """Give the webhooks of an audience."""
        reply = self._wire.call("GET", f"{_list(list_id)}/webhooks")
        return [Webhook.model_validate(one) for one in reply.json()["webhooks"]]

    def add_webhook(self, list_id: str, url: str, events: Sequence[str]) -> Webhook:
        """Have what people and owners do told to an address; one that is there already is given as it is."""
        there = next((one for one in self.webhooks(list_id) if one.url == url), None)
        if there is not None:
            return there
        sources = {"user": True, "admin": True, "api": False}
        said = {"url": url, "events": dict.fromkeys(events, True), "sources": sources}
        return Webhook.model_validate_json(self._wire.call("POST", f"{_list(list_id)}/webhooks", json=said).body)

    def remove_webhook(self, list_id: str, webhook_id: str) -> None:
        """Tell an address no more."""
        self._wire.call("DELETE", f"{_list(list_id)}/webhooks/{quote(webhook_id, safe='')}", ok=(404,))

    def close(self) -> None:
        """Close the connections of this process."""
        self._wire.close()

    def _patch(self, list_id: str, email: str, said: dict[str, Any]) -> MemberState | None:
        reply = self._wire.call("PATCH", _member(list_id, email), json=said, ok=(404,))
        return None if reply.status == 404 else MemberState.model_validate_json(reply.body)  # noqa: PLR2004 - HTTP's


def mailchimp(settings: MailchimpSettings | None = None) -> Mailchimp:
    """Give the account of the settings; raises ``AuthFailed`` if they name none."""
    return _client(settings or MailchimpSettings.current())


@cache
def _client(settings: MailchimpSettings) -> Mailchimp:
    if settings.api_key is None:
        raise AuthFailed("Mailchimp has no key: set DRAMATURG_MAILCHIMP_API_KEY")
    return Mailchimp(settings.api_key, settings.base_url, timeout=settings.timeout)


def upsert_body(member: Member) -> dict[str, Any]:
    """Give what is sent for a member: never a ``status``, which would change that of one who is there."""
    return {
        "email_address": member.email,
        "status_if_new": member.status_if_new,
        "merge_fields": member.merge_fields,
    }


def member_path(list_id: str, email: str) -> str:
    """Give the path of a member, for a call of a batch."""
    return _member(list_id, email)


def _list(list_id: str) -> str:
    return f"/lists/{quote(list_id, safe='')}"


def _member(list_id: str, email: str) -> str:
    return f"{_list(list_id)}/members/{member_id(email)}"


def _unpacked(packed: bytes) -> list[OperationResult]:
    found: list[OperationResult] = []
    left = _LONGEST_RESULTS
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        for entry in archive:
            if not entry.isfile():
                continue
            file = archive.extractfile(entry)
            if file is None or entry.size > left:
                raise ValueError("they are longer than any batch of ours")
            left -= entry.size
            found += _RESULTS.validate_python(orjson.loads(file.read(entry.size)))
    return found
