"""Campaigns of a simulated Mailchimp, and their results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.testing.mailchimp_state import Problem, hash_of, moment
from pipeline.testing.simulated_api import Request

_DRAFTS = {"save", "paused", "schedule"}


@dataclass
class SimulatedCampaign:
    """A campaign with what became of it."""

    id: str
    list_id: str
    title: str
    subject_line: str
    created: datetime
    status: str = "save"
    sent: datetime | None = None
    emails_sent: int = 0
    opens: int = 0
    unique_opens: int = 0
    clicks: int = 0
    subscriber_clicks: int = 0
    bounces: int = 0
    unsubscribed: int = 0


class Campaigns:
    """Keeps campaigns; ``draft`` and ``send`` are what the account's owner does."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.kept: dict[str, SimulatedCampaign] = {}
        self._now = now

    def draft(self, list_id: str, title: str, subject_line: str = "") -> SimulatedCampaign:
        """Begin a campaign."""
        made = SimulatedCampaign(
            hash_of(f"campaign/{len(self.kept)}")[:10], list_id, title, subject_line, self._now().replace(microsecond=0)
        )
        self.kept[made.id] = made
        return made

    def send(self, campaign: SimulatedCampaign, emails: int) -> None:
        """Send a campaign; what people do with it is set on it."""
        campaign.status, campaign.sent, campaign.emails_sent = "sent", self._now().replace(microsecond=0), emails

    def route(self, request: Request, path: str) -> tuple[int, Any]:
        """Answer what is asked about campaigns and reports."""
        kind, _, campaign_id = path.strip("/").partition("/")
        if kind not in {"campaigns", "reports"}:
            raise Problem(404, "The requested resource could not be found.")
        show = _campaign if kind == "campaigns" else _report
        if not campaign_id:
            return 200, self._page(request, kind, show)
        found = self.kept.get(campaign_id)
        if found is None or (kind == "reports" and found.sent is None):
            raise Problem(404, "The requested resource could not be found.")
        if request.method == "PATCH" and kind == "campaigns":
            if found.status not in _DRAFTS:
                raise Problem(400, "Sorry, you cannot edit a campaign that was sent.", title="Bad Request")
            texts = request.json.get("settings", {})
            found.title = texts.get("title", found.title)
            found.subject_line = texts.get("subject_line", found.subject_line)
        return 200, show(found)

    def _page(self, request: Request, kind: str, show: Callable[[SimulatedCampaign], dict[str, Any]]) -> dict[str, Any]:
        since, list_id = request.params.get("since_create_time"), request.params.get("list_id")
        found = [
            one
            for one in self.kept.values()
            if (since is None or one.created > datetime.fromisoformat(since))
            and (not list_id or one.list_id == list_id)
            and (kind == "campaigns" or one.sent is not None)
        ]
        found.sort(key=lambda one: (one.created, one.id))
        offset, count = int(request.params.get("offset", 0)), int(request.params.get("count", 10))
        return {kind: [show(one) for one in found[offset : offset + count]], "total_items": len(found)}


def _campaign(one: SimulatedCampaign) -> dict[str, Any]:
    return {
        "id": one.id,
        "type": "regular",
        "create_time": moment(one.created),
        "status": one.status,
        "emails_sent": one.emails_sent,
        "send_time": moment(one.sent),
        "recipients": {"list_id": one.list_id},
        "settings": {"subject_line": one.subject_line, "title": one.title},
    }


def _report(one: SimulatedCampaign) -> dict[str, Any]:
    return {
        "id": one.id,
        "campaign_title": one.title,
        "list_id": one.list_id,
        "subject_line": one.subject_line,
        "emails_sent": one.emails_sent,
        "abuse_reports": 0,
        "unsubscribed": one.unsubscribed,
        "send_time": moment(one.sent),
        "bounces": {"hard_bounces": one.bounces, "soft_bounces": 0, "syntax_errors": 0},
        "opens": {"opens_total": one.opens, "unique_opens": one.unique_opens},
        "clicks": {"clicks_total": one.clicks, "unique_subscriber_clicks": one.subscriber_clicks},
    }
