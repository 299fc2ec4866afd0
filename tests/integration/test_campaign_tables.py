"""The tables of audiences and campaigns, in every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from actors.growth.campaign_results import CampaignRow, Campaigns
from actors.growth.contacts import Contacts
from actors.growth.field_mapping import MAILCHIMP
from actors.growth.lead import Consent, Lead
from actors.growth.mailchimp_models import member_id
from actors.growth.members import Members
from actors.growth.stores.campaigns import Place
from pipeline import Transient
from pipeline.database import Database

NOW = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
LIST = "abc"


@pytest.mark.slow
def test_members_and_campaigns_are_kept_in_every_database(database_url: str) -> None:
    """Members, their places, their consent and campaigns with results come back as they were written."""
    database = Database(database_url)
    database.migrate()
    members = Members(database, MAILCHIMP)
    for number in range(7):
        members.put(LIST, f"M{number}@host.tld", {"first_name": f"Ä {number} 🙂"}, NOW)
    members.put(LIST, "m3@HOST.tld", {"last_name": "Again"}, NOW + timedelta(seconds=1))
    third = members.find(LIST, "m3@host.tld")
    assert third is not None
    assert third.fields == {"first_name": "Ä 3 🙂", "last_name": "Again"}
    assert third.changed == {"first_name": NOW, "last_name": NOW + timedelta(seconds=1)}
    pieces = members.store.pieces(LIST, 3, NOW)
    due = [row["id"] for first, last in pieces for row in members.store.due(LIST, first, last, NOW)]
    assert (len(pieces), due) == (3, sorted(member_id(f"m{number}@host.tld") for number in range(7)))

    members.change(LIST, [], lambda there: [], name="place", place=Place(NOW, 3, "x@1"), now=NOW)
    assert members.store.place("place") == Place(NOW, 3, "x@1", 1)
    with pytest.raises(Transient, match="somebody else"):
        members.change(LIST, [], lambda there: [], name="place", place=Place(None, 0, "y"), now=NOW)
    members.change(LIST, [], lambda there: [], name="place", place=Place(None, 0, "y", 1), now=NOW)
    with pytest.raises(Transient, match="somebody else"):
        members.change(LIST, [], lambda there: [], name="place", place=Place(None, 0, "z", 1), now=NOW)
    assert members.store.place("place") == Place(None, 0, "y", 2)

    contacts = Contacts(database)
    for number, given in ((1, True), (2, False)):
        consent = {"email": Consent(at=NOW, where="form", given=given)}
        contacts.save(Lead(email=f"m{number}@host.tld", consent=consent), NOW)
    contacts.withdraw("email", email="m1@host.tld", why="stop", at=NOW)  # at the same moment: the no counts
    assert members.take_back(LIST) == 2
    assert members.take_back(LIST) == 0
    assert (
        sum(len(members.store.due(LIST, first, last, NOW)) for first, last in members.store.pieces(LIST, 9, NOW)) == 5
    )
    first = contacts.find(email="m1@host.tld")
    assert first is not None
    contacts.give(first.id, "email", where="form", at=NOW + timedelta(days=1))
    assert members.take_back(LIST) == 1
    assert members.store.count(LIST) == {"": 7}

    campaigns = Campaigns(database)
    texts = {"title": "Spring 🌷", "subject": ""}
    row = CampaignRow(id="c1", list_id=LIST, status="save", **texts, agreed=texts, created_at=NOW)
    for _ in range(2):
        campaigns.write(row)
    assert campaigns.find("c1") == row
    campaigns.write(row.model_copy(update={"opens": 3}))
    assert [one.opens for one in campaigns.all(LIST)] == [3]
    assert campaigns.store.newest(LIST) == NOW
    assert campaigns.store.open(LIST, NOW) == ["c1"]
    database.close()
