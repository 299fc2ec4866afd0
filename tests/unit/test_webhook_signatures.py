"""Signatures, against vectors that others published, and whatever else chance can think of."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.environment import SettingsError
from pipeline.webhooks import signatures, webhooks
from pipeline.webhooks.readers import mailchimp_event, mandrill_events, whatsapp_events
from pipeline.webhooks.settings import WebhooksSettings, sources_of
from pipeline.webhooks.signatures import (
    Envelope,
    HubSignature,
    HubSpotSignature,
    MandrillSignature,
    PathSecret,
    Refused,
    StandardWebhooks,
)
from pipeline.webhooks.sources import Source, Unreadable
from tests.support import hooks

NOW = datetime.fromtimestamp(1614265330, UTC)
#: The vector of the Standard Webhooks reference libraries.
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_published_vector_of_standard_webhooks_holds() -> None:
    """Beside other signatures too, of this scheme and of others."""
    scheme = StandardWebhooks(SECRET)
    for given_ in (VECTOR["webhook-signature"], f"v1a,xyz v1,AAAA {VECTOR['webhook-signature']}"):
        envelope = Envelope(VECTOR | {"webhook-signature": given_})
        scheme.look(envelope, NOW + timedelta(seconds=300))
        scheme.check(envelope, BODY)


def test_github_s_vector_of_the_same_header_holds() -> None:
    """X-Hub-Signature-256 is the same wherever it is used; this one is in GitHub's documentation."""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    envelope = Envelope({"x-hub-signature-256": signature})
    HubSignature("It's a Secret to Everybody").look(envelope, NOW)
    HubSignature("It's a Secret to Everybody").check(envelope, b"Hello, World!")
    with pytest.raises(Refused):
        HubSignature("it's a secret to everybody").check(envelope, b"Hello, World!")


@settings(max_examples=150, deadline=None)
@given(data=st.data(), body=st.binary(min_size=1, max_size=300))
def test_no_other_byte_is_let_in(data: st.DataObject, body: bytes) -> None:
    """Whatever byte of the body is changed to whatever else, every scheme refuses it."""
    at = data.draw(st.integers(0, len(body) - 1))
    other = body[:at] + bytes([body[at] ^ data.draw(st.integers(1, 255))]) + body[at + 1 :]
    url = "https://hooks.example.org/x"
    headers = hooks.standard(SECRET, "msg_1", NOW.timestamp(), body) | hooks.meta("s" * 20, body)
    headers |= hooks.hubspot("s" * 20, url, int(NOW.timestamp() * 1000), body)
    envelope = Envelope({name.lower(): value for name, value in headers.items()})
    for scheme in (StandardWebhooks(SECRET), HubSignature("s" * 20), HubSpotSignature("s" * 20, url=url)):
        scheme.look(envelope, NOW)
        scheme.check(envelope, body)
        with pytest.raises(Refused):
            scheme.check(envelope, other)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*VECTOR, "x-hub-signature-256", "x-mandrill-signature"]), st.text(max_size=80)))
def test_hostile_headers_are_refused_and_nothing_else(headers: dict[str, str]) -> None:
    """Never let in, and never an error of another kind: any text may stand in a header."""
    for scheme in (
        StandardWebhooks(SECRET),
        HubSignature("s" * 20),
        MandrillSignature("k", url="u"),
        PathSecret("p" * 16),
    ):
        with pytest.raises(Refused):  # noqa: PT012 - either may
            scheme.look(Envelope(headers, token=headers.get("webhook-id", "")), NOW)
            scheme.check(Envelope(headers), b"x=y")


def test_every_comparison_takes_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """No scheme compares with anything else than compare_digest, and all secrets are compared, whichever fits."""
    compared: list[tuple[bytes, bytes]] = []
    genuine = hmac.compare_digest

    def noting(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return genuine(a, b)

    monkeypatch.setattr(signatures.hmac, "compare_digest", noting)
    other = "whsec_" + "eHh4" * 8
    StandardWebhooks(SECRET, other).check(Envelope(VECTOR), BODY)
    HubSignature("a", "b").check(Envelope(_lower(hooks.meta("a", BODY))), BODY)
    headers, form = hooks.mandrill("a", "u", [])
    MandrillSignature("a", "b", url="u").check(Envelope(_lower(headers)), form)
    HubSpotSignature("a", "b", url="u").check(Envelope(_lower(hooks.hubspot("a", "u", 1, BODY))), BODY)
    PathSecret("a" * 16, "b" * 16).look(Envelope({}, token="a" * 16), NOW)
    assert len(compared) == 10


def test_secrets_that_do_not_do_are_told_with_their_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once, without showing them; nothing set is no source."""
    assert sources_of(WebhooksSettings.load(None)) == []
    for name, value in (
        ("WHATSAPP_OLD_SECRET", "an-old-secret-of-an-app"),
        ("MAILCHIMP_SECRET", "short"),
        ("MANDRILL_KEY", "a-key-of-mandrill"),
        ("LEADS_SECRET", "whsec_no-base64!"),
    ):
        monkeypatch.setenv(f"DRAMATURG_WEBHOOKS_{name}", value)
    with pytest.raises(SettingsError) as told:
        sources_of(WebhooksSettings.load(None))
    assert [mistake.split(":")[0] for mistake in told.value.mistakes] == [
        f"DRAMATURG_WEBHOOKS_{name}" for name in ("WHATSAPP_SECRET", "MAILCHIMP_SECRET", "MANDRILL_URL", "LEADS_SECRET")
    ]
    assert "no-base64" not in str(told.value)
    assert "an-old-secret" not in str(told.value)


def test_a_source_is_listened_to_where_a_secret_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """With both secrets of a pair."""
    for name, value in (
        ("WHATSAPP_SECRET", "new"),
        ("WHATSAPP_OLD_SECRET", "old"),
        ("MAILCHIMP_SECRET", "p" * 16),
        ("MANDRILL_KEY", "k"),
        ("MANDRILL_URL", "https://hooks.example.org/mandrill"),
        ("LEADS_SECRET", SECRET),
    ):
        monkeypatch.setenv(f"DRAMATURG_WEBHOOKS_{name}", value)
    sources = sources_of(WebhooksSettings.load(None))
    assert [source.path for source in sources] == ["/whatsapp", "/mailchimp/{token}", "/mandrill", "/leads"]
    for secret in ("new", "old"):
        sources[0].scheme.check(Envelope(_lower(hooks.meta(secret, BODY))), BODY)
    with pytest.raises(ValueError, match="same name"):
        webhooks(sources[0], sources[0])


def test_what_is_known_of_an_event_fits_into_a_key() -> None:
    """A long id, or one that cannot be printed, is known by its hash: still by one key, and by no other's."""
    source = Source("shop", StandardWebhooks(SECRET), "x", whatsapp_events)
    assert source.key("msg_1") == "shop:msg_1"
    found = {source.key(event) for event in ("a" * 500, "a" * 501, "a\nb", "a b\x00")}
    assert len(found) == 4
    assert all(len(key) <= 200 and key.isprintable() for key in found)


def test_parts_of_a_body_that_others_did_not_document_are_kept_as_they_are() -> None:
    """Errors, and changes of the account: a run each, with all that was said."""
    error = {"code": 130429, "title": "Rate limit hit", "message": "Rate limit hit"}
    change = {"field": "account_update", "value": {"event": "ACCOUNT_RESTRICTION"}}
    body = (
        b'{"object": "whatsapp_business_account", "entry": [{"id": "1", "time": 7, "changes": ['
        b'{"field": "messages", "value": {"errors": [{"code": 130429, "title": "Rate limit hit",'
        b' "message": "Rate limit hit"}]}}, {"field": "account_update", "value": {"event": "ACCOUNT_RESTRICTION"}}]}]}'
    )
    first, second = whatsapp_events(Envelope({}), body)
    assert (first.payload["kind"], first.payload["told"]) == ("error", error)
    assert (second.payload["kind"], second.payload["field"], second.payload["told"]) == (
        "other",
        "account_update",
        change,
    )
    assert first.id.startswith(hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"\xff=1",
        b"type=x",
        b"data[a]=1",
        b"type=x&data=1&data[a]=2",
        b"type=x&data[a]=1&data[a][b]=2",
        b"type=x&[]=1",
        b"type=x&data" + b"[a]" * 9 + b"=1",
        b"&".join(b"data[%d]=1" % n for n in range(1_001)),
    ],
)
def test_a_form_that_contradicts_itself_is_unreadable(form: bytes) -> None:
    """So is one that is too deep, or too long."""
    with pytest.raises(Unreadable):
        list(mailchimp_event(Envelope({}), form))
    with pytest.raises(Unreadable):
        list(mandrill_events(Envelope({}), form))


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
