"""``lead.created``: a sequence over days, each message at most once, with consent, and in nobody's night."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.growth.contacts import Contacts
from actors.growth.leads import lead_created
from actors.growth.sequence import DECLARED, Order, Sequence, SequenceStep
from actors.growth.sequence_actors import send_email, send_whatsapp
from actors.growth.stores.sequences import SequenceRows
from pipeline import InvalidInput, Unavailable
from pipeline.testing import SimulatedRun
from tests.support.growth import AUDIENCE, Outside, outside, person

#: A Friday afternoon in Berlin.
START = datetime(2026, 6, 5, 13, tzinfo=UTC)
H = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Outside]:
    """The outside, an empty database, and a simulation that begins on a Friday afternoon."""
    with outside(tmp_path, START) as made:
        yield made


@pytest.fixture
def letters() -> Iterator[str]:
    """A sequence of three mails, an hour and then ten hours apart."""
    steps = [SequenceStep(f"m{n}", after=n * n * H, channel="email", template="drip-mail") for n in (0, 1, 3)]
    yield Sequence("letters", *steps).name
    DECLARED.pop("letters")


def send(world: Outside, number: int = 1, **more: object) -> SimulatedRun:
    """A lead comes now."""
    return world.here.send(lead_created, person(number, world.clock.now(), **more))


def states(run: SimulatedRun) -> dict[str, str]:
    """How each step of a run ended."""
    return {done.step: done.state for done in run.result.steps}


def hours(world: Outside) -> list[tuple[str, float]]:
    """Every message by its template, and how many hours after the start."""
    return [(template, (at - START) / H) for _, template, at in world.sent()]


def test_a_lead_goes_through_the_welcome_sequence(world: Outside) -> None:
    """CRM, audience and hello at once, follow-ups after two days and three more, and everything once."""
    run = send(world)
    world.here.run()
    assert set(states(run).values()) == {"done"}
    assert hours(world) == [("welcome_hello", 0), ("welcome-follow-up-1", 48), ("welcome-follow-up-2", 120)]
    [member] = world.mailchimp.audiences[AUDIENCE].members.values()
    assert (member.email, member.tags, member.merge_fields["FNAME"]) == ("person1@example.org", ["lead"], "Person")
    assert [one["email"] for one in world.crm.contacts.values()] == ["person1@example.org"]
    assert len(world.crm.activities) == 1
    assert world.leads.standings("completed")[0].next_at is None


def test_a_form_that_comes_again_starts_nothing(world: Outside) -> None:
    """Neither while the sequence goes on nor after it; the second run says which one it is."""
    first = send(world)
    world.here.run(H)
    second = send(world)
    world.here.run()
    third = send(world, email="PERSON1@example.org", name="Somebody else")
    world.here.run()
    assert (second.result.other_run, third.result.other_run) == (first.id, first.id)
    assert len(world.sent()) == 3


def test_messages_wait_for_the_morning_where_the_person_is(world: Outside, letters: str) -> None:
    """What is due at night goes at nine; the steps after it count from then on."""
    for number, zone in enumerate(("Europe/Berlin", "America/New_York", "Asia/Tokyo")):
        send(world, number, timezone=zone, sequence=letters)
    world.here.run(H / 2)
    assert [one.next_at for one in world.leads.standings()] == [START + H, START + H, START + 11 * H]
    world.here.run()
    at: dict[str, list[float]] = {}
    for to, _, when in world.sent():
        at.setdefault(to[:7], []).append((when - START) / H)
    assert at["person0"] == [0, 1, 18]  # 15:00 and 16:00 in Berlin; 01:00 becomes 09:00
    assert at["person1"] == [0, 1, 10]  # 09:00, 10:00, 19:00 in New York
    assert at["person2"] == [11, 12, 21]  # 22:00 becomes 09:00 in Tokyo, then 10:00 and 19:00
    assert all(run.attempts == 1 for run in world.here.of(lead_created))


def test_consent_is_looked_at_before_each_message(world: Outside, letters: str) -> None:
    """Who takes it back between two messages gets no more; the other steps go on."""
    run = send(world, sequence=letters)
    world.here.at(START + H / 2, lambda: Contacts().withdraw("email", email="person1@example.org", why="x", at=START))
    never = send(world, 2, sequence=letters, consent={})
    world.here.run()
    assert list(states(run).values()) == ["done", "withheld", "withheld"]
    assert set(states(never).values()) == {"withheld"}
    assert [to for to, _, _ in world.sent()] == ["person1@example.org"]


def test_consent_taken_back_while_a_message_waits_counts(world: Outside, letters: str) -> None:
    """It is looked at after the wait for the morning, not before it."""
    run = send(world, timezone="Asia/Tokyo", sequence=letters)
    world.here.run(H)
    Contacts().withdraw("email", email="person1@example.org", why="unsubscribe", at=world.clock.now())
    world.here.run()
    assert set(states(run).values()) == {"withheld"}
    assert world.sent() == []


def test_who_cannot_be_reached_and_what_is_refused_stops_nothing_else(world: Outside) -> None:
    """No number: no WhatsApp; an address that bounced: no mail; the result says which."""
    world.mailchimp.mandrill.rejects["person1@example.org"] = "hard-bounce"
    run = send(world, phone="", timezone="Europe/Berlin")
    world.here.run()
    found = {done.step: (done.state, done.detail) for done in run.result.steps}
    assert found["hello"] == ("withheld", "no phone number is known")
    assert found["follow-up-1"][0] == "failed"
    assert "hard-bounce" in found["follow-up-1"][1]
    assert found["crm"][0] == "done"


def test_a_message_whose_answer_is_lost_is_put_up_for_review_and_not_sent_again(world: Outside) -> None:
    """The sequence waits for the person's answer, and goes on with it."""
    world.whatsapp.lose_answer("POST .*/messages")
    run = send(world)
    world.here.run(30 * DAY)
    assert len(world.sent()) == 1
    [asked] = world.here.reviews
    assert asked.actor is send_whatsapp
    assert asked.review is not None
    assert "welcome_hello to +4915112000001" in asked.review["arguments"]
    [message] = world.whatsapp.messages
    world.here.answer(asked.id, "done", message)
    world.here.run()
    assert [template for _, template, _ in world.sent()] == [
        "welcome_hello",
        "welcome-follow-up-1",
        "welcome-follow-up-2",
    ]
    assert run.result.steps[3].reference == message


def test_a_message_that_a_person_says_was_not_sent_goes_out_in_the_morning(world: Outside) -> None:
    """Answered at night: consent and quiet hours are looked at again."""
    world.whatsapp.fail_next(1, 503, matching="POST .*/messages")
    run = send(world)
    world.here.run(10 * H)
    [asked] = world.here.reviews
    world.here.answer(asked.id, "undone")
    world.here.run()
    assert states(run)["hello"] == "done"
    assert hours(world)[0] == ("welcome_hello", 18)


def test_a_review_that_is_given_up_is_never_sent_and_the_sequence_goes_on(world: Outside) -> None:
    """The step says that it is uncertain."""
    world.whatsapp.lose_answer("POST .*/messages")
    run = send(world)
    world.here.run(H)
    world.here.answer(world.here.reviews[0].id, "reject")
    world.here.run()
    assert states(run)["hello"] == "uncertain"
    assert len(world.sent()) == 3


def test_limits_and_outages_of_the_others_are_waited_out(world: Outside) -> None:
    """A refusal is no review: it goes out when it may; what is idempotent is simply done again."""
    world.whatsapp.fail_with(130429)
    world.mailchimp.fail_next(3, 500, matching="PUT")
    world.crm.lose_answer("POST .*/activities")
    run = send(world)
    world.here.run()
    assert set(states(run).values()) == {"done"}
    assert (len(world.sent()), len(world.crm.activities)) == (3, 1)
    assert world.here.reviews == []


def test_a_person_can_be_stopped_at_once_and_resumed_without_repeating(world: Outside) -> None:
    """A sleeping run ends; resumed, a new one goes on with what was not done."""
    first = send(world)
    world.here.run(DAY)
    [stopped] = world.leads.stop("person1@example.org", why="asked by phone")
    assert (stopped.state, stopped.why, first.state) == ("stopped", "asked by phone", "cancelled")
    again = send(world)
    world.here.run(10 * DAY)
    assert again.result.other_run == first.id
    [resumed] = world.leads.resume("+4915112000001")
    assert resumed.state == "active"
    world.here.run()
    assert [template for _, template, _ in world.sent()] == [
        "welcome_hello",
        "welcome-follow-up-1",
        "welcome-follow-up-2",
    ]
    assert world.leads.standings()[0].state == "completed"
    with pytest.raises(InvalidInput, match="is in no sequence that is active"):
        world.leads.stop("person1@example.org")


def test_a_person_can_be_skipped_ahead(world: Outside) -> None:
    """To the next step now, or to a later one, which leaves those between out; at night it waits all the same."""
    run = send(world)
    world.here.run(H)
    world.leads.skip("person1@example.org", to="follow-up-2")
    world.here.run()
    assert run.state == "cancelled"
    assert hours(world) == [("welcome_hello", 0), ("welcome-follow-up-2", 1)]
    send(world, 2)
    world.here.run(8 * H)
    world.leads.skip("person2@example.org")
    with pytest.raises(InvalidInput, match="no step 'hello'"):
        world.leads.skip("person2@example.org", to="hello")
    world.here.run(DAY)
    night = [at for to, _, at in world.sent() if to == "person2@example.org"]
    assert [at.hour for at in night] == [7]


def test_a_call_that_a_stopped_run_began_is_not_made_by_the_next_one(world: Outside) -> None:
    """Stopped while nobody knows whether it was sent: a person is asked again, by the run that goes on."""
    world.whatsapp.lose_answer("POST .*/messages")
    send(world)
    world.here.run(H)
    world.leads.stop("person1@example.org")
    assert world.here.reviews == []
    world.leads.resume("person1@example.org")
    world.here.run(H)
    [asked] = world.here.reviews
    assert asked.review is not None
    assert "began it" in asked.review["why"]
    world.here.answer(asked.id, "done", "wamid.found")
    world.here.run()
    assert len(world.sent()) == 3


def test_a_second_run_of_a_step_sends_nothing(world: Outside, letters: str) -> None:
    """However the actor of a step comes to run again: by hand, by another sequence run, by a retry."""
    run = send(world, sequence=letters)
    world.here.run()
    order = Order(contact=run.result.contact, sequence=letters, step="m0")
    again = world.here.send(send_email, order)
    world.here.run()
    assert again.result == run.result.steps[0]
    assert len(world.sent()) == 3


def test_a_database_that_is_away_before_the_call_asks_nobody(world: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent then: the run waits, and goes on by itself."""
    away = iter([True, True])
    begin = SequenceRows.begin

    def fails(rows: SequenceRows, *about: Any) -> str:
        if next(away, False):
            raise Unavailable("no database")
        return begin(rows, *about)

    monkeypatch.setattr(SequenceRows, "begin", fails)
    run = send(world)
    world.here.run()
    assert set(states(run).values()) == {"done"}
    assert len(world.sent()) == 3


def test_a_person_is_shown_with_all_that_happened(world: Outside) -> None:
    """Where they are, what they answered, what was sent and read, and what comes next when."""
    run = send(world)
    world.here.run(DAY)
    [message] = world.whatsapp.messages
    Contacts().note_delivery(message, "read", START + H)
    shown = world.leads.show("person1@example.org")
    assert shown.may_message == {"email": True, "whatsapp": True}
    steps = {step.step: (step.state, step.at, [one.status for one in step.deliveries]) for step in shown.steps}
    assert steps["hello"] == ("done", START, ["read"])
    assert steps["follow-up-1"] == ("to come", START + 2 * DAY, [])
    assert steps["follow-up-2"] == ("to come", None, [])
    assert (shown.standings[0].run, shown.standings[0].next_step) == (run.id, "follow-up-1")
    with pytest.raises(InvalidInput, match="Nobody is known"):
        world.leads.show("nobody@example.org")


def test_nothing_is_sent_twice_however_often_workers_die(tmp_path: Path, letters: str) -> None:
    """They die at every twentieth checkpoint; a person answers by what the other side has."""
    with outside(tmp_path, START, seed=3, deaths=0.05) as world:
        for number in range(12):
            send(world, number, sequence=letters)
        for _ in range(40):
            world.here.run(6 * H)
            for asked in world.here.reviews:
                assert asked.actor is send_email
                sent = [one.id for one in world.mailchimp.mandrill.sent if one.metadata["step"] == asked.review["name"]]  # type: ignore[index] # it is asked
                world.here.answer(asked.id, "done" if sent else "undone", *sent)
        world.here.run()
        assert world.here.died
        assert [run.state for run in world.here.of(lead_created)] == ["completed"] * 12
        keys = [one.metadata["step"] for one in world.mailchimp.mandrill.sent]
        assert sorted(keys) == sorted(set(keys))
        assert len(keys) == 36
