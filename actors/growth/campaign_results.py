"""Campaigns as we keep them: what they are called, changed on either side, and what became of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from actors.growth.campaigns_settings import CampaignsSettings
from actors.growth.mailchimp import Mailchimp
from actors.growth.mailchimp_models import CampaignState, Report
from pipeline import InvalidInput
from pipeline.database import Database, get_database

if TYPE_CHECKING:
    from actors.growth.stores.campaign_results import CampaignRows

#: Statuses in which a campaign can still be changed.
DRAFTS = frozenset({"save", "paused", "schedule"})
#: What both sides may change of a draft; if both did, ours is kept.
_TEXTS = ("title", "subject")
#: Campaigns of a page.
_PAGE = 100


class CampaignRow(BaseModel):
    """A campaign with its results."""

    model_config = ConfigDict(frozen=True)

    id: str
    list_id: str
    status: str
    title: str
    subject: str
    #: What it was called at the platform when that was last looked at.
    agreed: dict[str, str]
    created_at: datetime
    sent_at: datetime | None = None
    emails_sent: int = 0
    opens: int = 0
    unique_opens: int = 0
    clicks: int = 0
    unique_clicks: int = 0
    bounces: int = 0
    unsubscribed: int = 0
    results_at: datetime | None = None

    @property
    def to_tell(self) -> dict[str, str]:
        """What the platform has to be told."""
        if self.status not in DRAFTS:
            return {}
        return {name: getattr(self, name) for name in _TEXTS if getattr(self, name) != self.agreed[name]}


class Campaigns:
    """The campaigns in a database, by default this process's."""

    def __init__(self, database: Database | None = None) -> None:
        self._database = database

    def find(self, campaign_id: str) -> CampaignRow | None:
        """Give a campaign; none if it is not known."""
        found = self.store.find(campaign_id)
        return None if found is None else CampaignRow.model_validate(found)

    def all(self, list_id: str, limit: int = 100) -> list[CampaignRow]:
        """Give campaigns, the newest first."""
        return [CampaignRow.model_validate(row) for row in self.store.all(list_id, limit)]

    def rename(self, campaign_id: str, *, title: str | None = None, subject: str | None = None) -> CampaignRow:
        """Change what a draft is called; the platform is told by the next sync. Raises ``InvalidInput``."""
        row = self.find(campaign_id)
        if row is None or row.status not in DRAFTS:
            raise InvalidInput(f"{campaign_id} is no draft of ours", field="campaign")
        given = {"title": title, "subject": subject}
        row = row.model_copy(update={name: value for name, value in given.items() if value is not None})
        self.write(row)
        return row

    def write(self, row: CampaignRow) -> None:
        """Keep a campaign."""
        self.store.write(row.model_dump())

    @property
    def store(self) -> CampaignRows:
        """Where the rows are."""
        from actors.growth.stores.campaign_results import CampaignRows

        return CampaignRows(self._database or get_database())


def seen(row: CampaignRow | None, state: CampaignState, report: Report | None, now: datetime) -> CampaignRow:
    """Give a campaign after the platform told how it is; what was changed here and can still be told is kept."""
    theirs = {"title": state.settings.title[:255], "subject": state.settings.subject_line[:255]}
    texts = dict(theirs)
    if row is not None and state.status in DRAFTS:
        texts |= {name: getattr(row, name) for name in _TEXTS if getattr(row, name) != row.agreed[name]}
    told: dict[str, Any] = {} if row is None else row.model_dump()
    told |= {
        "id": state.id,
        "list_id": state.recipients.list_id,
        "status": state.status,
        **texts,
        "agreed": theirs,
        "created_at": state.create_time,
        "sent_at": state.send_time,
        "emails_sent": state.emails_sent,
    }
    if report is not None:
        results = _results(report)
        if row is None or any(getattr(row, name) != value for name, value in results.items()):
            told |= {**results, "results_at": now}
    return CampaignRow.model_validate(told)


def to_look_at(client: Mailchimp, campaigns: Campaigns, list_id: str, now: datetime) -> list[str]:
    """Give the campaigns that may differ: those begun since the last sync, drafts, and those sent not long ago."""
    settings = CampaignsSettings.current()
    newest = campaigns.store.newest(list_id)
    since = None if newest is None else newest - settings.overlap - timedelta(seconds=1)
    found: list[str] = []
    last = False
    while not last:
        page = client.campaigns(list_id=list_id, since_created=since, offset=len(found), count=_PAGE).campaigns
        found += [one.id for one in page]
        last = len(page) < _PAGE
    return list(dict.fromkeys([*found, *campaigns.store.open(list_id, now - settings.results_for)]))


def looked_at(
    client: Mailchimp, before: CampaignRow | None, campaign_id: str, now: datetime
) -> tuple[CampaignRow | None, bool]:
    """Give a campaign as it is now, with what was changed here; and whether the platform still has it."""
    state = client.campaign(campaign_id)
    if state is None:
        return None if before is None else before.model_copy(update={"status": "removed"}), False
    report = client.report(campaign_id) if state.status == "sent" else None
    return seen(before, state, report, now), True


def refresh(client: Mailchimp, campaigns: Campaigns, campaign_id: str, now: datetime) -> tuple[bool, bool]:
    """Take over how a campaign is, and tell what was changed here; gives whether each of these was anything."""
    before = campaigns.find(campaign_id)
    row, there = looked_at(client, before, campaign_id, now)
    if row is None:
        return False, False
    told = there and bool(row.to_tell)
    if told:
        row = seen(row, client.change_campaign(campaign_id, title=row.title, subject_line=row.subject), None, now)
    if row != before:
        campaigns.write(row)
    return row != before, told


def _results(report: Report) -> dict[str, int]:
    bounces = report.bounces
    return {
        "emails_sent": report.emails_sent,
        "opens": report.opens.opens_total,
        "unique_opens": report.opens.unique_opens,
        "clicks": report.clicks.clicks_total,
        "unique_clicks": report.clicks.unique_subscriber_clicks,
        "bounces": bounces.hard_bounces + bounces.soft_bounces + bounces.syntax_errors,
        "unsubscribed": report.unsubscribed,
    }
