"""``campaign.sync``: an audience, its campaigns and their results, the same here and at the platform."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel

from actors.growth import campaign_pull
from actors.growth.campaign_plan import Change, planned
from actors.growth.campaign_pull import Pulled
from actors.growth.campaign_push import Piece, push, sum_of
from actors.growth.campaign_results import Campaigns, refresh, to_look_at
from actors.growth.campaigns_settings import CampaignsSettings
from actors.growth.mailchimp import BREAKER, LIMIT, mailchimp
from actors.growth.mailchimp_settings import MailchimpSettings
from actors.growth.members import Members
from pipeline import InvalidInput, Limit, Run, actor


class Sync(BaseModel):
    """What to sync: an audience, by default that of the settings."""

    list_id: str = ""


class Synced(BaseModel):
    """What a sync did."""

    list_id: str
    #: Members that were read, changed here, and found to have gone there.
    read: int = 0
    changed: int = 0
    gone: int = 0
    #: Members the platform was told of, refused, and left for a later sync.
    told: int = 0
    refused: int = 0
    later: int = 0
    #: Campaigns that were changed here, and there.
    campaigns: int = 0
    renamed: int = 0
    #: Pieces of the audience that could not be told; the next sync tells them.
    failed: int = 0


class Refreshed(BaseModel):
    """What was done about a campaign."""

    changed: bool
    told: bool


@actor(
    name="campaign.sync",
    limits=[LIMIT, Limit("campaign.sync", concurrency=1, by="list_id")],
    breaker=BREAKER,
)
def sync(asked: Sync, run: Run) -> Synced:
    """Read what changed there, then tell what changed here; resumes at the page, and the piece, it had come to."""
    list_id = audience(asked.list_id)
    members, campaigns = Members(), Campaigns()
    run.progress("members", 0, until=40)
    pulled = [*_pull(run, members, list_id, archived=False), *_pull(run, members, list_id, archived=True)]
    run.progress("telling", 40, until=80)
    run.once("consent", _take_back, list_id)
    pieces = run.once("pieces", _pieces, list_id, run.now)
    outcomes = run.gather(push, pieces) if pieces else []
    told = sum_of([one.value for one in outcomes if one.value is not None])
    run.progress("campaigns", 80, until=100)
    refreshed = _campaigns(run, campaigns, list_id)
    return Synced(
        list_id=list_id,
        read=sum(one.read for one in pulled),
        changed=sum(one.changed for one in pulled),
        gone=sum(one.gone for one in pulled),
        **told.model_dump(),
        campaigns=sum(one.changed for one in refreshed),
        renamed=sum(one.told for one in refreshed),
        failed=sum(one.value is None for one in outcomes),
    )


def audience(list_id: str) -> str:
    """Give the audience that is meant; raises ``InvalidInput`` if none is."""
    found = list_id or MailchimpSettings.current().list_id
    if not found:
        raise InvalidInput("there is no audience: name one, or set DRAMATURG_MAILCHIMP_LIST_ID", field="list_id")
    return found


def plan(list_id: str, now: datetime) -> Iterator[Change]:
    """Give what a sync would change, one thing after another; writes nothing."""
    return planned(mailchimp(), Members(), Campaigns(), audience(list_id), now)


def _pull(run: Run, members: Members, list_id: str, *, archived: bool) -> Iterator[Pulled]:
    name = "archived" if archived else "members"
    run.once(f"{name}.begin", _begin, members, list_id, archived, run.now)
    number, last = 0, False
    while not last:
        page = run.once(f"{name}[{number}]", _page, members, list_id, archived, run.now)
        number, last = number + 1, page.last
        yield page


def _begin(members: Members, list_id: str, archived: bool, now: datetime) -> None:
    campaign_pull.begin(members, list_id, archived=archived, now=now)


def _page(members: Members, list_id: str, archived: bool, now: datetime) -> Pulled:
    return campaign_pull.pull_page(mailchimp(), members, list_id, archived=archived, now=now)


def _take_back(list_id: str) -> int:
    return Members().take_back(list_id)


def _pieces(list_id: str, now: datetime) -> list[Piece]:
    found = Members().store.pieces(list_id, CampaignsSettings.current().batch, now)
    return [Piece(list_id=list_id, first=first, last=last) for first, last in found]


def _campaigns(run: Run, campaigns: Campaigns, list_id: str) -> list[Refreshed]:
    found = run.once("campaigns", _to_look_at, campaigns, list_id, run.now)
    return run.each(_refresh, found, campaigns, run.now)


def _to_look_at(campaigns: Campaigns, list_id: str, now: datetime) -> list[str]:
    return to_look_at(mailchimp(), campaigns, list_id, now)


def _refresh(campaign_id: str, campaigns: Campaigns, now: datetime) -> Refreshed:
    changed, told = refresh(mailchimp(), campaigns, campaign_id, now)
    return Refreshed(changed=changed, told=told)
