"""How a webhook proves where it comes from: the schemes of those who send them, each over the bytes as they came."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qsl

from pipeline.errors import PipelineError

#: How far the time in a request may be from ours, either way.
WINDOW = timedelta(seconds=300)

#: Characters of a secret that stands in an address, at least.
SHORTEST = 16

#: What a form may hold, and how many signatures a header: enough for a rotation.
_FIELDS = 200
_SIGNATURES = 10


class Refused(PipelineError):  # noqa: N818 - says what happened
    """A request does not prove where it comes from; the text says why, and holds nothing of the request."""

    def __init__(self, why: str, status: int = 401) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request without its body: the headers by their names in lower case, and the end of its path."""

    headers: Mapping[str, str]
    method: str = "POST"
    token: str = ""

    def header(self, name: str) -> str:
        """Give a header; raises ``Refused`` if it is missing."""
        value = self.headers.get(name, "")
        if not value:
            raise Refused(f"there is no header {name}")
        return value


class Scheme(Protocol):
    """One way to sign a request."""

    def look(self, envelope: Envelope, now: datetime) -> None:
        """Look at the headers alone, before the body is read; raises ``Refused``."""

    def check(self, envelope: Envelope, body: bytes) -> None:
        """Compare the signature, in constant time; raises ``Refused``."""


class HubSignature:
    """Meta's: ``X-Hub-Signature-256`` is ``sha256=`` and the HMAC-SHA256 of the body in hex, under the app's secret."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = _keys(secrets)

    def look(self, envelope: Envelope, now: datetime) -> None:
        """Look for a signature of the right form."""
        del now  # the scheme has no time in it: what was seen before is known by the event's id
        given = envelope.header("x-hub-signature-256")
        if len(given) != len("sha256=") + 64 or not given.startswith("sha256="):
            raise Refused("X-Hub-Signature-256 has another form")

    def check(self, envelope: Envelope, body: bytes) -> None:
        """Compare with the body's HMAC under each secret."""
        given = envelope.header("x-hub-signature-256")
        _require_one([given], [f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}" for key in self._secrets])


class StandardWebhooks:
    """Standard Webhooks 1.0: HMAC-SHA256 over ``id.timestamp.body``, in ``webhook-signature`` beside the other two.

    A secret is ``whsec_`` and the key in base64; several are the old and the new one of a rotation. Raises
    ``ValueError`` for a secret that is none.
    """

    def __init__(self, *secrets: str, window: timedelta = WINDOW) -> None:
        self._keys = [_decoded(secret) for secret in secrets]
        self._window = window
        if not self._keys:
            raise ValueError("SECRET: a signature needs one")

    def look(self, envelope: Envelope, now: datetime) -> None:
        """Look whether all headers are there, and the time is near."""
        event = envelope.header("webhook-id")
        if "." in event:  # it would let one signed text be read in two ways
            raise Refused("there is a '.' in webhook-id")
        envelope.header("webhook-signature")
        _require_near(envelope.header("webhook-timestamp"), now, self._window, unit=1)

    def check(self, envelope: Envelope, body: bytes) -> None:
        """Compare each signature given with that under each secret."""
        head = f"{envelope.header('webhook-id')}.{envelope.header('webhook-timestamp')}."
        signed = head.encode("latin-1", "backslashreplace") + body
        given = envelope.header("webhook-signature").split(" ")[:_SIGNATURES]
        _require_one(given, ["v1," + _base64(hmac.digest(key, signed, "sha256")) for key in self._keys])


class MandrillSignature:
    """Mailchimp Transactional's: HMAC-SHA1 of the address and the sorted form fields, in ``X-Mandrill-Signature``.

    ``url`` is the address exactly as it is written there. What is signed are fields, so the form is taken apart first.
    """

    def __init__(self, *secrets: str, url: str) -> None:
        self._secrets = _keys(secrets)
        self._url = url

    def look(self, envelope: Envelope, now: datetime) -> None:
        """Look for a signature."""
        del now  # as with Meta's
        envelope.header("x-mandrill-signature")

    def check(self, envelope: Envelope, body: bytes) -> None:
        """Compare with the HMAC of address and fields under each key."""
        try:
            fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
        except ValueError as error:
            raise Refused("the form cannot be read") from error
        signed = (self._url + "".join(name + value for name, value in sorted(fields))).encode("utf-8", "surrogatepass")
        expected = [_base64(hmac.digest(key, signed, "sha1")) for key in self._secrets]
        _require_one([envelope.header("x-mandrill-signature")], expected)


class HubSpotSignature:
    """HubSpot's third: HMAC-SHA256 over method, address, body and time in ``X-HubSpot-Signature-v3``, in base64.

    ``url`` is the address as HubSpot calls it.
    """

    def __init__(self, *secrets: str, url: str, window: timedelta = WINDOW) -> None:
        self._secrets = _keys(secrets)
        self._url = url
        self._window = window

    def look(self, envelope: Envelope, now: datetime) -> None:
        """Look whether both headers are there, and the time is near."""
        envelope.header("x-hubspot-signature-v3")
        _require_near(envelope.header("x-hubspot-request-timestamp"), now, self._window, unit=1000)

    def check(self, envelope: Envelope, body: bytes) -> None:
        """Compare with the HMAC of the whole request under each secret."""
        time = envelope.header("x-hubspot-request-timestamp")
        signed = f"{envelope.method}{self._url}".encode() + body + time.encode()
        expected = [_base64(hmac.digest(key, signed, "sha256")) for key in self._secrets]
        _require_one([envelope.header("x-hubspot-signature-v3")], expected)


class PathSecret:
    """For those who sign nothing, as Mailchimp: the end of the address is a secret; a wrong one is answered with 404.

    Raises ``ValueError`` for a secret of fewer than 16 characters.
    """

    def __init__(self, *secrets: str) -> None:
        if any(len(secret) < SHORTEST or "/" in secret for secret in secrets):
            raise ValueError(f"SECRET: as part of an address it needs {SHORTEST} characters or more, and no '/'")
        self._secrets = _keys(secrets)

    def look(self, envelope: Envelope, now: datetime) -> None:
        """Compare the end of the path with each secret."""
        del now
        if not _any_equal([envelope.token], [secret.decode() for secret in self._secrets]):
            raise Refused("the secret in the address is wrong", status=404)

    def check(self, envelope: Envelope, body: bytes) -> None:
        """Nothing is left to check."""


def _keys(secrets: Sequence[str]) -> list[bytes]:
    if not secrets or not all(secrets):
        raise ValueError("SECRET: a signature needs one")
    return [secret.encode() for secret in secrets]


def _decoded(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("SECRET: one of Standard Webhooks is whsec_ and base64") from error
    if len(key) < SHORTEST:
        raise ValueError(f"SECRET: one of Standard Webhooks has {SHORTEST} bytes or more")
    return key


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _require_near(said: str, now: datetime, window: timedelta, *, unit: int) -> None:
    if not (said.isascii() and said.isdigit() and len(said) <= 14):  # noqa: PLR2004 - a thousand years in ms
        raise Refused("the time is no number")
    if abs(now.timestamp() - int(said) / unit) > window.total_seconds():
        raise Refused("the time is too far from now")


def _require_one(given: Iterable[str], expected: Iterable[str]) -> None:
    if not _any_equal(given, expected):
        raise Refused("the signature is wrong")


def _any_equal(given: Iterable[str], expected: Iterable[str]) -> bool:
    known = [each.encode() for each in expected]
    # All are compared, whichever fits: how long it takes says nothing.
    return any([hmac.compare_digest(each.encode("utf-8", "backslashreplace"), one) for each in given for one in known])  # noqa: C419 - all of them
