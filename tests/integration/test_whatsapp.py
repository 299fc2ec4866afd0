"""The client of the WhatsApp Cloud API, over real HTTP, against a simulated one that answers as it is documented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from pydantic import SecretStr

from actors.growth.whatsapp import BREAKER, PAIR, THROUGHPUT, WhatsApp, WhatsAppSettings
from actors.growth.whatsapp_errors import AUTH, PAUSES, REFUSED, WRONG
from pipeline import AuthFailed, InvalidInput, NeedsReview, Permanent, RateLimited, Run, Transient, actor, classify
from pipeline.sections import forget
from pipeline.testing import MemoryJournal, StillClock, run_inline
from pipeline.testing.whatsapp import SimulatedWhatsApp

TO = "+16505551234"
START = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> StillClock:
    """A clock that stands still."""
    return StillClock(START)


@pytest.fixture
def there(clock: StillClock) -> Iterator[SimulatedWhatsApp]:
    """The other side, with two templates."""
    with SimulatedWhatsApp(clock=clock.now) as api:
        api.template("hello_world")
        api.template("order_delivered", "en_US", "pt_BR", parameters=2)
        yield api


@pytest.fixture
def here(there: SimulatedWhatsApp) -> Iterator[WhatsApp]:
    """Our side."""
    client = WhatsApp(settings(there))
    yield client
    client.close()


@pytest.fixture
def told(there: SimulatedWhatsApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the client is to know, in the environment."""
    monkeypatch.setenv("DRAMATURG_WHATSAPP_URL", there.url)
    monkeypatch.setenv("DRAMATURG_WHATSAPP_TOKEN", there.token)
    monkeypatch.setenv("DRAMATURG_WHATSAPP_NUMBER_ID", there.number_id)
    forget()
    yield
    forget()


def settings(there: SimulatedWhatsApp, **more: object) -> WhatsAppSettings:
    told = {"url": there.url, "number_id": there.number_id, "token": SecretStr(there.token), **more}
    return WhatsAppSettings.model_construct(**{"timeout": timedelta(seconds=5), "version": "v25.0", **told})


def test_a_template_is_sent_as_documented(there: SimulatedWhatsApp, here: WhatsApp) -> None:
    """Path, bearer and body are those of the reference; the answer's id is given."""
    wamid = here.send_template(TO, "order_delivered", "pt-BR", ["Ana", "2 January"])
    [call] = there.calls
    assert (call.method, call.path) == ("POST", f"/v25.0/{there.number_id}/messages")
    assert call.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "16505551234",
        "type": "template",
        "template": {
            "name": "order_delivered",
            "language": {"code": "pt_BR"},
            "components": [
                {"type": "body", "parameters": [{"type": "text", "text": "Ana"}, {"type": "text", "text": "2 January"}]}
            ],
        },
    }
    assert [message.id for message in there.messages.values()] == [wamid]
    assert wamid.startswith("wamid.")


def test_a_template_without_parameters_has_no_components(there: SimulatedWhatsApp, here: WhatsApp) -> None:
    """As in the first example of Meta's guide."""
    here.send_template(TO, "hello_world", "en_US")
    assert there.calls[0].json["template"] == {"name": "hello_world", "language": {"code": "en_US"}}


def test_a_reply_is_text_and_says_to_what(there: SimulatedWhatsApp, here: WhatsApp) -> None:
    """Within 24 hours of what somebody wrote."""
    wrote = there.write(TO, "Hello?")
    wamid = here.reply(TO, "Hello!", to_message=wrote)
    assert there.calls[-1].json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "16505551234",
        "type": "text",
        "text": {"preview_url": False, "body": "Hello!"},
        "context": {"message_id": wrote},
    }
    assert there.messages[wamid].statuses == ["sent", "delivered"]


def test_media_go_up_and_come_down(there: SimulatedWhatsApp, here: WhatsApp) -> None:
    """A file keeps its bytes and its type, line ends and boundaries in it too; it is found by its id, and checked."""
    content = b"\xff\xd8\r\n--boundary\r\n\x00" * 500
    media = here.upload(content, "image/jpeg", name="a.jpg")
    assert (there.media[media].content, there.media[media].mime_type) == (content, "image/jpeg")
    assert here.media(media).file_size == len(content)
    assert here.download(media) == content
    theirs = there.send_file(TO, b"a photo")
    assert here.download(theirs) == b"a photo"
    here.send_template(TO, "hello_world", "en_US", header_image=media)
    image = {"type": "image", "image": {"id": media}}
    assert there.calls[-1].json["template"]["components"] == [{"type": "header", "parameters": [image]}]


def test_the_token_is_shown_to_no_other_host(there: SimulatedWhatsApp, here: WhatsApp) -> None:
    """An address of a file that is not at Meta's is not asked."""
    media = here.upload(b"x", "image/png")
    told = {"id": media, "url": "https://facebook.com.example.org/x", "mime_type": "image/png", "sha256": "0" * 64}
    there.fail_next(1, 200, told, matching=f"GET .*{media}")
    with pytest.raises(InvalidInput, match="not Meta's"):
        here.download(media)
    with pytest.raises(InvalidInput):
        here.media("../me")


@pytest.mark.parametrize(
    ("to", "template", "language", "parameters", "field"),
    [
        ("16505551234", "hello_world", "en_US", (), "to"),
        ("+1650555123x", "hello_world", "en_US", (), "to"),
        (TO, "nowhere", "en_US", (), "template"),
        (TO, "hello_world", "de", (), "template"),
        (TO, "hello_world", "en_US", ("one",), "parameters"),
        (TO, "order_delivered", "en_US", ("one",), "parameters"),
        (TO, "order_delivered", "en_US", ("one", ""), "request"),
    ],
)
def test_what_is_wrong_is_named(
    there: SimulatedWhatsApp,
    here: WhatsApp,
    to: str,
    template: str,
    language: str,
    parameters: tuple[str, ...],
    field: str,
) -> None:
    """Numbers, templates and parameters that do not fit are refused with the field, and nothing is sent."""
    with pytest.raises(InvalidInput) as told:
        here.send_template(to, template, language, parameters)
    assert told.value.field == field
    assert there.messages == {}


def test_too_much_waits_as_long_as_it_has_to(there: SimulatedWhatsApp, here: WhatsApp, clock: StillClock) -> None:
    """A second message to one person within 6 s, and the 81st to anybody within a second."""
    here.send_template(TO, "hello_world", "en_US")
    with pytest.raises(RateLimited) as told:
        here.send_template(TO, "hello_world", "en_US")
    assert (told.value.code, told.value.retry_after) == ("131056", timedelta(seconds=6))
    for number in range(79):
        here.send_template(f"+1650555{number:04}", "hello_world", "en_US")
    with pytest.raises(RateLimited) as told:
        here.send_template("+491711234567", "hello_world", "en_US")
    assert (told.value.code, told.value.retry_after) == ("130429", timedelta(seconds=5))
    clock.forward(timedelta(seconds=6))
    here.send_template(TO, "hello_world", "en_US")
    assert len(there.messages) == 81


@pytest.mark.parametrize("status", [400, 429, 500])
def test_the_code_decides_and_not_the_status(there: SimulatedWhatsApp, here: WhatsApp, status: int) -> None:
    """Every known code is what it is under any HTTP status, and carries itself along."""
    kinds = {RateLimited: PAUSES, AuthFailed: AUTH - set(range(201, 299)), InvalidInput: WRONG, Permanent: REFUSED}
    for kind, codes in kinds.items():
        for code in codes:
            there.fail_with(code, status=status)
            with pytest.raises(kind) as told:
                here.send_template(TO, "hello_world", "en_US")
            assert (told.value.code, told.value.status, type(told.value)) == (str(code), status, kind)
    assert there.messages == {}


def test_the_codes_that_matter_are_known(there: SimulatedWhatsApp, here: WhatsApp) -> None:
    """Those of Meta's page that a sender meets, with the pause they ask for."""
    seconds = {4: 300, 80007: 300, 130429: 5, 131048: 21_600, 131049: 86_400, 131056: 6, 133016: 259_200}
    for code, pause in seconds.items():
        there.fail_with(code)
        with pytest.raises(RateLimited) as told:
            here.send_template(TO, "hello_world", "en_US")
        assert told.value.retry_after == timedelta(seconds=pause)
    for code, kind in {
        190: AuthFailed,
        10: AuthFailed,
        100: InvalidInput,
        131026: Permanent,
        131047: Permanent,
    }.items():
        there.fail_with(code)
        with pytest.raises(kind):
            here.send_template(TO, "hello_world", "en_US")


def test_what_is_not_known_is_told_by_its_status(there: SimulatedWhatsApp, here: WhatsApp) -> None:
    """A new code, a page of a proxy, and an answer that is not as documented."""
    there.fail_with(999_999, status=503)
    with pytest.raises(httpx2.HTTPStatusError) as told:
        here.send_template(TO, "hello_world", "en_US")
    assert classify(told.value).kind == "transient"
    assert there.token not in str(told.value)
    there.fail_next(1, 502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"})
    with pytest.raises(httpx2.HTTPStatusError):
        here.send_template(TO, "hello_world", "en_US")
    for odd in ({}, {"messages": []}, {"messages": [{}]}, [], b"<html></html>"):
        there.fail_next(1, 200, odd)
        with pytest.raises(Transient):
            here.send_template(TO, "hello_world", "en_US")
    there.fail_with(131000, status=500)
    with pytest.raises(Transient):
        here.send_template(TO, "hello_world", "en_US")


@actor(name="test.whatsapp.send")
def send_hello(to: str, run: Run) -> str:
    return run.effect(WhatsApp().send_template, to, "hello_world", "en_US", key="hello")


@pytest.mark.parametrize("fault", ["lost", "odd", "something went wrong"])
@pytest.mark.usefixtures("told")
def test_a_message_whose_answer_is_lost_is_not_sent_again(there: SimulatedWhatsApp, fault: str) -> None:
    """It was accepted, or nobody knows: a person is asked, however often the run is tried, and no more is sent."""
    if fault == "lost":
        there.lose_answer("/messages$")
    elif fault == "odd":
        there.fail_next(1, 503, b"<html></html>")
    else:
        there.fail_with(131000, status=500)
    journal = MemoryJournal()
    for attempt in (1, 2):
        with pytest.raises(NeedsReview, match="uncertain_effect"):
            run_inline(send_hello, TO, journal=journal, attempt=attempt)
    assert len(there.messages) == (1 if fault == "lost" else 0)
    assert len(there.calls) == 1


@pytest.mark.usefixtures("told")
def test_a_message_that_was_refused_is_sent_later(there: SimulatedWhatsApp) -> None:
    """A limit says that nothing was sent: the next attempt sends it, once."""
    there.fail_with(130429, status=500)
    journal = MemoryJournal()
    with pytest.raises(RateLimited):
        run_inline(send_hello, TO, journal=journal)
    wamid = run_inline(send_hello, TO, journal=journal, attempt=2).result
    assert run_inline(send_hello, TO, journal=journal, attempt=3).result == wamid
    assert list(there.messages) == [wamid]


def test_without_a_token_nothing_is_tried(there: SimulatedWhatsApp) -> None:
    """And a wrong one is an error that no retry cures."""
    with pytest.raises(AuthFailed, match="DRAMATURG_WHATSAPP_TOKEN"):
        WhatsApp(WhatsAppSettings.model_construct(token=None, number_id=""))
    with pytest.raises(AuthFailed):
        WhatsApp(settings(there, token=SecretStr("expired"))).send_template(TO, "hello_world", "en_US")
    assert "expired" not in json.dumps([call.headers for call in there.calls], default=str)


def test_the_limits_are_those_of_the_documentation() -> None:
    """80 messages a second, one to a person in 6 s; one breaker for all that calls WhatsApp."""
    assert (THROUGHPUT.rate, THROUGHPUT.per) == (80, timedelta(seconds=1))
    assert (PAIR.rate, PAIR.per, PAIR.by) == (1, timedelta(seconds=6), "to")
    assert BREAKER.name == "whatsapp"
