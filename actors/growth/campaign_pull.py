"""Pull: reads what changed at the platform, page by page, and merges it into our tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel

from actors.growth.campaigns_settings import CampaignsSettings
from actors.growth.contacts import Contacts
from actors.growth.mailchimp import Mailchimp
from actors.growth.mailchimp_models import MemberState
from actors.growth.member_merge import MemberRow, has_gone, merge
from actors.growth.members import Members, read
from actors.growth.reading_place import Item, Spot


class Pulled(BaseModel):
    """What came of a page: members read, changed in our tables, and gone for good or for now."""

    read: int = 0
    changed: int = 0
    gone: int = 0
    last: bool = False


def begin(members: Members, list_id: str, *, archived: bool, now: datetime) -> None:
    """Go a little back from where the last reading ended: clocks of a platform differ, and seconds are shared."""
    from actors.growth.stores.campaigns import Place

    name = _name(list_id, archived=archived)
    place = members.store.place(name)
    spot = Spot(place.since).earlier(CampaignsSettings.current().overlap)
    members.change(list_id, [], _nobody, name=name, place=Place(*spot, place.version), now=now)


def pull_page(client: Mailchimp, members: Members, list_id: str, *, archived: bool, now: datetime) -> Pulled:
    """Read the next page; what it changes here, and the place it came to, are written at once.

    Who has gone there is taken at their word here first: consent is withdrawn before the page counts as read.
    """
    from actors.growth.stores.campaigns import Place

    name = _name(list_id, archived=archived)
    place = members.store.place(name)
    spot = Spot(place.since, place.offset, place.anchor)
    states, spot, last = read_page(client, list_id, spot, archived=archived)
    by_id = {state.id: state for state in states}
    changed: list[str] = []

    def merged(there: Mapping[str, MemberRow]) -> Iterator[MemberRow]:
        for key, state in by_id.items():
            row = merge(there.get(key), state, list_id, members.mapping)
            if row != there.get(key):
                changed.append(key)
            yield row

    gone = _withdraw(members, list_id, states)
    members.change(list_id, list(by_id), merged, name=name, place=Place(*spot, place.version), now=now)
    return Pulled(read=len(by_id), changed=len(changed), gone=gone, last=last)


def read_page(
    client: Mailchimp, list_id: str, spot: Spot, *, archived: bool
) -> tuple[Sequence[MemberState], Spot, bool]:
    """Read the members that come next: they, where to go on, and if they were the last."""
    count = CampaignsSettings.current().page
    ask = spot.ask(count)
    page = client.members(
        list_id, since_last_changed=ask.since, archived=archived, offset=ask.offset, count=ask.size
    ).members
    spot, known, last = spot.after([Item(one.id, one.last_changed) for one in page], count)
    return page[known:], spot, last


def spot_of(members: Members, list_id: str, *, archived: bool) -> Spot:
    """Give where the last reading ended."""
    place = members.store.place(_name(list_id, archived=archived))
    return Spot(place.since, place.offset, place.anchor)


def _withdraw(members: Members, list_id: str, states: Sequence[MemberState]) -> int:
    gone = [state for state in states if has_gone(None, state)]
    there = members.store.rows(list_id, [state.id for state in gone])
    news = [state for state in gone if has_gone(read(there[state.id]) if state.id in there else None, state)]
    contacts = Contacts(members.database)
    for state in news:
        why = f"{state.status} at Mailchimp, audience {list_id}"
        contacts.withdraw("email", email=state.email_address, why=why, at=state.last_changed)
    return len(news)


def _name(list_id: str, *, archived: bool) -> str:
    return f"members/{list_id}" + ("/archived" if archived else "")


def _nobody(there: Mapping[str, MemberRow]) -> list[MemberRow]:
    del there
    return []
