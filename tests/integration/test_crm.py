"""Both kinds of CRM: what is asked, what an answer means, and that a lost answer makes nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from pydantic import SecretStr, ValidationError

from actors.growth.crm import Crm, CrmActivity, CrmContact, crm
from actors.growth.crm_http import HttpCrm
from actors.growth.crm_settings import CrmSettings
from actors.growth.hubspot import HubSpot
from actors.growth.hubspot_cursor import Place
from actors.growth.hubspot_errors import explain
from actors.growth.wire import Reply
from pipeline import AuthFailed, InvalidInput, Permanent, RateLimited, Run, Transient, actor, sections
from pipeline.classification import classify
from pipeline.environment import SettingsError
from pipeline.testing import MemoryJournal, StillClock, run_inline
from pipeline.testing.crm import SimulatedCrm
from pipeline.testing.hubspot import SimulatedHubSpot
from pipeline.testing.hubspot_objects import Objects

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
ADA = CrmContact(email="Ada@Example.com", name="Ada King Lovelace", phone="+442071234567", company="Engines")
NOTE = CrmActivity(at=NOON, title="Welcome <b>", text="Sent: a & b\nThe end", kind="email")


@pytest.fixture
def clock() -> StillClock:
    """A clock that stands still."""
    return StillClock(NOON)


@pytest.fixture
def account(clock: StillClock) -> Iterator[SimulatedHubSpot]:
    """A HubSpot account in which nothing is known yet."""
    with SimulatedHubSpot(clock=clock.now) as running:
        yield running


def hubspot(account: SimulatedHubSpot, **more: Any) -> HubSpot:
    settings = CrmSettings(kind="hubspot", token=SecretStr(account.token), url=account.url, **more)
    return HubSpot(settings, now=account.now)


def other(system: SimulatedCrm) -> HttpCrm:
    return HttpCrm(CrmSettings(kind="http", token=SecretStr(system.token), url=system.url))


def test_hubspots_requests_are_as_documented(account: SimulatedHubSpot) -> None:
    """Batch upsert by address under a dated path; a note with its association; what was written is what is read."""
    client = hubspot(account)
    ada = client.upsert_contact(ADA)
    note = client.add_activity(ada, NOTE, "lead-1/welcome")
    assert client.find_activity(ada, "lead-1/welcome") == note
    assert [(call.method, call.path, call.json) for call in account.calls] == [
        (
            "POST",
            "/crm/objects/2026-03/contacts/batch/upsert",
            {
                "inputs": [
                    {
                        "id": "ada@example.com",
                        "idProperty": "email",
                        "properties": {
                            "email": "ada@example.com",
                            "firstname": "Ada",
                            "lastname": "King Lovelace",
                            "phone": "+442071234567",
                            "company": "Engines",
                        },
                    }
                ]
            },
        ),
        (
            "POST",
            "/crm/objects/2026-03/notes",
            {
                "properties": {
                    "hs_timestamp": "2026-03-28T12:00:00.000Z",
                    "hs_note_body": "<strong>Welcome &lt;b&gt;</strong><br>Sent: a &amp; b<br>The end",
                    "dramaturg_key": "lead-1/welcome",
                },
                "associations": [
                    {
                        "to": {"id": ada},
                        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}],
                    }
                ],
            },
        ),
        ("POST", "/crm/associations/2026-03/contacts/notes/batch/read", {"inputs": [{"id": ada}]}),
        (
            "POST",
            "/crm/objects/2026-03/notes/batch/read",
            {"properties": ["dramaturg_key"], "inputs": [{"id": note}]},
        ),
    ]
    assert all("authorization" not in call.headers for call in account.calls)


@pytest.fixture(params=["hubspot", "http"])
def both(request: pytest.FixtureRequest, clock: StillClock) -> Iterator[tuple[Crm, Any]]:
    """Each kind of CRM with its simulator."""
    if request.param == "hubspot":
        with SimulatedHubSpot(clock=clock.now, burst=None, searches=None) as account:
            yield hubspot(account), account
    else:
        with SimulatedCrm(clock=clock.now) as system:
            yield other(system), system


def test_a_contact_is_one_by_its_address(both: tuple[Crm, Any]) -> None:
    """Again, in other letters or with more said of it: the same one, and what is not said stays."""
    client, system = both
    first = client.upsert_contact(ADA)
    assert client.upsert_contact(CrmContact(email="ada@example.com", phone="+3312345678")) == first
    assert len(system.contacts) == 1
    kept = dict(system.contacts.items())[first]
    assert (kept["phone"], kept["company"], kept["email"]) == ("+3312345678", "Engines", "ada@example.com")


def test_a_lost_answer_makes_nothing_twice(both: tuple[Crm, Any], clock: StillClock) -> None:
    """The contact is found again by its address, the activity by its key, at once and whatever search knows."""
    client, system = both
    system.lose_answer("upsert|PUT")
    with pytest.raises(Exception) as lost:  # noqa: PT011 - its kind is what counts
        client.upsert_contact(ADA)
    assert classify(lost.value).kind == "transient"
    ada = client.upsert_contact(ADA)
    assert len(system.contacts) == 1

    @actor(name="crm.note", queue="default")
    def note(contact: str, run: Run) -> str:
        return run.effect(
            client.add_activity,
            contact,
            NOTE,
            "lead-1/welcome",
            key="note",
            lookup=lambda _: client.find_activity(contact, "lead-1/welcome"),
        )

    system.lose_answer("POST .*(notes|activities)$")
    journal = MemoryJournal()
    with pytest.raises(Exception) as lost:  # noqa: PT011 - see above
        run_inline(note, ada, journal=journal)
    assert classify(lost.value).kind == "transient"
    noted = system.notes if isinstance(system, SimulatedHubSpot) else system.activities
    assert len(noted) == 1
    kept = orjson.loads(journal.load_steps()["effect:note"])
    journal.save_step("effect:note", orjson.dumps(kept | {"at_ms": kept["at_ms"] - 6000}), replace=True)  # it settled
    assert run_inline(note, ada, journal=journal).result == next(iter(dict(noted.items())))
    assert len(noted) == 1
    assert client.find_activity(ada, "lead-1/other") is None


def test_search_knows_a_note_later_than_its_contact_does(account: SimulatedHubSpot, clock: StillClock) -> None:
    """Which is why it is not asked: it would tell what is there as missing, and the note would be made again."""
    client = hubspot(account)
    ada = client.upsert_contact(ADA)
    note = client.add_activity(ada, NOTE, "k")
    wanted = {"filterGroups": [{"filters": [{"propertyName": "dramaturg_key", "operator": "EQ", "value": "k"}]}]}
    assert account.notes.searched(wanted) == []
    assert client.find_activity(ada, "k") == note
    clock.forward(timedelta(seconds=10))
    assert account.notes.searched(wanted) == [note]


def test_a_contact_with_many_notes_is_looked_through_in_pages(clock: StillClock) -> None:
    """The one that is wanted may be the last; none at all is no failure."""
    with SimulatedHubSpot(clock=clock.now, burst=None, notes_page=120) as account:
        client = hubspot(account)
        ada = client.upsert_contact(ADA)
        assert client.find_activity(ada, "k0") is None
        notes = [client.add_activity(ada, NOTE, f"k{n}") for n in range(250)]
        assert client.find_activity(ada, "k249") == notes[-1]
        assert client.find_activity(ada, "k250") is None


def test_a_batch_with_bad_ones_gets_the_good_ones_through(account: SimulatedHubSpot) -> None:
    """HubSpot refuses one of them alone (207), or the whole batch for one of them (400): both are told by address."""
    wanted = [CrmContact(email=f"p{n}@example.com", name=f"P {n}") for n in range(130)]
    wanted[7] = CrmContact(email="p7@nowhere", name="P 7")
    wanted[40] = CrmContact(email="p40@example.com", extra={"shoe_size": "44"})
    wanted.append(CrmContact(email="P0@example.com", company="Later"))
    done = hubspot(account).upsert_contacts(wanted)
    assert set(done.refused) == {"p7@nowhere", "p40@example.com"}
    assert "shoe_size" in done.refused["p40@example.com"]
    assert len(done.ids) == len(account.contacts) == 128
    assert account.contacts[done.ids["p0@example.com"]]["company"] == "Later"
    assert len(account.calls) < 20
    with pytest.raises(InvalidInput, match="p7@nowhere is invalid"):
        hubspot(account).upsert_contact(wanted[7])


def test_a_merged_contact_answers_to_its_old_address(account: SimulatedHubSpot) -> None:
    """HubSpot gives the contact that it was merged into, under that one's address."""
    client = hubspot(account)
    ada = client.upsert_contact(ADA)
    account.merged["a.king@example.com"] = ada
    old = CrmContact(email="a.king@example.com", company="Merged")
    assert client.upsert_contact(old) == ada
    done = client.upsert_contacts([old, CrmContact(email="new@example.com")])
    assert done.ids["a.king@example.com"] == ada
    assert len(account.contacts) == 2


@pytest.mark.parametrize(
    ("limits", "zone", "wait"),
    [
        ({"burst": 3}, "UTC", timedelta(seconds=10)),
        ({"daily": 3}, "UTC", timedelta(hours=12)),
        ({"daily": 3}, "America/New_York", timedelta(hours=16)),
        ({"daily": 3}, "Asia/Tokyo", timedelta(hours=3)),
    ],
)
def test_hubspots_limits_say_how_long_to_wait(
    clock: StillClock, limits: dict[str, int], zone: str, wait: timedelta
) -> None:
    """Ten seconds, or till midnight where the account is; after that it answers again."""
    with SimulatedHubSpot(clock=clock.now, timezone=zone, **limits) as account:  # type: ignore[arg-type] # numbers
        client = hubspot(account, timezone=zone)
        for _ in range(3):
            client.upsert_contact(ADA)
        with pytest.raises(RateLimited) as refused:
            client.upsert_contact(ADA)
        assert refused.value.retry_after == wait
        clock.forward(wait - timedelta(seconds=1))
        with pytest.raises(RateLimited):
            client.upsert_contact(ADA)
        clock.forward(timedelta(seconds=2))
        client.upsert_contact(ADA)


def test_midnight_is_the_calendars() -> None:
    """The day on which the clocks go forward in Paris is an hour shorter."""
    reply = Reply(429, {}, orjson.dumps({"policyName": "DAILY", "message": "x"}))
    before = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    told = explain(reply, lambda: before, ZoneInfo("Europe/Paris"))
    assert isinstance(told, RateLimited)
    assert told.retry_after == timedelta(hours=22, minutes=30)


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (401, {"status": "error", "message": "no", "category": "INVALID_AUTHENTICATION"}, AuthFailed, "no"),
        (403, {"status": "error", "message": "scopes", "category": "MISSING_SCOPES"}, AuthFailed, "scopes"),
        (400, {"message": "bad", "errors": [{"context": {"propertyName": ["phone"]}}]}, InvalidInput, "bad"),
        (423, {"message": "locked"}, Transient, "locked"),
        (477, {"message": "migration"}, Transient, "migration"),
    ],
)
def test_what_hubspot_answers_has_a_kind(
    account: SimulatedHubSpot, status: int, body: dict[str, Any], kind: type[Exception], told: str
) -> None:
    """By status and body; a wrong field is named."""
    account.fail_next(1, status, body)
    with pytest.raises(kind, match=told) as failed:
        hubspot(account).add_activity("1", NOTE, "k")
    assert getattr(failed.value, "status", None) == status
    if status == 400:
        assert getattr(failed.value, "field", None) == "phone"
    if status == 423:
        assert getattr(failed.value, "retry_after", None) == timedelta(seconds=2)


def test_odd_failures_pass_and_a_wrong_token_does_not(both: tuple[Crm, Any], clock: StillClock) -> None:
    """A 502 in HTML is transient; the token is in no failure."""
    client, system = both
    system.flaky(1.0)
    with pytest.raises(Exception) as odd:  # noqa: PT011 - its kind is what counts
        client.upsert_contact(ADA)
    assert classify(odd.value).kind == "transient"
    system.flaky(0.0)
    held, system.token = system.token, "another"
    with pytest.raises(AuthFailed) as refused:
        client.upsert_contact(ADA)
    assert held not in repr(refused.value)


def test_changes_come_in_pages_and_none_is_left_out(both: tuple[Crm, Any], clock: StillClock) -> None:
    """Oldest first, from a time on, also what changes while they are read; HubSpot's search is late, and waited for."""
    client, _ = both
    for n in range(25):
        client.upsert_contact(CrmContact(email=f"p{n}@example.com", name=f"P {n}"))
        clock.forward(timedelta(seconds=30))
    clock.forward(timedelta(minutes=1))
    since = NOON + timedelta(seconds=30 * 10)
    page = client.contacts_changed(since, limit=7)
    first = client.upsert_contact(CrmContact(email="p12@example.com", company="Meanwhile"))
    clock.forward(timedelta(minutes=1))
    seen = list(page.contacts)
    while page.cursor is not None:
        page = client.contacts_changed(since, page.cursor, limit=7)
        seen += page.contacts
    assert {f"p{n}@example.com" for n in range(10, 25)} <= {one.email for one in seen}
    assert [one.changed_at for one in seen] == sorted(one.changed_at for one in seen)
    assert [one.company for one in seen if one.id == first][-1] == "Meanwhile"
    assert all(one.name for one in seen)


def test_a_change_that_search_did_not_know_yet_is_found_the_next_time(
    account: SimulatedHubSpot, clock: StillClock
) -> None:
    """A reader that goes on from where its clock stood would miss what the index learned after that."""
    client = hubspot(account)
    clock.forward(timedelta(minutes=1))
    client.upsert_contact(ADA)
    clock.forward(timedelta(seconds=5))
    assert client.contacts_changed(NOON).contacts == ()
    until = clock.now()
    clock.forward(timedelta(minutes=1))
    assert [one.email for one in client.contacts_changed(until).contacts] == ["ada@example.com"]


def test_more_changes_of_one_moment_than_a_page_has_are_all_read(clock: StillClock) -> None:
    """An import of 2,450 contacts in one moment, and some after it: no search has to be asked for a second page."""
    objects = Objects(clock.now, timedelta(), first=1)
    for n in range(2_450):
        objects.put(None, {"email": f"p{n}"})
    clock.forward(timedelta(seconds=1))
    for n in range(30):
        objects.put(None, {"email": f"q{n}"})
    place: Place | None = Place.start(NOON)
    seen: set[str] = set()
    while place is not None:
        place = Place.read(place.write())
        asked = place.asked()
        assert "after" not in asked
        found = objects.searched(asked)
        page = found[:100]
        seen |= set(page)
        stamps = [(NOON + timedelta(seconds=int(id_) > 2_450), id_) for id_ in page]
        place = place.further(stamps, more=len(found) > 100)
    assert len(seen) == 2_480


def test_the_http_protocol_is_the_one_of_the_page(clock: StillClock) -> None:
    """``docs/crm.md`` has these requests; a key for other words is refused, an unknown contact too."""
    with SimulatedCrm(clock=clock.now) as system:
        client = other(system)
        odd = CrmContact(email="a/b+c@example.com", name="A B")
        made = client.upsert_contact(odd)
        noted = client.add_activity(made, NOTE, "k")
        assert client.add_activity(made, NOTE, "k") == noted
        with pytest.raises(InvalidInput, match="stands for another"):
            client.add_activity(made, NOTE.model_copy(update={"text": "else"}), "k")
        with pytest.raises(Exception) as gone:  # noqa: PT011 - its kind is what counts
            client.add_activity("c99", NOTE, "k")
        assert classify(gone.value).kind == "permanent"
        system.fail_next(1, 422, {"error": {"code": "x", "message": "no shoe", "field": "extra"}})
        with pytest.raises(InvalidInput, match="shoe") as wrong:
            client.upsert_contact(ADA)
        assert wrong.value.field == "extra"
        first, second = system.calls[:2]
        assert (first.method, first.path, first.json) == ("PUT", "/contacts/a/b+c@example.com", {"name": "A B"})
        assert (second.method, second.path) == ("POST", "/contacts/c1/activities")
        assert second.json == {
            "at": "2026-03-28T12:00:00.000Z",
            "kind": "email",
            "title": "Welcome <b>",
            "text": "Sent: a & b\nThe end",
        }


def test_settings_name_the_crm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which kind, where and by which token; what is missing is told."""
    for name, value in {"KIND": "hubspot", "TOKEN": "pat-na1-secret", "TIMEZONE": "Europe/Paris"}.items():
        monkeypatch.setenv(f"DRAMATURG_CRM_{name}", value)
    sections.forget()
    assert isinstance(crm(), HubSpot)
    assert crm() is crm()
    assert "secret" not in repr(CrmSettings.current())
    monkeypatch.setenv("DRAMATURG_CRM_TIMEZONE", "Europe/Nowhere")
    with pytest.raises(SettingsError, match="DRAMATURG_CRM_TIMEZONE"):
        CrmSettings.load(None)
    monkeypatch.setenv("DRAMATURG_CRM_TIMEZONE", "UTC")
    monkeypatch.setenv("DRAMATURG_CRM_KIND", "http")
    with pytest.raises(SettingsError, match="kind http needs a url"):
        CrmSettings.load(None)
    monkeypatch.setenv("DRAMATURG_CRM_URL", "https://crm.example/api")
    sections.forget()
    assert isinstance(crm(), HttpCrm)
    monkeypatch.setenv("DRAMATURG_CRM_KIND", "none")
    sections.forget()
    with pytest.raises(Permanent, match="no CRM is set up"):
        crm()
    sections.forget()


def test_what_is_no_contact_is_refused_here() -> None:
    """Before anything is asked."""
    for wrong in ("nobody", "a@b@c", "a b@example.com", ""):
        with pytest.raises(ValidationError):
            CrmContact(email=wrong)
