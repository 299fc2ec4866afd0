"""A simulated Mailchimp: the marketing and the transactional interface, as documented, over state in memory."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pipeline.testing.mailchimp_batches import Batches
from pipeline.testing.mailchimp_campaigns import Campaigns
from pipeline.testing.mailchimp_mandrill import Mandrill
from pipeline.testing.mailchimp_state import Audience, Problem, SimulatedMember, hash_of, moment, shown
from pipeline.testing.simulated_api import Answer, Request, SimulatedApi

#: How many calls of an account are answered at the same time (mailchimp.com/developer/marketing/docs/fundamentals).
AT_ONCE = 10

_MEMBERS = re.compile(r"/lists/([^/]+)/members(?:/([^/]+))?(/tags|/actions/delete-permanent)?")
_WEBHOOKS = re.compile(r"/lists/([^/]+)/webhooks(?:/([^/]+))?")
_PROBLEM = {"Content-Type": "application/problem+json; charset=utf-8"}
_MOST = 1000


class SimulatedMailchimp(SimulatedApi):
    """An account with audiences, campaigns and batches, and one that sends messages.

    ``subscribe``, ``edit``, ``unsubscribe``, ``clean``, ``archive`` and ``forget`` are what people and the account's
    owner do there. ``on_change`` is called after each change of a member with what kind it is, the id of the audience
    and the member as answered, while the simulator holds its lock: be quick.
    """

    def __init__(self, seed: int = 0, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(seed, clock=clock)
        self.api_key = f"{hash_of(f'key/{seed}')}-us1"
        self.audiences: dict[str, Audience] = {}
        self.on_change: list[Callable[[str, str, dict[str, Any]], None]] = []
        self.campaigns = Campaigns(self.now)
        self.batches = Batches(self.now, self._operate)
        self.mandrill = Mandrill(self.now)
        #: Which part of the calls of a batch fails oddly.
        self.odd_operations = 0.0
        self._operations = 0

    @property
    def marketing_url(self) -> str:
        """Where the marketing interface is."""
        return f"{self.url}/3.0"

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a process that is to call this account."""
        return {
            "DRAMATURG_MAILCHIMP_API_KEY": self.api_key,
            "DRAMATURG_MAILCHIMP_URL": self.marketing_url,
            "DRAMATURG_MAILCHIMP_TRANSACTIONAL_KEY": self.mandrill.key,
            "DRAMATURG_MAILCHIMP_TRANSACTIONAL_URL": f"{self.url}/api/1.0",
        }

    def audience(self, list_id: str, **merge_fields: str) -> Audience:
        """Add an audience; ``merge_fields`` are its fields and their types, by default two names."""
        made = Audience(list_id, dict(merge_fields)) if merge_fields else Audience(list_id)
        self.audiences[list_id] = made
        return made

    def subscribe(self, list_id: str, email: str, **merge_fields: Any) -> None:
        """Let a person sign up by a form: also one who had gone."""
        with self.lock:
            audience = self.audiences[list_id]
            audience.forgotten.discard(email.lower())
            there = audience.members.get(hash_of(email))
            fields = {**(there.merge_fields if there else {}), **merge_fields}
            tags = there.tags if there else []
            made = SimulatedMember(email, "subscribed", self._second(), fields, tags)
            audience.members[made.id] = made
            self._changed("subscribe", audience, made)

    def edit(self, list_id: str, email: str, **merge_fields: Any) -> None:
        """Let a person, or the owner, change their fields."""
        with self.lock:
            audience = self.audiences[list_id]
            self._changed(
                "profile", audience, audience.patch(hash_of(email), {"merge_fields": merge_fields}, self._second())
            )

    def unsubscribe(self, list_id: str, email: str) -> None:
        """Let a person unsubscribe."""
        self._set(list_id, email, "unsubscribed", "unsubscribe", compliance=True)

    def clean(self, list_id: str, email: str) -> None:
        """Let an address bounce for good."""
        self._set(list_id, email, "cleaned", "cleaned", compliance=True)

    def archive(self, list_id: str, email: str) -> None:
        """Let the owner remove somebody."""
        self._set(list_id, email, "archived", "unsubscribe", compliance=False)

    def forget(self, list_id: str, email: str) -> None:
        """Let the owner delete somebody for good."""
        with self.lock:
            self.audiences[list_id].members.pop(hash_of(email), None)
            self.audiences[list_id].forgotten.add(email.lower())

    def refuse(self, request: Request, at_once: int) -> Answer | None:
        """Refuse more than ten calls at the same time."""
        if at_once > AT_ONCE and request.path.startswith("/3.0"):
            return 429, _PROBLEM, Problem(429, "You have exceeded the limit of 10 simultaneous connections.").document
        return None

    def answer(self, request: Request) -> Answer:
        """Answer as the interface does that the path belongs to."""
        if request.path.startswith("/api/1.0/"):
            return self.mandrill.answer(request)
        if request.path.startswith("/results/"):
            return self.batches.packed(request.path)
        try:
            self._authorise(request)
            status, document = self._route(request)
        except Problem as problem:
            return problem.status, _PROBLEM, problem.document
        return status, {}, document

    def _authorise(self, request: Request) -> None:
        told = request.headers.get("authorization", "").removeprefix("Basic ")
        _, _, key = base64.b64decode(told).decode().partition(":")
        if key != self.api_key:
            raise Problem(
                401,
                "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
            )

    def _route(self, request: Request) -> tuple[int, Any]:
        path = request.path.removeprefix("/3.0")
        if found := _MEMBERS.fullmatch(path):
            return self._members(request, *found.groups())
        if found := _WEBHOOKS.fullmatch(path):
            return self._webhooks(request, *found.groups())
        if path.startswith("/batches"):
            return self.batches.route(request, path, f"{self.url}/results")
        return self.campaigns.route(request, path)

    def _operate(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self._operations += 1
        dice = random.Random(f"{self.seed}/operation/{self._operations}")  # noqa: S311 - to be repeatable
        if dice.random() < self.odd_operations:
            return 500, {"title": "Internal Server Error", "status": 500, "detail": "An unexpected error occurred."}
        try:
            return self._route(Request(method, path, {}, {}, body, b""))
        except Problem as problem:
            return problem.status, problem.document

    def _members(self, request: Request, list_id: str, member_id: str | None, action: str | None) -> tuple[int, Any]:
        audience = self._audience(list_id)
        if member_id is None:
            return self._page(request, audience)
        said = request.json if isinstance(request.json, dict) else {}
        if action == "/tags" and request.method == "POST":
            return self._tag(audience, audience.there(member_id), said)
        if action is not None and request.method == "POST":
            self.forget(list_id, audience.there(member_id).email)
            return 204, None
        if request.method == "GET":
            member = audience.members.get(member_id)
            if member is None:
                raise Problem(404, "The requested resource could not be found.")
            return 200, shown(audience, member)
        if request.method == "DELETE":
            self.archive(list_id, audience.there(member_id).email)
            return 204, None
        if request.method not in {"PUT", "PATCH"}:
            raise Problem(405, "The requested method and resource are not compatible.")
        was = audience.members.get(member_id)
        before = None if was is None else (was.status, dict(was.merge_fields))
        change = audience.put if request.method == "PUT" else audience.patch
        member = change(member_id, said, self._second())
        if before != (member.status, member.merge_fields):
            new = before is None or before[0] != member.status
            self._changed(member.status.removesuffix("d") if new else "profile", audience, member)
        return 200, shown(audience, member)

    def _page(self, request: Request, audience: Audience) -> tuple[int, Any]:
        status, since = request.params.get("status"), request.params.get("since_last_changed")
        found = [
            one
            for one in audience.members.values()
            if (one.status == status if status else one.status != "archived")
            and (since is None or one.last_changed > datetime.fromisoformat(since))
        ]
        if request.params.get("sort_field") == "last_changed":
            found.sort(key=lambda one: (one.last_changed, one.id), reverse=request.params.get("sort_dir") == "DESC")
        offset, count = int(request.params.get("offset", 0)), min(int(request.params.get("count", 10)), _MOST)
        page = [shown(audience, one) for one in found[offset : offset + count]]
        return 200, {"members": page, "list_id": audience.id, "total_items": len(found)}

    def _tag(self, audience: Audience, member: SimulatedMember, said: dict[str, Any]) -> tuple[int, Any]:
        before = list(member.tags)
        for tag in said.get("tags", []):
            if tag["status"] == "active" and tag["name"] not in member.tags:
                member.tags.append(tag["name"])
            elif tag["status"] == "inactive" and tag["name"] in member.tags:
                member.tags.remove(tag["name"])
        if member.tags != before:
            member.last_changed = self._second()
            self._changed("profile", audience, member)
        return 204, None

    def _webhooks(self, request: Request, list_id: str, webhook_id: str | None) -> tuple[int, Any]:
        hooks = self._audience(list_id).webhooks
        if request.method == "GET":
            return 200, {"webhooks": list(hooks.values()), "list_id": list_id, "total_items": len(hooks)}
        if request.method == "DELETE":
            if hooks.pop(webhook_id or "", None) is None:
                raise Problem(404, "The requested resource could not be found.")
            return 204, None
        made = {"id": hash_of(f"{list_id}/{len(hooks)}/{moment(self.now())}")[:10], "list_id": list_id, **request.json}
        hooks[made["id"]] = made
        return 200, made

    def _audience(self, list_id: str) -> Audience:
        if list_id not in self.audiences:
            raise Problem(404, "The requested resource could not be found.")
        return self.audiences[list_id]

    def _set(self, list_id: str, email: str, status: str, kind: str, *, compliance: bool) -> None:
        with self.lock:
            audience = self.audiences[list_id]
            member = audience.members[hash_of(email)]
            member.status, member.compliance, member.last_changed = status, compliance, self._second()
            self._changed(kind, audience, member)

    def _changed(self, kind: str, audience: Audience, member: SimulatedMember) -> None:
        for tell in self.on_change:
            tell(kind, audience.id, shown(audience, member))

    def _second(self) -> datetime:
        return self.now().replace(microsecond=0)
