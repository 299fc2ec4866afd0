"""The WhatsApp Cloud API: templates to whoever allowed it, replies to whoever wrote, and media.

It knows no idempotency key and cannot be asked about a message: who sends goes through ``run.effect`` without a lookup,
and a person looks at what is uncertain.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from actors.growth.whatsapp_errors import explain
from actors.growth.wire import Reply, Wire
from pipeline import AuthFailed, Breaker, InvalidInput, Limit, Transient
from pipeline.sections import Section

#: What a number may send in a second, and what it may send to one person: by the field ``to`` of a payload.
THROUGHPUT = Limit("whatsapp", rate=80, per=timedelta(seconds=1))
PAIR = Limit("whatsapp-pair", rate=1, per=timedelta(seconds=6), burst=1, by="to")

#: Stands before every actor that calls WhatsApp.
BREAKER = Breaker("whatsapp")

#: Where Meta keeps media: the token is shown to no other host.
_MEDIA_HOSTS = ("facebook.com", "fbcdn.net", "fbsbx.com", "whatsapp.net")

_LONGEST_TEXT = 4096
_LARGEST_MEDIA = 100 * 1024 * 1024


class WhatsAppSettings(Section):
    """``DRAMATURG_WHATSAPP_...``: the token, the number that sends, and where its interface is."""

    prefix: ClassVar[str] = "DRAMATURG_WHATSAPP_"

    token: SecretStr | None = Field(default=None, description="an access token with whatsapp_business_messaging")
    number_id: str = Field(default="", pattern=r"^[0-9]*$", description="the phone number id, not the phone number")
    url: str = "https://graph.facebook.com"
    version: str = Field(default="v25.0", pattern=r"^v[0-9]{1,3}\.[0-9]$", description="of the Graph API")
    timeout: timedelta = Field(default=timedelta(seconds=30), gt=timedelta(0))


class Media(BaseModel):
    """What was uploaded, or what somebody sent: where it is for five minutes, and what it should be."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    url: str
    mime_type: str
    sha256: str
    file_size: int = 0


class WhatsApp:
    """One number, as the settings say. Raises ``AuthFailed`` while there is no token, or no number."""

    def __init__(self, settings: WhatsAppSettings | None = None) -> None:
        told = settings or WhatsAppSettings.current()
        if told.token is None or not told.number_id:
            raise AuthFailed("WhatsApp: DRAMATURG_WHATSAPP_TOKEN and DRAMATURG_WHATSAPP_NUMBER_ID are not set")
        self._number = told.number_id
        self._bearer = {"Authorization": f"Bearer {told.token.get_secret_value()}"}
        self._timeout = told.timeout
        self._url = told.url
        self._wire = Wire(
            "WhatsApp",
            f"{told.url.rstrip('/')}/{told.version}",
            headers=self._bearer,
            timeout=told.timeout,
            explain=explain,
        )

    def send_template(
        self,
        to: str,
        template: str,
        language: str,
        parameters: Sequence[str] = (),
        *,
        header_image: str = "",
    ) -> str:
        """Send an approved template to a number in E.164, with its parameters in order; gives the message's id.

        ``header_image`` is the id of an image that was uploaded. Raises ``InvalidInput`` for a number, a template or
        parameters that are refused, ``RateLimited`` when it is too much, ``Permanent`` for whoever cannot be reached,
        and whatever the connection does.
        """
        components: list[dict[str, Any]] = []
        if header_image:
            components.append({"type": "header", "parameters": [{"type": "image", "image": {"id": header_image}}]})
        if parameters:
            texts = [{"type": "text", "text": parameter} for parameter in parameters]
            components.append({"type": "body", "parameters": texts})
        body = {"name": template, "language": {"code": language.replace("-", "_")}}
        return self._send(to, "template", body | ({"components": components} if components else {}))

    def reply(self, to: str, text: str, *, to_message: str = "", preview: bool = False) -> str:
        """Send a text to somebody who wrote within 24 hours; gives the message's id. Raises as ``send_template``."""
        if not 0 < len(text) <= _LONGEST_TEXT:
            raise InvalidInput(f"a text has 1 to {_LONGEST_TEXT} characters", field="text")
        return self._send(to, "text", {"preview_url": preview, "body": text}, to_message=to_message)

    def send_media(
        self, to: str, kind: Literal["image", "document", "audio", "video", "sticker"], media: str, *, caption: str = ""
    ) -> str:
        """Send what was uploaded to somebody who wrote within 24 hours; gives the message's id."""
        return self._send(to, kind, {"id": media} | ({"caption": caption} if caption else {}))

    def upload(self, content: bytes, mime_type: str, *, name: str = "file") -> str:
        """Upload a file, at most 100 MB, and give its id; it is kept there for 30 days."""
        if not 0 < len(content) <= _LARGEST_MEDIA:
            raise InvalidInput(f"a file has 1 to {_LARGEST_MEDIA} bytes", field="content")
        for what, text in (("mime_type", mime_type), ("name", name)):
            if not text.isprintable() or '"' in text or not text.isascii():
                raise InvalidInput(f"{what} has characters that no header carries", field=what)
        mark = secrets.token_hex(16)
        parts = [
            _part(mark, 'name="messaging_product"', b"whatsapp"),
            _part(mark, 'name="type"', mime_type.encode()),
            _part(mark, f'name="file"; filename="{name}"\r\nContent-Type: {mime_type}', content),
            f"--{mark}--\r\n".encode(),
        ]
        kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        reply = self._wire.call("POST", f"{self._number}/media", content=b"".join(parts), headers=kind)
        return _field(reply, "id")

    def media(self, media: str) -> Media:
        """Tell where a file is, by its id; the address holds for five minutes."""
        reply = self._wire.call("GET", _segment(media), params={"phone_number_id": self._number})
        try:
            return Media.model_validate(reply.json())
        except ValidationError as error:
            raise _malformed(reply) from error

    def download(self, media: str) -> bytes:
        """Give a file by its id, at most 10 MB; raises ``Transient`` if it is not what its sha256 says."""
        found = self.media(media)
        place, known = urlsplit(found.url), urlsplit(self._url)
        theirs = place.scheme == "https" and f".{place.hostname or ''}".endswith(tuple(f".{h}" for h in _MEDIA_HOSTS))
        if not theirs and (place.scheme, place.netloc) != (known.scheme, known.netloc):
            raise InvalidInput("WhatsApp keeps this file at a host that is not Meta's", field="url")
        wire = Wire("WhatsApp media", found.url, headers=self._bearer, timeout=self._timeout, explain=explain)
        try:
            content = wire.call("GET", "").body
        finally:
            wire.close()
        if hashlib.sha256(content).hexdigest() != found.sha256:
            raise Transient("WhatsApp: the file is not what its sha256 says")
        return content

    def close(self) -> None:
        """Close the connections of this process."""
        self._wire.close()

    def _send(self, to: str, kind: str, body: dict[str, Any], *, to_message: str = "") -> str:
        digits = to.removeprefix("+")
        if not (to.startswith("+") and digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15):  # noqa: PLR2004 - E.164
            raise InvalidInput(f"{to[:40]!r} is no number in E.164, as +4915112345678", field="to")
        message: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": digits,
            "type": kind,
            kind: body,
        }
        if to_message:
            message["context"] = {"message_id": to_message}
        reply = self._wire.call("POST", f"{self._number}/messages", json=message)
        told = reply.json()
        messages = told.get("messages") if isinstance(told, dict) else None
        first = messages[0] if isinstance(messages, list) and messages else None
        wamid = first.get("id") if isinstance(first, dict) else None
        if not isinstance(wamid, str) or not wamid:
            raise _malformed(reply)
        return wamid


def _part(mark: str, disposition: str, content: bytes) -> bytes:
    return f"--{mark}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"


def _segment(media: str) -> str:
    if not (media.isascii() and media.isdigit() and len(media) < 100):  # noqa: PLR2004 - an id, not a path
        raise InvalidInput("the id of a file is digits", field="media")
    return media


def _field(reply: Reply, name: str) -> str:
    told = reply.json()
    value = told.get(name) if isinstance(told, dict) else None
    if not isinstance(value, str) or not value:
        raise _malformed(reply)
    return value


def _malformed(reply: Reply) -> Transient:
    # It said yes and not to what: whether it was done is not known.
    told = Transient(f"WhatsApp: answered {reply.status} with something else than documented")
    told.status, told.why = reply.status, "malformed answer"
    return told
