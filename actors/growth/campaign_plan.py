"""Plan: what a sync would change, here and at the platform; nothing is written, anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from actors.growth.campaign_pull import read_page, spot_of
from actors.growth.campaign_results import Campaigns, looked_at, to_look_at
from actors.growth.campaigns_settings import CampaignsSettings
from actors.growth.mailchimp import Mailchimp
from actors.growth.member_merge import MemberRow, merge, task_of
from actors.growth.members import Members, read

#: What is compared of a member and of a campaign.
_CAMPAIGN = ("status", "title", "subject", "emails_sent", "opens", "clicks", "bounces", "unsubscribed")


class Change(BaseModel):
    """One thing that would be different: where, of what, and each value before and after."""

    model_config = ConfigDict(frozen=True)

    side: Literal["here", "there"]
    what: Literal["member", "campaign"]
    kind: Literal["add", "change", "unsubscribe"]
    name: str
    values: dict[str, tuple[Any, Any]]


def planned(client: Mailchimp, members: Members, campaigns: Campaigns, list_id: str, now: datetime) -> Iterator[Change]:
    """Give what a sync that began now would change, in its order; one page is held in memory at a time.

    What is held for all members is a few bytes each, and whole only those of whom the platform would be told.
    """
    later: dict[str, MemberRow] = {}
    known: set[bytes] = set()
    for archived in (False, True):
        yield from _pulled(client, members, list_id, later, known, archived=archived)
    yield from _pushed(members, list_id, later, now)
    yield from _campaigns(client, campaigns, list_id, now)


def _pulled(
    client: Mailchimp, members: Members, list_id: str, later: dict[str, MemberRow], known: set[bytes], *, archived: bool
) -> Iterator[Change]:
    spot = spot_of(members, list_id, archived=archived).earlier(CampaignsSettings.current().overlap)
    last = False
    while not last:
        states, spot, last = read_page(client, list_id, spot, archived=archived)
        new = [state for state in states if bytes.fromhex(state.id) not in known]
        known |= {bytes.fromhex(state.id) for state in new}
        there = {key: read(row) for key, row in members.store.rows(list_id, [one.id for one in new]).items()}
        for state in new:
            before = there.get(state.id)
            after = merge(before, state, list_id, members.mapping)
            values = _differences(before, after)
            if values:
                kind: Literal["add", "change"] = "add" if before is None else "change"
                yield Change(side="here", what="member", kind=kind, name=after.email, values=values)
            if task_of(after, members.mapping) or (before is not None and task_of(before, members.mapping)):
                later[state.id] = after


def _pushed(members: Members, list_id: str, later: dict[str, MemberRow], now: datetime) -> Iterator[Change]:
    ends = {one.id: None if one.given else one.at for found in members.store.answers(list_id) for one in found}
    for start in range(0, len(ends), 500):
        ids = [key for key in list(ends)[start : start + 500] if key not in later]
        later |= {key: read(found) for key, found in members.store.rows(list_id, ids).items()}
    for first, last in members.store.pieces(list_id, CampaignsSettings.current().batch, now):
        for due in members.store.due(list_id, first, last, now):
            later.setdefault(due["id"], read(due))
    for key in sorted(later):
        row = later[key].model_copy(update={"withdrawn_at": ends[key]}) if key in ends else later[key]
        change = _told(row, members, now)
        if change is not None:
            yield change


def _told(row: MemberRow, members: Members, now: datetime) -> Change | None:
    task = task_of(row, members.mapping)
    if not task or (row.not_before is not None and row.not_before > now):
        return None
    values: dict[str, tuple[Any, Any]] = {}
    if task == "unsubscribe":
        values["status"] = (row.status, "unsubscribed")
    for one in members.mapping.fields:
        before, after = row.agreed.get(one.ours), row.fields.get(one.ours)
        if before != after:
            values[one.theirs] = (one.there(before), one.there(after))
    return Change(side="there", what="member", kind=task, name=row.email, values=values)


def _campaigns(client: Mailchimp, campaigns: Campaigns, list_id: str, now: datetime) -> Iterator[Change]:
    for campaign_id in to_look_at(client, campaigns, list_id, now):
        before = campaigns.find(campaign_id)
        after, _ = looked_at(client, before, campaign_id, now)
        if after is None:
            continue
        values = {
            name: (None if before is None else getattr(before, name), getattr(after, name))
            for name in _CAMPAIGN
            if before is None or getattr(before, name) != getattr(after, name)
        }
        if values:
            kind: Literal["add", "change"] = "add" if before is None else "change"
            yield Change(side="here", what="campaign", kind=kind, name=campaign_id, values=values)
        if after.to_tell:
            told = {name: (after.agreed[name], value) for name, value in after.to_tell.items()}
            yield Change(side="there", what="campaign", kind="change", name=campaign_id, values=told)


def _differences(before: MemberRow | None, after: MemberRow) -> dict[str, tuple[Any, Any]]:
    values: dict[str, tuple[Any, Any]] = {}
    was = before.fields if before is not None else {}
    for name in sorted(was.keys() | after.fields.keys()):
        if was.get(name) != after.fields.get(name):
            values[name] = (was.get(name), after.fields.get(name))
    if before is None or before.status != after.status:
        values["status"] = (None if before is None else before.status, after.status)
    if (before.tags if before is not None else ()) != after.tags:
        values["tags"] = (list(before.tags) if before is not None else [], list(after.tags))
    return values
