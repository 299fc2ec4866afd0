"""An audience is the same on both sides after a sync: the newer change stays, and what ended stays ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from actors.growth.campaign_results import Campaigns
from actors.growth.contacts import Contacts
from actors.growth.members import Members
from pipeline import InvalidInput, sections
from pipeline.testing.mailchimp_state import hash_of
from tests.support.audiences import AUDIENCE, World, a_world

ADA, BO, CY = "ada@host.tld", "bo@host.tld", "cy@host.tld"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An empty account and an empty database, read in pages of three."""
    with a_world(tmp_path, monkeypatch, page="3") as world:
        yield world


def test_both_sides_converge(world: World) -> None:
    """What either side added or changed is on both after a sync, and a second one finds nothing to do."""
    world.mailchimp.subscribe(AUDIENCE, ADA, FNAME="Ada")
    world.put(BO, first_name="Bo")
    first = world.sync()
    assert (first.read, first.changed, first.told) == (1, 1, 1)
    expected = {ADA: ("subscribed", {"FNAME": "Ada"}), BO: ("subscribed", {"FNAME": "Bo"})}
    assert (world.there(), world.here()) == (expected, expected)
    world.later()
    world.mailchimp.edit(AUDIENCE, BO, LNAME="There")
    world.put(ADA, last_name="Here")
    world.sync()
    expected = {
        ADA: ("subscribed", {"FNAME": "Ada", "LNAME": "Here"}),
        BO: ("subscribed", {"FNAME": "Bo", "LNAME": "There"}),
    }
    assert (world.there(), world.here()) == (expected, expected)
    world.later()
    again = world.sync()
    assert (again.changed, again.told, again.gone) == (0, 0, 0)


def test_a_sync_reads_only_what_changed_since_the_last(world: World) -> None:
    """The second one asks from where the first ended, less the overlap."""
    for number in range(8):
        world.mailchimp.subscribe(AUDIENCE, f"m{number}@host.tld")
        world.later()
    assert world.sync().read == 8
    world.later()
    world.mailchimp.edit(AUDIENCE, "m3@host.tld", FNAME="New")
    assert world.sync().read == 2  # the one that changed, and the last one once more
    assert world.member("m3@host.tld").fields == {"first_name": "New"}


def test_members_who_share_a_second_are_all_read(world: World) -> None:
    """A whole import in one second is more than a page; those who come to that second later are read, too."""
    for number in range(10):
        world.mailchimp.subscribe(AUDIENCE, f"m{number}@host.tld")
    world.sync()
    world.mailchimp.subscribe(AUDIENCE, "late@host.tld")
    world.sync()
    assert world.here() == world.there()
    assert len(world.here()) == 11


def test_the_newer_change_stays_and_rules_can_say_otherwise(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields go each by their own rule."""
    fields = [
        {"ours": "first_name", "theirs": "FNAME", "rule": "newest"},
        {"ours": "last_name", "theirs": "LNAME", "rule": "theirs"},
    ]
    monkeypatch.setenv("DRAMATURG_CAMPAIGNS_FIELDS", json.dumps(fields))
    sections.forget()
    world.mailchimp.subscribe(AUDIENCE, ADA, FNAME="A", LNAME="L")
    world.sync()
    world.later()
    world.mailchimp.edit(AUDIENCE, ADA, FNAME="theirs", LNAME="theirs")
    world.later()
    world.put(ADA, first_name="ours", last_name="ours")
    world.sync()
    assert world.there() == world.here() == {ADA: ("subscribed", {"FNAME": "ours", "LNAME": "theirs"})}


@pytest.mark.parametrize("how", ["unsubscribe", "clean", "archive"])
def test_who_has_gone_there_is_gone_here_and_stays_gone(world: World, how: str) -> None:
    """Consent is withdrawn here, and no later change of ours brings them back."""
    world.consent(ADA, given=True)
    world.mailchimp.subscribe(AUDIENCE, ADA, FNAME="Ada")
    world.sync()
    contact = Contacts().find(email=ADA)
    assert contact is not None
    assert Contacts().may_message(contact.id, "email")
    world.later()
    getattr(world.mailchimp, how)(AUDIENCE, ADA)
    status = world.there()[ADA][0]
    world.put(ADA, first_name="Newer")
    assert world.sync().gone == 1
    assert not Contacts().may_message(contact.id, "email")
    world.later()
    world.put(ADA, last_name="Newest")
    assert world.sync().gone == 0
    assert world.there()[ADA][0] == world.member(ADA).status == status
    changes = [call.json for call in world.mailchimp.calls if call.method != "GET"]
    assert all("status" not in said and "status_if_new" not in said for said in changes)


def test_who_takes_consent_back_here_is_unsubscribed_there(world: World) -> None:
    """Also when the platform changed them later, and those who are not there are not added."""
    for email in (ADA, BO):
        world.consent(email, given=True)
    world.mailchimp.subscribe(AUDIENCE, ADA, FNAME="Ada")
    world.sync()
    world.later()
    world.put(BO, first_name="Bo")
    world.consent(ADA, given=False)
    world.consent(BO, given=False)
    world.later()
    world.mailchimp.edit(AUDIENCE, ADA, FNAME="Later")
    world.sync()
    assert world.there() == {ADA: ("unsubscribed", {"FNAME": "Later"})}
    world.later()
    world.sync()
    assert world.there()[ADA][0] == "unsubscribed"


def test_who_gives_consent_again_before_they_were_there_is_added(world: World) -> None:
    """Their newest answer counts."""
    world.consent(BO, given=True)
    world.put(BO, first_name="Bo")
    world.later()
    world.consent(BO, given=False)
    world.sync()
    assert world.there() == {}
    world.later()
    world.consent(BO, given=True)
    world.sync()
    assert world.there() == {BO: ("subscribed", {"FNAME": "Bo"})}


def test_a_member_can_be_withdrawn_without_a_contact(world: World) -> None:
    """Our own word is enough."""
    world.mailchimp.subscribe(AUDIENCE, ADA)
    world.sync()
    Members().withdraw(AUDIENCE, ADA, world.later())
    world.sync()
    assert world.there()[ADA][0] == "unsubscribed"


def test_the_forgotten_are_never_added_again(world: World) -> None:
    """Somebody who was deleted for good is refused there, and has withdrawn consent here."""
    world.consent(CY, given=True)
    world.audience.forgotten.add(CY)
    world.put(CY, first_name="Cy")
    assert world.sync().refused == 1
    contact = Contacts().find(email=CY)
    assert contact is not None
    assert not Contacts().may_message(contact.id, "email")
    assert "only they can sign up again" in world.member(CY).problem
    world.later()
    world.put(CY, first_name="Cyrus")
    asked = len(world.mailchimp.calls)
    assert world.sync().told == 0
    assert all(call.method == "GET" for call in world.mailchimp.calls[asked:])


def test_a_known_member_who_was_archived_in_between_is_not_revived(world: World) -> None:
    """A change of ours that comes too late finds nobody, and adds nobody."""
    world.mailchimp.subscribe(AUDIENCE, ADA, FNAME="Ada")
    world.sync()
    world.later()
    world.put(ADA, first_name="New")
    journal = world.journal()
    from actors.growth.campaign_push import settle, take
    from actors.growth.mailchimp import mailchimp

    calls = take(Members(), AUDIENCE, [hash_of(ADA)])
    world.mailchimp.archive(AUDIENCE, ADA)
    settle(Members(), AUDIENCE, [mailchimp().operate(call) for call in calls], world.clock.now())
    assert world.there()[ADA][0] == "archived"
    assert world.sync(journal).told == 0
    assert world.member(ADA).status == "archived"


def test_a_value_that_is_refused_is_told_once_until_it_is_changed(world: World) -> None:
    """The problem is kept with the member, and the others are told."""
    world.audience.merge_fields["LNAME"] = "number"
    world.put(ADA, last_name="many")
    world.put(BO, last_name="7")
    first = world.sync()
    assert (first.told, first.refused) == (1, 1)
    assert "Please enter a number" in world.member(ADA).problem
    world.later()
    assert world.sync().refused == 0
    world.put(ADA, last_name="8")
    assert world.sync().told == 1
    assert {email: fields["LNAME"] for email, (_, fields) in world.there().items()} == {ADA: "8", BO: "7"}


def test_a_throttled_address_waits_for_its_time(world: World) -> None:
    """Some hours later it is tried again, and nothing else waits for it."""
    world.audience.throttled.add(ADA)
    world.put(ADA, first_name="Ada")
    world.put(BO, first_name="Bo")
    first = world.sync()
    assert (first.told, first.later) == (1, 1)
    assert world.sync().later == 0
    world.audience.throttled.clear()
    world.later(hours=7)
    assert world.sync().told == 1
    assert set(world.there()) == {ADA, BO}


def test_many_are_told_in_batches_that_take_their_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run of a piece waits without an attempt; what failed oddly in a batch is told by the next sync."""
    with a_world(tmp_path, monkeypatch, seed=2, page="20", batch="20", direct="0") as world:
        world.mailchimp.batches.takes = timedelta(minutes=5)
        world.mailchimp.odd_operations = 0.2
        for number in range(45):
            world.put(f"m{number}@host.tld", first_name=f"M{number}")
        journal = world.journal()
        first = world.sync(journal)  # a child that snoozes ends here: without a worker nobody wakes it
        assert first.failed == 3
        assert len(world.mailchimp.batches.kept) == 3
        world.mailchimp.batches.takes = timedelta()
        told, later = 0, 0
        for _ in range(10):
            world.later()
            done = world.sync()
            told, later = told + done.told, later + done.later
            if not done.later:
                break
        assert later > 0
        assert told == 45
        assert (
            world.here()
            == world.there()
            == {f"m{number}@host.tld": ("subscribed", {"FNAME": f"M{number}"}) for number in range(45)}
        )


def test_campaigns_and_their_results_come_here_and_drafts_are_renamed_there(world: World) -> None:
    """Results follow for a while after the sending; a draft that both sides renamed is called as here."""
    campaigns = world.mailchimp.campaigns
    spring = campaigns.draft(AUDIENCE, "Spring", "Hello")
    world.later()
    autumn = campaigns.draft(AUDIENCE, "Autumn")
    world.sync()
    world.later()
    campaigns.send(spring, 100)
    spring.opens, spring.unique_opens, spring.clicks, spring.bounces = 60, 40, 9, 2
    autumn.subject_line = "Theirs"
    Campaigns().rename(autumn.id, title="Fall")
    done = world.sync()
    assert (done.campaigns, done.renamed) == (2, 1)
    row = Campaigns().find(spring.id)
    assert row is not None
    assert (row.status, row.emails_sent, row.opens, row.unique_opens, row.bounces) == ("sent", 100, 60, 40, 2)
    assert (autumn.title, autumn.subject_line) == ("Fall", "Theirs")
    fall = Campaigns().find(autumn.id)
    assert fall is not None
    assert (fall.title, fall.subject, fall.to_tell) == ("Fall", "Theirs", {})
    with pytest.raises(InvalidInput):
        Campaigns().rename(spring.id, title="Too late")
    world.later(days=40)
    world.sync()
    asked = len(world.mailchimp.calls)
    spring.opens = 61
    world.sync()
    assert not [call for call in world.mailchimp.calls[asked:] if call.path == f"/3.0/campaigns/{spring.id}"]


def test_without_an_audience_there_is_nothing_to_sync(world: World) -> None:
    """The mistake says what to set."""
    from actors.growth.campaigns import Sync, sync
    from pipeline.testing import run_inline

    with pytest.raises(InvalidInput, match="DRAMATURG_MAILCHIMP_LIST_ID"):
        run_inline(sync, Sync())
