"""What webhooks do to the people we know: from a simulated sender through HTTP and Redis into a database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from actors.growth.contacts import Contacts
from actors.growth.lead import Lead
from actors.growth.stop_words import is_stop
from actors.growth.webhook_events import mailchimp_event, mandrill_event, spellings, unreadable, whatsapp_event
from actors.growth.whatsapp import WhatsApp, WhatsAppSettings
from pipeline import InvalidInput
from pipeline.actor import bound
from pipeline.blobs import Blobs, get_blobs, set_blobs
from pipeline.database import Database, set_database
from pipeline.declaration import bind
from pipeline.engine import keys
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.connection import connect
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.inspector import Inspector
from pipeline.sections import forget
from pipeline.testing import StillClock, run_inline
from pipeline.testing.whatsapp import SimulatedWhatsApp
from pipeline.webhooks import webhooks
from pipeline.webhooks.readers import whatsapp_events
from pipeline.webhooks.settings import challenge
from pipeline.webhooks.signatures import HubSignature
from pipeline.webhooks.sources import Source
from tests.support import hooks
from tests.support.listening import serving

START = datetime(2030, 1, 1, 12, tzinfo=UTC)
ANA = "+5511987654321"


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Contacts]:
    """Two people who allow everything."""
    forget()
    database = Database(f"sqlite:///{tmp_path / 'people.db'}")
    set_database(database)
    contacts = Contacts()
    yes = {"at": START - timedelta(days=1), "where": "a form"}
    for name, phone in (("ana", ANA), ("bea", "+16505551234")):
        consent = {"email": yes, "whatsapp": yes}
        lead = Lead.model_validate({"name": name, "email": f"{name}@example.org", "phone": phone, "consent": consent})
        contacts.save(lead, START)
    yield contacts
    set_database(None)
    forget()


def allowed(people: Contacts) -> dict[str, tuple[bool, bool]]:
    """Give who may be mailed, and who may be written to at WhatsApp."""
    found = {name: people.find(email=f"{name}@example.org") for name in ("ana", "bea")}
    return {
        name: (people.may_message(one.id, "email"), people.may_message(one.id, "whatsapp"))
        for name, one in found.items()
        if one is not None
    }


def message(text: str, sender: str = "16505551234") -> dict[str, Any]:
    return {"kind": "message", "field": "messages", "told": hooks.text_message("wamid.A", text, sender)}


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        " stop! ",
        "Stop.",
        "Unsubscribe",
        "Arrêt",
        "arret",
        "ABMELDEN",
        "Baja",
        "отписаться",
        "停止",
        "SAIR 🙏",
        "إيقاف",
        "stop\u200b promotions",
        "rezygnuje\u0328",
        "İPTAL",
    ],
)
def test_whoever_says_stop_is_understood(text: str) -> None:
    """In any of the languages, however it is spelled, with whatever is around it."""
    assert is_stop(text)


@pytest.mark.parametrize("text", ["", "Please don't stop", "stop it when ready", "bus stop", "?", "x" * 10_000_000])
def test_whoever_says_more_is_not_misunderstood(text: str) -> None:
    """One of the words within a sentence is no request to stop."""
    assert not is_stop(text)


def test_a_stop_takes_consent_back_for_whatsapp_only(people: Contacts) -> None:
    """It is dated as it was written, and telling it twice is no news; other messages change nothing."""
    assert run_inline(whatsapp_event, message("What does it cost?")).result == "nothing"
    assert run_inline(whatsapp_event, message("Stop")).result == "withdrawn"
    assert run_inline(whatsapp_event, message("Stop")).result == "no_news"
    assert allowed(people) == {"ana": (True, True), "bea": (True, True)}, "the stop is older than the consent"


def test_a_stop_after_the_consent_counts(people: Contacts) -> None:
    """Also by a button, by WhatsApp's own switch, by an error, and where WhatsApp spells a number as it was."""
    late = str(int(START.timestamp()) + 60)
    pressed = {
        "id": "wamid.B",
        "from": "551187654321",
        "timestamp": late,
        "type": "button",
        "button": {"text": "Parar"},
    }
    assert spellings("551187654321") == ["+551187654321", ANA]
    assert run_inline(whatsapp_event, {"kind": "message", "told": pressed}).result == "withdrawn"
    assert allowed(people)["ana"] == (True, False)
    failed = hooks.status("wamid.C", "failed", errors=[{"code": 131050, "title": "User has stopped"}]) | {
        "timestamp": late
    }
    assert run_inline(whatsapp_event, {"kind": "status", "told": failed}).result == "withdrawn"
    assert allowed(people)["bea"] == (True, False)
    switched = {"wa_id": "16505551234", "category": "marketing_messages", "value": "stop", "timestamp": late}
    told = {"field": "user_preferences", "value": {"user_preferences": [switched]}}
    event = {"kind": "other", "field": "user_preferences", "told": told}
    assert run_inline(whatsapp_event, event).result == "no_news"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("unsubscribe", {"email": "Ana@example.org", "action": "unsub", "reason": "manual", "list_id": "a6b5da1054"}),
        ("cleaned", {"email": "ana@example.org", "reason": "hard", "campaign_id": "4fjk2ma9xd"}),
        ("upemail", {"old_email": "ana@example.org", "new_email": "ana.new@example.org", "new_id": "51da8c3259"}),
    ],
)
def test_mailchimp_takes_consent_back_for_mail_only(people: Contacts, kind: str, data: dict[str, str]) -> None:
    """Unsubscribed, cleaned, or moved to another address."""
    event = {"type": kind, "fired_at": "2030-01-01 12:00:01", "data": data}
    assert run_inline(mailchimp_event, event).result == "withdrawn"
    assert allowed(people) == {"ana": (False, True), "bea": (True, True)}
    assert run_inline(mailchimp_event, event | {"type": "subscribe"}).result == "nothing"


def test_what_became_of_mail_is_noted(people: Contacts) -> None:
    """A bounce for good takes consent back, a soft one does not."""
    event = {"event": "soft_bounce", "_id": "a1", "ts": int(START.timestamp()), "msg": {"email": "ana@example.org"}}
    assert run_inline(mandrill_event, event).result == "noted"
    assert allowed(people)["ana"] == (True, True)
    assert run_inline(mandrill_event, event | {"event": "hard_bounce"}).result == "withdrawn"
    assert allowed(people)["ana"] == (False, True)
    assert {one.status for one in people.deliveries("a1")} == {"soft_bounce", "hard_bounce"}
    assert run_inline(mandrill_event, {"type": "blacklist", "ts": 1384954004}).result == "nothing"


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"kind": "message", "told": {"id": "w", "timestamp": "soon"}}, "timestamp"),
        ({"kind": "message", "told": {"id": "w" * 200, "timestamp": "1"}}, "id"),
        ({"kind": "message", "told": {"id": "w", "timestamp": "1", "text": "STOP"}}, "text"),
        ({"kind": "status", "told": {"id": "w", "timestamp": "1", "status": {"$ne": ""}}}, "status"),
        (
            {"kind": "status", "told": {"id": "w", "timestamp": "1", "status": "x", "recipient_id": "'; --"}},
            "recipient_id",
        ),
        ({"kind": "status", "told": {"id": "w", "timestamp": 10**15, "status": "x"}}, "timestamp"),
        ({"kind": "other", "field": "user_preferences", "told": {"value": {"user_preferences": ["x"]}}}, "told"),
    ],
)
def test_what_does_not_fit_is_named(event: dict[str, Any], field: str) -> None:
    """The run ends with the field, and is never tried again."""
    with pytest.raises(InvalidInput) as told:
        run_inline(whatsapp_event, event)
    assert told.value.field == field


def test_what_cannot_be_read_ends_with_the_place_of_its_original() -> None:
    """So that a person finds it among the dead letters."""
    kept = {"source": "whatsapp", "why": "it is no JSON", "original": "ab" * 32, "size": 3}
    with pytest.raises(InvalidInput, match="ab" * 32):
        run_inline(unreadable, kept)


def test_from_a_message_to_its_statuses(
    people: Contacts, redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    """The whole way: sent, told by signed webhooks, delivered twice, noted once; a stop is heard."""
    clock, before = StillClock(START), list(bound)
    set_blobs(Blobs(tmp_path / "blobs"))
    broker = PipelineBroker(Store(connect(redis_url), "told"), Values(get_blobs()))
    bind(broker)
    with SimulatedWhatsApp(clock=clock.now) as there:
        source = Source(
            "whatsapp", HubSignature("simulated-app-secret"), whatsapp_event, whatsapp_events, challenge("verify")
        )
        with serving(webhooks(source, clock=clock.now)) as port:
            there.hooks.callback = f"http://127.0.0.1:{port}/whatsapp"
            assert there.hooks.verify("verify")
            assert not there.hooks.verify("guessed")
            there.template("hello_world")
            token = WhatsAppSettings.model_validate(
                {"token": there.token, "number_id": there.number_id, "url": there.url}
            )
            client = WhatsApp(token)
            wamid = client.send_template("+16505551234", "hello_world", "en_US")
            clock.forward(timedelta(minutes=1))
            there.read(wamid)
            there.write(ANA, "Sair")
            reached, there.hooks.callback = there.hooks.callback, "http://127.0.0.1:9/nobody"
            assert there.post_webhooks(batch=2) == [0, 0]
            there.hooks.callback = reached
            assert there.post_webhooks(batch=2) == [200, 200]
            assert there.hooks.again() == [200] * 4
            client.close()
    inspector = Inspector(broker.store, broker.values)
    runs = [broker.store.client.hget(keys.run("told", run["id"]), "message") for run in inspector.list_runs()]
    assert len(runs) == 4
    done = sorted(run_inline(whatsapp_event, json.loads(run)["args"][0]).result for run in runs)
    assert done == ["noted", "noted", "noted", "withdrawn"]
    assert {one.status for one in people.deliveries(wamid)} == {"sent", "delivered", "read"}
    assert allowed(people) == {"ana": (True, False), "bea": (True, True)}
    broker.close()
    bound[:] = before
    set_blobs(None)
