"""A sync that is killed, cut off, lied to or only planned leaves both sides as one that was not."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from actors.growth.campaign_results import Campaigns
from actors.growth.campaigns import Sync, sync
from actors.growth.contacts import Contacts
from pipeline import Failure
from pipeline.testing import MemoryJournal, run_inline
from pipeline.testing.simulated_api import Answer, Request
from tests.support.audiences import AUDIENCE, State, World, a_world


class Killed(BaseException):
    """The worker died here."""


@dataclass
class DyingJournal(MemoryJournal):
    """Dies instead of saving the step of this number, once."""

    dies_at: int = 0
    saved: int = 0

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        """Save, or die."""
        self.saved += 1
        if self.saved == self.dies_at:
            raise Killed
        super().save_step(name, value, replace=replace)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An account with a dozen members, a campaign, and as many changes of ours, in small pieces."""
    with a_world(tmp_path, monkeypatch, seed=4, page="4", batch="5", direct="5") as world:
        for number in range(12):
            world.mailchimp.subscribe(AUDIENCE, f"m{number}@host.tld", FNAME=f"M{number}")
        world.mailchimp.campaigns.draft(AUDIENCE, "Spring")
        yield world


def changes(world: World, turn: int) -> State:
    """Change both sides, and say what both have to be in the end."""
    world.later()
    expected = {email: (status, dict(fields)) for email, (status, fields) in world.there().items()}
    for number in range(0, 6, 2):
        email = f"m{number}@host.tld"
        world.mailchimp.edit(AUDIENCE, email, LNAME=f"there {turn}")
        expected[email][1]["LNAME"] = f"there {turn}"
    world.later()
    for number in range(1, 12, 2):
        email = f"m{number}@host.tld"
        world.put(email, last_name=f"here {turn}")
        expected.setdefault(email, ("subscribed", {}))[1]["LNAME"] = f"here {turn}"
    world.put(f"n{turn}@host.tld", first_name="New")
    expected[f"n{turn}@host.tld"] = ("subscribed", {"FNAME": "New"})
    if turn % 4 == 3:
        world.mailchimp.unsubscribe(AUDIENCE, f"n{turn - 1}@host.tld")
        expected[f"n{turn - 1}@host.tld"] = ("unsubscribed", {"FNAME": "New"})
    return expected


def test_killed_at_every_step_it_goes_on_where_it_was(world: World) -> None:
    """However often it dies before a step is saved, both sides end as they would have, and no page is read anew."""
    world.sync()
    turn, dead = 0, True
    while dead:
        turn += 1
        expected = changes(world, turn)
        journal = DyingJournal(clock=world.clock, dies_at=turn)
        with contextlib.suppress(Killed):
            world.sync(journal)
        dead = journal.saved == turn
        before = _pages(world)
        world.sync(journal)
        assert (world.there(), world.here()) == (expected, expected), f"killed at step {turn}"
        if turn > 8:
            assert _pages(world) == before, f"killed at step {turn}"
    assert turn >= 12


def _pages(world: World) -> int:
    return sum(call.path.endswith("/members") and call.method == "GET" for call in world.mailchimp.calls)


def test_cut_off_at_any_call_it_ends_the_same(world: World) -> None:
    """Every other call is not made, or made and not answered; the next attempt makes up for it."""
    world.sync()
    turn, calls = 0, 1
    while turn < calls:
        turn += 2
        expected = changes(world, turn)
        before = len(world.mailchimp.calls)
        _break(world, turn, lose=turn % 4 == 0)
        _until_done(world)
        calls = len(world.mailchimp.calls) - before
        assert (world.there(), world.here()) == (expected, expected), f"cut off at call {turn}"
    assert turn > 12


def _break(world: World, number: int, *, lose: bool) -> None:
    """Break the call of this number, counted from the next."""
    admit, left = world.mailchimp.refuse, [number]

    def refuse(request: Request, at_once: int) -> Answer | None:
        left[0] -= 1
        if left[0] == 0:
            (world.mailchimp.lose_answer if lose else world.mailchimp.drop_next)()
        return admit(request, at_once)

    world.mailchimp.refuse = refuse  # type: ignore[method-assign] # counts the calls


@pytest.mark.parametrize("seed", range(2))
def test_under_odd_failures_both_sides_converge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """A fifth of the calls fails oddly, a tenth loses its answer, people come and go: in the end both are the same."""
    dice = random.Random(seed)
    with a_world(tmp_path, monkeypatch, seed=seed, page="5", batch="6", direct="3") as world:
        emails = [f"m{number}@host.tld" for number in range(20)]
        gone: set[str] = set()
        for email in emails:
            world.consent(email, given=True)
        world.mailchimp.flaky(0.2, lost=0.1)
        world.mailchimp.odd_operations = 0.1
        for turn in range(6):
            world.later()
            for email in dice.sample(emails, 6):
                there = email in world.there()
                if dice.random() < 0.5:
                    world.put(email, **{dice.choice(["first_name", "last_name"]): f"here {turn}"})
                elif not there and email not in gone:
                    world.mailchimp.subscribe(AUDIENCE, email, FNAME=f"there {turn}")
                elif there and world.there()[email][0] == "subscribed":
                    if dice.random() < 0.3:
                        world.mailchimp.unsubscribe(AUDIENCE, email)
                        gone.add(email)
                    else:
                        world.mailchimp.edit(AUDIENCE, email, LNAME=f"there {turn}")
            if turn == 3:
                world.consent(emails[turn], given=False)
                gone.add(emails[turn])
            _until_done(world)
        world.mailchimp.flaky(0)
        world.mailchimp.odd_operations = 0
        for _ in range(3):
            world.later()
            _until_done(world)
        assert world.here() == world.there()
        assert (world.sync().changed, world.sync().told) == (0, 0)
        for email in gone:
            assert world.there().get(email, ("unsubscribed",))[0] == "unsubscribed"
            contact = Contacts().find(email=email)
            assert contact is not None
            assert not Contacts().may_message(contact.id, "email")


def _until_done(world: World) -> None:
    journal = world.journal()
    for _ in range(200):
        try:
            if world.sync(journal).failed:
                journal = world.journal()
                continue
        except (httpx2.HTTPError, Failure):
            continue
        return
    pytest.fail("it never ended")


def test_a_plan_tells_all_that_a_sync_then_does_and_writes_nothing(world: World, tmp_path: Path) -> None:
    """Every difference that the sync makes, here and there, was told before, and nothing else is."""
    world.consent("m7@host.tld", given=True)
    world.sync()
    changes(world, 1)
    world.mailchimp.archive(AUDIENCE, "m9@host.tld")
    world.consent("m7@host.tld", given=False)
    world.mailchimp.campaigns.draft(AUDIENCE, "Autumn")
    [spring] = [one for one in world.mailchimp.campaigns.kept.values() if one.title == "Spring"]
    Campaigns().rename(spring.id, subject="Hello")
    here, there, texts = world.here(), world.there(), spring.subject_line
    database = (tmp_path / "campaigns.db").read_bytes()
    asked = len(world.mailchimp.calls)
    plan = world.plan()
    assert all(call.method == "GET" for call in world.mailchimp.calls[asked:])
    assert (world.here(), world.there(), spring.subject_line) == (here, there, texts)
    assert (tmp_path / "campaigns.db").read_bytes() == database
    world.sync()
    told = {side: {one.name for one in plan if (one.side, one.what) == (side, "member")} for side in ("here", "there")}
    assert told["there"] == {email for email, state in world.there().items() if there.get(email) != state}
    # Those of whom the platform was told have its answer here, too.
    assert told["here"] == {email for email, state in world.here().items() if here.get(email) != state} - told["there"]
    for change in plan:
        if change.what != "member":
            continue
        status, fields = (world.there() if change.side == "there" else world.here())[change.name]
        names = {"first_name": "FNAME", "last_name": "LNAME"}
        for name, (_, after) in change.values.items():
            assert {"status": status, **fields}.get(names.get(name, name)) == (after or None)
    assert {(one.side, one.kind) for one in plan if one.what == "campaign"} == {("here", "add"), ("there", "change")}
    assert world.plan() == []


def test_two_syncs_at_a_time_do_not_move_one_another_s_place(world: World) -> None:
    """The one that comes second to a page writes nothing of it, and reads on after another attempt."""
    from actors.growth import campaign_pull
    from actors.growth.mailchimp import mailchimp
    from actors.growth.members import Members
    from actors.growth.stores.campaigns import Place

    now = world.clock.now()
    campaign_pull.begin(Members(), AUDIENCE, archived=False, now=now)
    place = Members().store.place(f"members/{AUDIENCE}")
    campaign_pull.pull_page(mailchimp(), Members(), AUDIENCE, archived=False, now=now)
    with pytest.raises(Failure, match="somebody else"):
        Members().change(
            AUDIENCE, [], lambda there: [], name=f"members/{AUDIENCE}", place=Place(version=place.version), now=now
        )
    assert run_inline(sync, Sync(list_id=AUDIENCE), journal=world.journal()).result.read >= 8
