"""Requests as those who send webhooks make them, signed by their documentation and not by our code."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode


def meta(secret: str, body: bytes) -> dict[str, str]:
    """The header of a request of Meta's."""
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def standard(secret: str, event: str, at: float, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    key = base64.b64decode(secret.split("_")[1])
    signed = event.encode() + b"." + str(int(at)).encode() + b"." + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": event, "webhook-timestamp": str(int(at)), "webhook-signature": f"v1,{signature}"}


def mandrill(key: str, url: str, events: list[dict[str, Any]]) -> tuple[dict[str, str], bytes]:
    """The header and the form of a request of Mailchimp Transactional."""
    fields = {"mandrill_events": json.dumps(events)}
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    signature = base64.b64encode(hmac.new(key.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    return {"X-Mandrill-Signature": signature}, urlencode(fields).encode()


def hubspot(secret: str, url: str, at_ms: int, body: bytes) -> dict[str, str]:
    """The headers of a request of HubSpot's, by the third version of its signatures."""
    signed = b"POST" + url.encode() + body + str(at_ms).encode()
    signature = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": str(at_ms)}


def whatsapp_body(
    *, messages: list[dict[str, Any]] | None = None, statuses: list[dict[str, Any]] | None = None
) -> bytes:
    """A body of the Cloud API, as its documentation shows them."""
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
    }
    if messages is not None:
        value |= {"contacts": [{"profile": {"name": "Sheena Nelson"}, "wa_id": "16505551234"}], "messages": messages}
    if statuses is not None:
        value["statuses"] = statuses
    entry = {"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def text_message(
    wamid: str, text: str = "Does it come in another color?", sender: str = "16505551234"
) -> dict[str, Any]:
    """A message that somebody wrote."""
    return {"from": sender, "id": wamid, "timestamp": "1749416383", "type": "text", "text": {"body": text}}


def status(wamid: str, state: str, **more: Any) -> dict[str, Any]:
    """What became of a message of ours."""
    return {"id": wamid, "status": state, "timestamp": "1750857384", "recipient_id": "16505551234", **more}


@dataclass(frozen=True)
class Answered:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def post(
    port: int,
    path: str,
    body: bytes,
    headers: dict[str, str],
    *,
    method: str = "POST",
    length: int | None = None,
    chunked: bool = False,
) -> Answered:
    """Make a request on a connection of its own; with another ``length`` than the body's the rest never comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    told = {"Host": "localhost", **headers}
    told |= (
        {"Transfer-Encoding": "chunked"}
        if chunked
        else {"Content-Length": str(len(body) if length is None else length)}
    )
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())])
    writer.write(head.encode() + b"\r\n\r\n")
    writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body)
    try:
        first, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        named = dict(field.lower().split(": ", 1) for field in fields)
        content = b"" if method == "HEAD" else await reader.readexactly(int(named.get("content-length", 0)))
        return Answered(int(first.split()[1]), named, content)
    finally:
        writer.transport.abort()
