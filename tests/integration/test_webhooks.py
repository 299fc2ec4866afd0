"""Webhooks over real HTTP on loopback, into a real Redis: what is let in, what is refused, and how often it counts."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
import structlog

import actors.growth.webhook_events  # noqa: F401 - declares the actors that webhooks start
from pipeline.actor import bound
from pipeline.blobs import Blobs, get_blobs, set_blobs
from pipeline.declaration import DECLARED, bind
from pipeline.engine import keys
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.connection import connect
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.inspector import Inspector
from pipeline.testing import StillClock
from pipeline.webhooks import webhooks
from pipeline.webhooks.intake import REMEMBERED
from pipeline.webhooks.readers import hubspot_events, mailchimp_event, mandrill_events, standard_event, whatsapp_events
from pipeline.webhooks.settings import challenge
from pipeline.webhooks.signatures import (
    WINDOW,
    Envelope,
    HubSignature,
    HubSpotSignature,
    MandrillSignature,
    PathSecret,
    Refused,
    StandardWebhooks,
)
from pipeline.webhooks.sources import LARGEST, Source, no_greeting
from tests.actors import hooked
from tests.support import hooks
from tests.support.apart import apart
from tests.support.hooks import Answered, post
from tests.support.listening import serving
from tests.support.processes import ROOT
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

START = datetime(2030, 1, 1, tzinfo=UTC)
NEW = "whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3"
OLD = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"
APP = "7f2c41d0a5b94f6f8d1e0b3a9c5d7e21"
KEY = "mandrill-key-0123456789"
URL = "https://hooks.example.org/mandrill"
HUBSPOT = "hubspot-client-secret"
PATH = "an-end-of-an-address-0123456789"
BODY = b'{"type": "order.paid", "timestamp": "2030-01-01T00:00:00Z", "data": {"number": 7}}'


class Place:
    """A server of webhooks, and what it wrote down."""

    def __init__(self, broker: PipelineBroker, clock: StillClock) -> None:
        self.broker = broker
        self.inspector = Inspector(broker.store, broker.values)
        self.clock = clock
        self.port = 0

    def ask(self, path: str, body: bytes, headers: dict[str, str], **more: Any) -> Answered:
        """Make one request."""
        return apart(post(self.port, path, body, headers, **more))

    def signed(self, body: bytes = BODY, *, event: str = "msg_1", late: float = 0, key: str = NEW) -> dict[str, str]:
        """Give the headers of a Standard Webhook, ``late`` seconds old."""
        return hooks.standard(key, event, self.clock.now().timestamp() - late, body)

    def runs(self) -> dict[str, list[Any]]:
        """Give the payloads of all runs by the names of their actors."""
        found: dict[str, list[Any]] = {}
        for run in self.inspector.list_runs(limit=5_000):
            message = json.loads(self.broker.store.client.hget(keys.run("hooks", run["id"]), "message"))
            found.setdefault(run["actor"], []).append(message["args"][0])
        return found


@pytest.fixture
def place(redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> Iterator[Place]:
    """Every kind of source, before an empty Redis; the clock stands still."""
    before = list(bound)
    clock = StillClock(START)
    set_blobs(Blobs(tmp_path / "blobs"))
    here = Place(PipelineBroker(Store(connect(redis_url), "hooks"), Values(get_blobs())), clock)
    bind(here.broker)
    app = webhooks(
        Source("orders", StandardWebhooks(NEW, OLD), hooked.order, standard_event),
        Source("whatsapp", HubSignature(APP), "whatsapp.event", whatsapp_events, challenge("verify"), 3 * 1024 * 1024),
        Source("mailchimp", PathSecret(PATH), "mailchimp.event", mailchimp_event, no_greeting),
        Source("mandrill", MandrillSignature(KEY, url=URL), "mandrill.event", mandrill_events, no_greeting),
        Source("hubspot", HubSpotSignature(HUBSPOT, url=URL), "mandrill.event", hubspot_events),
        clock=clock.now,
    )
    try:
        with serving(app) as here.port:
            yield here
    finally:
        here.broker.close()
        bound[:] = before
        set_blobs(None)


def test_a_signed_event_is_one_run(place: Place) -> None:
    """The answer says how many events were written down, and the payload is what the event carries."""
    answer = place.ask("/orders", BODY, place.signed())
    assert (answer.status, answer.json) == (200, {"events": 1})
    assert place.runs() == {"hooked.order": [{"number": 7}]}


def flipped(position: int) -> bytes:
    """Give the body with one bit of one byte turned over."""
    return BODY[:position] + bytes([BODY[position] ^ 1]) + BODY[position + 1 :]


def without(place: Place, header: str) -> dict[str, str]:
    """Give right headers but for one that is missing."""
    return {name: value for name, value in place.signed().items() if name != header}


SPOILED: dict[str, Callable[[Place], tuple[dict[str, str], bytes]]] = {
    "first byte flipped": lambda p: (p.signed(), flipped(0)),
    "middle byte flipped": lambda p: (p.signed(), flipped(len(BODY) // 2)),
    "last byte flipped": lambda p: (p.signed(), flipped(len(BODY) - 1)),
    "a byte more": lambda p: (p.signed(), BODY + b" "),
    "no body": lambda p: (p.signed(), b""),
    "another key": lambda p: (p.signed(key="whsec_" + "eHh4" * 8), BODY),
    "another id": lambda p: (p.signed() | {"webhook-id": "msg_2"}, BODY),
    "another time": lambda p: (p.signed() | {"webhook-timestamp": str(int(START.timestamp()) - 1)}, BODY),
    "no scheme": lambda p: (p.signed() | {"webhook-signature": p.signed()["webhook-signature"][3:]}, BODY),
    "an empty signature": lambda p: (p.signed() | {"webhook-signature": "v1,"}, BODY),
    "another alphabet": lambda p: (p.signed() | {"webhook-signature": "v1,\xff\xfe"}, BODY),
    "301 s old": lambda p: (p.signed(late=301), BODY),
    "301 s ahead": lambda p: (p.signed(late=-301), BODY),
    "no time": lambda p: (p.signed() | {"webhook-timestamp": "soon"}, BODY),
    "an endless time": lambda p: (p.signed() | {"webhook-timestamp": "9" * 400}, BODY),
    "a dot in the id": lambda p: (p.signed(event="msg.1"), BODY),
    "no webhook-id": lambda p: (without(p, "webhook-id"), BODY),
    "no webhook-timestamp": lambda p: (without(p, "webhook-timestamp"), BODY),
    "no webhook-signature": lambda p: (without(p, "webhook-signature"), BODY),
    "no headers": lambda p: ({}, BODY),
}


def test_nothing_is_let_in_that_does_not_prove_where_it_comes_from(place: Place) -> None:
    """Every way to spoil a request is answered with 401, starts nothing, and says nothing of what would be right."""
    answers = {name: place.ask("/orders", *reversed(spoil(place))) for name, spoil in SPOILED.items()}
    assert {name: answer.status for name, answer in answers.items() if answer.status != 401} == {}
    assert all(set(answer.json) == {"error"} and len(answer.body) < 100 for answer in answers.values())
    assert place.runs() == {}


def test_what_the_headers_give_away_is_refused_before_the_body(place: Place) -> None:
    """A megabyte that is announced and never comes is not waited for."""
    for name in ("301 s old", "a dot in the id", "no webhook-signature"):
        began = time.monotonic()
        assert place.ask("/orders", b"", SPOILED[name](place)[0], length=200_000).status == 401
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("late", [300, -300])
def test_the_window_has_its_edge_at_three_hundred_seconds(place: Place, late: int) -> None:
    """What is 300 s old, or ahead, is accepted still."""
    assert place.ask("/orders", BODY, place.signed(late=late)).status == 200


def test_a_rotation_needs_no_pause(place: Place) -> None:
    """The new secret and the old one hold, each alone and both together, and no third."""
    for number, key in enumerate([NEW, OLD]):
        assert place.ask("/orders", BODY, place.signed(event=f"msg_{number}", key=key)).status == 200
    both = place.signed(event="msg_9", key="whsec_" + "eHh4" * 8)
    both["webhook-signature"] += " " + place.signed(event="msg_9", key=OLD)["webhook-signature"]
    assert place.ask("/orders", BODY, both).status == 200
    assert len(place.runs()["hooked.order"]) == 3


def test_a_thousand_deliveries_at_once_are_one_run(place: Place) -> None:
    """All are told that the event is written down, and it is once; also when its run ended long ago."""

    async def all_at_once() -> list[int]:
        gate = asyncio.Semaphore(250)
        headers = place.signed()

        async def one() -> int:
            async with gate:
                return (await post(place.port, "/orders", BODY, headers)).status

        return await asyncio.gather(*(one() for _ in range(1_000)))

    assert set(apart(all_at_once())) == {200}
    assert place.runs() == {"hooked.order": [{"number": 7}]}
    [run] = place.inspector.list_runs()
    place.inspector.cancel(run["id"])
    assert place.ask("/orders", BODY, place.signed(late=-200)).status == 200
    assert len(place.inspector.list_runs(limit=10)) == 1


def test_each_event_of_a_batch_is_a_run_of_its_own(place: Place) -> None:
    """Messages and statuses come together; a delivery that holds some of them again starts only what is new."""
    first = hooks.whatsapp_body(
        messages=[hooks.text_message("wamid.A"), hooks.text_message("wamid.B", "STOP")],
        statuses=[hooks.status("wamid.C", "sent")],
    )
    second = hooks.whatsapp_body(statuses=[hooks.status("wamid.C", "sent"), hooks.status("wamid.C", "delivered")])
    assert place.ask("/whatsapp", first, hooks.meta(APP, first)).json == {"events": 3}
    assert place.ask("/whatsapp", second, hooks.meta(APP, second)).json == {"events": 2}
    events = place.runs()["whatsapp.event"]
    assert sorted((event["kind"], event["told"]["id"], event["told"].get("status", "")) for event in events) == [
        ("message", "wamid.A", ""),
        ("message", "wamid.B", ""),
        ("status", "wamid.C", "delivered"),
        ("status", "wamid.C", "sent"),
    ]
    assert {(event["account"], event["number"]) for event in events} == {("102290129340398", "106540352242922")}
    [message] = [event for event in events if event["told"]["id"] == "wamid.A"]
    assert message["contact"]["profile"] == {"name": "Sheena Nelson"}


def test_a_body_of_a_megabyte_is_taken_where_such_bodies_come(place: Place) -> None:
    """Meta sends up to 3 MB; where bodies are small a large one is refused before it was sent, or while it is."""
    large = hooks.whatsapp_body(messages=[hooks.text_message(f"wamid.{n}", "x" * 10_000) for n in range(100)])
    assert len(large) > 1_000_000
    assert place.ask("/whatsapp", large, hooks.meta(APP, large)).json == {"events": 100}
    assert len(place.runs()["whatsapp.event"]) == 100
    wrong = hooks.meta("another-secret", large)
    assert place.ask("/whatsapp", large, wrong).status == 401
    announced = place.ask("/orders", b"", place.signed(large, event="msg_2"), length=1_000_000)
    assert (announced.status, "262144" in announced.json["error"]) == (413, True)
    unannounced = place.ask("/orders", large, place.signed(large, event="msg_3"), chunked=True)
    assert unannounced.status == 413
    assert "hooked.order" not in place.runs()


@pytest.mark.parametrize(
    "body",
    [
        b"{not json",
        b"\xff\xfe",
        b"",
        b"[1, 2]",
        b'{"object": "page", "entry": []}',
        b'{"object": "whatsapp_business_account", "entry": [{"changes": "none"}]}',
        b'{"object": "whatsapp_business_account", "entry": ' + b'[{"changes":' * 400 + b"}]" * 400 + b"}",
    ],
)
def test_what_is_signed_and_cannot_be_read_is_kept(place: Place, body: bytes) -> None:
    """The sender did its part: it is told so, and the original waits for a person, once however often it comes."""
    for _ in range(2):
        assert place.ask("/whatsapp", body, hooks.meta(APP, body)).status == 200
    [kept] = place.runs()["webhook.unreadable"]
    assert get_blobs().get(kept["original"]) == body
    assert (kept["source"], kept["size"]) == ("whatsapp", len(body))
    assert kept["why"]


def test_an_event_that_does_not_fit_holds_up_no_other(place: Place) -> None:
    """The event alone is kept, with the field that is wrong named; so is one that is nested too deep to be stored."""
    wrong = b'{"type": "order.paid", "data": {"number": 0}}'
    assert place.ask("/orders", wrong, place.signed(wrong)).status == 200
    deep = {"id": "wamid.X", "x": json.loads("[" * 300 + "]" * 300)}
    batch = hooks.whatsapp_body(messages=[hooks.text_message("wamid.A"), deep, hooks.text_message("wamid.B")])
    assert place.ask("/whatsapp", batch, hooks.meta(APP, batch)).status == 200
    runs = place.runs()
    assert {event["told"]["id"] for event in runs["whatsapp.event"]} == {"wamid.A", "wamid.B"}
    kept = {run["source"]: run for run in runs["webhook.unreadable"]}
    assert "number" in kept["orders"]["why"]
    assert json.loads(get_blobs().get(kept["orders"]["original"])) == {"number": 0}
    assert get_blobs().exists(kept["whatsapp"]["original"])


def test_mailchimp_shows_a_secret_in_its_address(place: Place) -> None:
    """Its validator asks with GET; a wrong secret looks like any address that is not there; fields are the id."""
    assert place.ask(f"/mailchimp/{PATH}", b"", {}, method="GET").status == 200
    form = {
        "type": "unsubscribe",
        "fired_at": "2030-01-01 00:00:00",
        "data[email]": "a@b.c",
        "data[merges][FNAME]": "Ä",
    }
    body = urlencode(form).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    again = urlencode(dict(reversed(form.items()))).encode()
    assert [place.ask(f"/mailchimp/{PATH}", sent, kind).status for sent in (body, again)] == [200, 200]
    told = {"email": "a@b.c", "merges": {"FNAME": "Ä"}}
    assert place.runs()["mailchimp.event"] == [{"type": "unsubscribe", "fired_at": "2030-01-01 00:00:00", "data": told}]
    for method in ("GET", "POST"):
        for path in (f"/mailchimp/{PATH[:-1]}", f"/mailchimp/{PATH}x", "/mailchimp/", "/mailchimp", "/nowhere"):
            answer = place.ask(path, body, kind, method=method)
            assert (path, answer.status, answer.json) == (path, 404, {"error": "not found"})


def test_mailchimp_transactional_signs_address_and_fields(place: Place) -> None:
    """A batch is a run an event; a field moved, a wrong key and another address are refused."""
    events = [{"event": "send", "_id": "a1", "ts": 1384954004, "msg": {"email": "ä@example.org"}}]
    events += [{"event": "hard_bounce", "_id": "a2", "ts": 1384954004, "msg": {}}]
    headers, body = hooks.mandrill(KEY, URL, events)
    assert place.ask("/mandrill", body, headers).json == {"events": 2}
    assert place.ask("/mandrill", body, headers).json == {"events": 2}
    assert len(place.runs()["mandrill.event"]) == 2
    assert place.ask("/mandrill", b"", {}, method="HEAD").status == 200
    for wrong in (hooks.mandrill("x" * 20, URL, events)[0], hooks.mandrill(KEY, URL + "/", events)[0], {}):
        assert place.ask("/mandrill", body, wrong).status == 401
    assert place.ask("/mandrill", body + b"&x=y", headers).status == 401


def test_hubspot_signs_method_address_body_and_time(place: Place) -> None:
    """Which attempt it was makes no other event of it."""
    at_ms = int(START.timestamp() * 1000)
    for attempt in range(2):
        body = json.dumps([{"eventId": 1, "ts": 1384954004, "event": "x", "attemptNumber": attempt}]).encode()
        assert place.ask("/hubspot", body, hooks.hubspot(HUBSPOT, URL, at_ms, body)).status == 200
        assert place.ask("/hubspot", body, hooks.hubspot(HUBSPOT, URL, at_ms - 300_001, body)).status == 401
        assert place.ask("/hubspot", body, hooks.hubspot("no", URL, at_ms, body)).status == 401
    assert len(place.runs()["mandrill.event"]) == 1


def test_meta_finds_out_whether_the_address_is_ours(place: Place) -> None:
    """The challenge comes back to who knows the token, as plain text, and to nobody else."""
    asked = "/whatsapp?hub.mode=subscribe&hub.challenge=%3Cb%3E1158201444&hub.verify_token="
    answer = place.ask(asked + "verify", b"", {}, method="GET")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (
        200,
        b"<b>1158201444",
        "text/plain; charset=utf-8",
    )
    assert place.ask(asked + "verif", b"", {}, method="GET").status == 403
    assert place.ask("/whatsapp", b"", {}, method="GET").status == 403
    assert place.ask("/orders", b"", {}, method="GET").status == 405
    assert place.ask("/whatsapp", b"", {}, method="PUT").status == 405


@pytest.mark.parametrize("away", ["hangs", "is down"])
def test_while_redis_is_away_senders_are_asked_to_come_back(place: Place, redis_server: RedisServer, away: str) -> None:
    """Nothing that was not written down is answered with 200; refusals do not wait for Redis."""
    redis_server.pause() if away == "hangs" else redis_server.stop()
    try:
        began = time.monotonic()
        with structlog.testing.capture_logs():
            answers = apart(together(post(place.port, "/orders", BODY, place.signed(event=f"m{n}")) for n in range(8)))
            refused = place.ask("/orders", BODY, {})
        assert {answer.status for answer in answers} == {503}
        assert all(answer.headers["retry-after"] for answer in answers)
        assert time.monotonic() - began < 8
        assert refused.status == 401
    finally:
        redis_server.resume() if away == "hangs" else redis_server.start()
    eventually(lambda: place.ask("/orders", BODY, place.signed(event="m0")).status == 200)
    eventually(lambda: len(place.runs()["hooked.order"]) >= 1)


def test_what_is_held_in_memory_is_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes when there is no room is asked to come back; room that was taken is given back, whatever happened."""
    monkeypatch.setattr("pipeline.webhooks.app.MOST_HELD", 3_000)
    large = json.dumps({"number": 7, "note": "x" * 2_000}).encode()
    with structlog.testing.capture_logs():
        for number in range(5):
            assert place.ask("/orders", large, place.signed(event="msg_1")).status == 401
            assert place.ask("/orders", large, place.signed(large, event=f"msg_{number}")).status == 200
        assert place.ask("/orders", large * 2, place.signed(large * 2)).status == 503


def test_no_secret_is_logged_or_answered(place: Place) -> None:
    """Neither secrets nor signatures nor bodies turn up in what is said about a request that was refused."""
    with structlog.testing.capture_logs() as lines:
        told = [place.ask("/orders", *reversed(spoil(place))).body for spoil in SPOILED.values()]
        told.append(place.ask(f"/mailchimp/{PATH}x", b"", {}).body)
    said = json.dumps(lines).encode() + b"".join(told)
    assert len(lines) == len(told)
    for secret in (NEW, OLD, PATH, APP, place.signed()["webhook-signature"][3:], "order.paid", "msg_1"):
        assert secret.encode() not in said


def test_refusing_takes_no_time() -> None:
    """Headers are looked at before the body is there; a megabyte is compared in under 5 ms, and is not read."""
    body = b"x" * 1_000_000
    for scheme, headers in (
        (HubSignature(APP, "b" * 32), {"x-hub-signature-256": "sha256=" + "0" * 64}),
        (StandardWebhooks(NEW), {"webhook-id": "a", "webhook-timestamp": "0", "webhook-signature": "v1,x v1,y"}),
    ):
        took = []
        for _ in range(20):
            began = time.perf_counter()
            with pytest.raises(Refused):
                scheme.check(Envelope(headers), body)
            took.append(time.perf_counter() - began)
        assert min(took) < 0.005


def test_the_page_shows_a_program_that_works(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounted in an application, with an actor of its own; the numbers on the page are those in force."""
    page = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    program = ModuleType("page_webhooks")
    monkeypatch.setitem(sys.modules, program.__name__, program)
    before = dict(DECLARED)
    try:
        exec(compile(block, "docs/webhooks.md", "exec"), program.__dict__)
        headers = hooks.standard(program.SECRET, "msg_1", time.time(), BODY)
        with serving(program.app) as place.port:
            assert place.ask("/webhooks/shop", BODY, headers).json == {"events": 1}
            assert place.ask("/webhooks/shop", BODY, headers | {"webhook-id": "msg_2"}).status == 401
    finally:
        DECLARED.clear()
        DECLARED.update(before)
    assert place.runs() == {"order.paid": [{"number": 7}]}
    assert f"{WINDOW.seconds} s" in page
    assert f"{LARGEST // 1024} KB" in page
    assert f"{REMEMBERED.days} days" in page


async def together(requests: Any) -> list[Answered]:
    """Make requests at the same time."""
    return await asyncio.gather(*requests)
