"""Contacts: a person is kept once, and what they took back stays taken back; in every database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from actors.growth.contacts import Contacts
from actors.growth.lead import Lead
from actors.growth.stores.sequences import SequenceRows
from pipeline.database import Database

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
H = timedelta(hours=1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database of each kind."""
    made = Database(database_url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def contacts(database: Database) -> Contacts:
    """The people of an empty database."""
    return Contacts(database)


def form(**more: object) -> Lead:
    """A form that was filled in at noon."""
    told = {"email": "ann@example.org", "consent": {"email": {"at": NOW, "where": "form"}}}
    return Lead.model_validate(told | more)


def test_a_person_is_one_by_address_number_or_id_and_forms_add_to_what_is_known(contacts: Contacts) -> None:
    """What is told anew replaces what may change; what a person is known by never does."""
    first = contacts.save(form(name="Ann", tags=["a"], external_id="CRM-1"), NOW)
    again = contacts.save(Lead(email="ANN@example.org", phone="+4930123456", tags=("b",), name="Ann B."), NOW + H)
    by_phone = contacts.save(Lead(phone="+4930123456", email="other@example.org"), NOW + H)
    by_id = contacts.save(Lead(email="third@example.org", external_id="CRM-1"), NOW + H)
    assert {one.id for one in (first, again, by_phone, by_id)} == {first.id}
    assert (by_id.email, by_id.phone, by_id.name, by_id.tags) == (
        "ann@example.org",
        "+4930123456",
        "Ann B.",
        ("a", "b"),
    )
    assert contacts.save(Lead(email="fourth@example.org", external_id="crm-1"), NOW).id != first.id
    assert contacts.find(email="nobody@example.org") is None
    found = contacts.find(phone="+4930123456")
    assert found is not None
    assert (found.id, found.created_at, found.timezone) == (first.id, NOW, "Europe/Berlin")


def test_what_two_people_are_known_by_stays_theirs(contacts: Contacts) -> None:
    """A form with the address of one and the number of another is of the first, and takes nothing from the second."""
    ann = contacts.save(form(), NOW)
    bob = contacts.save(Lead(phone="+4930123456"), NOW)
    both = contacts.save(Lead(email="ann@example.org", phone="+4930123456"), NOW)
    assert (both.id, both.phone) == (ann.id, "")
    assert contacts.find(phone="+4930123456") == bob


def test_the_same_person_from_many_sides_at_once_is_one(contacts: Contacts) -> None:
    """Webhooks come twice, and at the same moment."""
    with ThreadPoolExecutor(8) as threads:
        saved = list(threads.map(lambda n: contacts.save(form(external_id=f"x{n % 2}"), NOW), range(16)))
    assert len({one.id for one in saved}) == 1
    assert [one.given for one in contacts.history(saved[0].id)] == [True]


def test_what_was_taken_back_stays_so_until_a_newer_consent(contacts: Contacts) -> None:
    """An old form that comes again changes nothing, nor does a withdrawal that comes twice or late."""
    ann = contacts.save(form(), NOW)
    assert contacts.may_message(ann.id, "email")
    assert not contacts.may_message(ann.id, "whatsapp")
    assert contacts.withdraw("all", email="Ann@example.org", why="unsubscribe", at=NOW + H)
    assert not contacts.withdraw("all", email="ann@example.org", why="told again", at=NOW + H)
    assert not contacts.withdraw("email", email="nobody@example.org", why="unsubscribe", at=NOW + H)
    contacts.save(form(), NOW + 2 * H)
    assert not contacts.may_message(ann.id, "email")
    assert contacts.give(ann.id, "email", where="asked on the phone", at=NOW + 2 * H)
    assert contacts.may_message(ann.id, "email")
    contacts.withdraw("email", id=ann.id, why="an event that came late", at=NOW + H + H / 2)
    assert contacts.may_message(ann.id, "email")
    contacts.withdraw("email", id=ann.id, why="in the same moment", at=NOW + 2 * H)
    assert not contacts.may_message(ann.id, "email")
    told = [(one.given, one.place) for one in contacts.history(ann.id) if one.channel == "email"]
    assert told == [
        (True, "form"),
        (False, "unsubscribe"),
        (False, "an event that came late"),
        (False, "in the same moment"),
        (True, "asked on the phone"),
    ]


def test_a_consent_of_the_future_is_one_of_now(contacts: Contacts) -> None:
    """A form whose clock is wrong must not outlast the next withdrawal."""
    ann = contacts.save(form(consent={"email": {"at": NOW + 1000 * H, "where": "form"}}), NOW)
    contacts.withdraw("email", id=ann.id, why="unsubscribe", at=NOW + H)
    assert not contacts.may_message(ann.id, "email")


def test_what_became_of_a_message_is_noted_once_and_in_any_order(contacts: Contacts) -> None:
    """Before its id is known here, too."""
    for status, at in (("read", NOW + H), ("sent", NOW), ("read", NOW + 2 * H)):
        contacts.note_delivery("wamid.1", status, at)
    assert [(one.status, one.at) for one in contacts.deliveries("wamid.1")] == [("sent", NOW), ("read", NOW + H)]


def test_a_step_is_one_runs_at_a_time_and_begun_only_with_consent(database: Database, contacts: Contacts) -> None:
    """What another run claimed is taken over, what it began is not; who is stopped is called by nobody."""
    rows, ann = SequenceRows(database), contacts.save(form(), NOW)
    where, key = (ann.id, "s"), (ann.id, "s", "hello")
    assert rows.enrol(where, "run-1", "hello", NOW)[0]["run_id"] == "run-1"
    assert rows.enrol(where, "run-2", "hello", NOW)[0]["run_id"] == "run-1"
    assert rows.plan(where, "run-1", "hello", NOW + H, NOW)
    assert not rows.plan(where, "run-2", "hello", NOW + H, NOW)
    assert rows.claim(key, "leaf-1", again=False)["run_id"] == "leaf-1"
    assert rows.claim(key, "leaf-2", again=False)["run_id"] == "leaf-2"
    assert rows.begin(key, "leaf-1", "email", NOW) == "another run does this step"
    assert rows.begin(key, "leaf-2", "whatsapp", NOW) == "no consent for whatsapp"
    assert rows.begin(key, "leaf-2", "email", NOW) == ""
    assert rows.claim(key, "leaf-3", again=False)["run_id"] == "leaf-2"
    assert rows.claim(key, "leaf-3", again=True)["run_id"] == "leaf-3"
    rows.set_state(where, "stopped", NOW)
    assert rows.begin(key, "leaf-3", "email", NOW) == "the person was stopped"
    rows.end(key, "leaf-3", "done", NOW + H, reference="m1")
    rows.skip(key, NOW)
    rows.give_up(key, "late", NOW, begun="uncertain")
    there = rows.steps(where)["hello"]
    assert (there["state"], there["reference"], there["done_at"]) == ("done", "m1", NOW + H)
    assert [row["email"] for row in rows.enrolments(state="stopped")] == ["ann@example.org"]


def test_a_step_that_many_runs_want_at_once_is_begun_by_one(database: Database, contacts: Contacts) -> None:
    """Whoever claims last may begin it, and nobody else."""
    rows, ann = SequenceRows(database), contacts.save(form(), NOW)
    rows.enrol((ann.id, "s"), "run", "hello", NOW)
    key = (ann.id, "s", "hello")

    def race(number: int) -> str:
        rows.claim(key, f"leaf-{number}", again=False)
        return rows.begin(key, f"leaf-{number}", "email", NOW)

    with ThreadPoolExecutor(8) as threads:
        begun = list(threads.map(race, range(16)))
    assert begun.count("") == 1
