"""A WhatsApp Cloud API on the loopback address: templates, replies, media, and webhooks signed as Meta signs them."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Any

from pipeline.testing.simulated_api import Answer, Request, SimulatedApi
from pipeline.testing.whatsapp_hooks import WhatsAppHooks

#: The codes of the errors that it gives by itself: HTTP status, title and details as they are documented.
ERRORS: dict[int, tuple[int, str, str]] = {
    100: (400, "Invalid parameter", "The request included one or more unsupported or misspelled parameters."),
    190: (401, "Error validating access token", "Your access token has expired."),
    130429: (429, "Rate limit hit", "Cloud API message throughput has been reached."),
    131008: (400, "Required parameter is missing", "The request is missing a required parameter."),
    131009: (400, "Parameter value is not valid", "One or more parameter values are invalid."),
    131056: (400, "(Business Account, Consumer Account) pair rate limit hit", "Too many messages to the same person."),
    132000: (
        400,
        "Number of parameters does not match the expected number of params",
        "body: number of localizable_params",
    ),
    132001: (404, "Template name does not exist in the translation", "template name does not exist in this language"),
}

_DAY = timedelta(hours=24)


@dataclass
class SentMessage:
    """A message that was accepted: what it is, and what became of it so far."""

    id: str
    to: str
    type: str
    #: Its part of the request: the template, the text, the media.
    content: dict[str, Any]
    at: datetime
    #: sent, delivered, read, failed; in the order they came about.
    statuses: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class MediaFile:
    """A file that was uploaded, or that somebody sent."""

    id: str
    mime_type: str
    content: bytes = field(repr=False)


class SimulatedWhatsApp(SimulatedApi):
    """One number of one account, as documented; webhooks go to ``callback`` when ``post_webhooks`` is called.

    Everybody is there and allows messages unless they were said to be ``unreachable``, or to have ``stopped``. As with
    the real one, that is told by a webhook, after the message was accepted; so is a reply to whoever has not written
    for 24 hours. Over ``throughput`` messages in a second, or two within ``pair`` to one person, are refused at once.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        token: str = "simulated-token",  # noqa: S107 - of no account
        app_secret: str = "simulated-app-secret",  # noqa: S107 - of no account
        number_id: str = "106540352242922",
        callback: str = "",
        throughput: int = 80,
        pair: timedelta = timedelta(seconds=6),
    ) -> None:
        super().__init__(seed, clock=clock)
        self.token = token
        self.number_id = number_id
        #: What was accepted, by id, in order.
        self.messages: dict[str, SentMessage] = {}
        self.media: dict[str, MediaFile] = {}
        #: How many parameters a template takes, by name and language.
        self.templates: dict[tuple[str, str], int] = {}
        #: Numbers, in digits, that have no WhatsApp; and those that stopped marketing messages.
        self.unreachable: set[str] = set()
        self.stopped: set[str] = set()
        #: When somebody wrote last.
        self.wrote: dict[str, datetime] = {}
        self.hooks = WhatsAppHooks(callback, app_secret, number_id, self.now)
        self._throughput = throughput
        self._pair = pair
        self._recent: deque[datetime] = deque()
        self._last_to: dict[str, datetime] = {}
        self._numbers = itertools.count(1)

    def template(self, name: str, *languages: str, parameters: int = 0) -> None:
        """Have a template approved in some languages, or in en_US."""
        for language in languages or ("en_US",):
            self.templates[name, language] = parameters

    def write(self, sender: str, text: str) -> str:
        """Have a person write to the number; gives the message's id. The webhook waits for ``post_webhooks``."""
        with self.lock:
            digits = sender.removeprefix("+")
            self.wrote[digits] = self.now()
            wamid = self._wamid(digits)
            self.hooks.message(digits, {"id": wamid, "type": "text", "text": {"body": text}})
            return wamid

    def send_file(self, sender: str, content: bytes, mime_type: str = "image/jpeg") -> str:
        """Have a person send a file; gives the id of the file."""
        with self.lock:
            digits = sender.removeprefix("+")
            self.wrote[digits] = self.now()
            kept = self._keep(content, mime_type)
            told = {"id": kept.id, "mime_type": mime_type, "sha256": hashlib.sha256(content).hexdigest()}
            kind = mime_type.split("/", maxsplit=1)[0]
            self.hooks.message(digits, {"id": self._wamid(digits), "type": kind, kind: told})
            return kept.id

    def read(self, wamid: str) -> None:
        """Have the person read a message."""
        with self.lock:
            self._become(self.messages[wamid], "read")

    def post_webhooks(self, *, batch: int = 1) -> list[int]:
        """Post what has come about since the last time, so many events a request; gives what was answered.

        What was not answered with 200 comes again the next time, as from Meta.
        """
        return self.hooks.post(batch)

    def fail_with(self, code: int, n: int = 1, *, status: int = 400) -> None:
        """Answer the next ``n`` messages with an error of this code, and do not send them."""
        self.fail_next(n, status, _error(code, "simulated", "simulated"), matching="/messages$")

    def answer(self, request: Request) -> Answer:
        """Answer as the Graph API does."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return self._refusal(190)
        path = request.path.strip("/").split("/")
        if path[0] == "files" and request.method == "GET":
            kept = self.media.get(path[-1])
            return (404, {}, None) if kept is None else (200, {"Content-Type": kept.mime_type}, kept.content)
        if path[1:] == [self.number_id, "messages"] and request.method == "POST":
            return self._message(request.json)
        if path[1:] == [self.number_id, "media"] and request.method == "POST":
            return self._upload(request)
        if len(path) == 2 and path[1] in self.media and request.method == "GET":  # noqa: PLR2004 - version and id
            return self._describe(self.media[path[1]])
        return self._refusal(100)

    def _message(self, said: Any) -> Answer:
        if not isinstance(said, dict) or said.get("messaging_product") != "whatsapp":
            return self._refusal(131008)
        to, kind = str(said.get("to", "")).removeprefix("+"), said.get("type", "text")
        content = said.get(kind)
        if not to.isdigit() or not isinstance(content, dict):
            return self._refusal(131009 if to else 131008)
        wrong = self._wrong_template(content) if kind == "template" else 0
        wrong = wrong or self._too_fast(to)
        if wrong:
            return self._refusal(wrong)
        message = SentMessage(self._wamid(to), to, kind, content, self.now())
        self.messages[message.id] = message
        self._carry(message)
        contacts = [{"input": said["to"], "wa_id": to}]
        told = {"id": message.id} | ({"message_status": "accepted"} if kind == "template" else {})
        return 200, {}, {"messaging_product": "whatsapp", "contacts": contacts, "messages": [told]}

    def _wrong_template(self, template: dict[str, Any]) -> int:
        language = template.get("language")
        code = language.get("code", "") if isinstance(language, dict) else ""
        takes = self.templates.get((template.get("name", ""), code))
        if takes is None:
            return 132001
        given = [part for part in template.get("components", ()) if part.get("type") == "body"]
        texts = given[0].get("parameters", []) if given else []
        if any(part.get("type") != "text" or not part.get("text") for part in texts):
            return 131008
        return 0 if len(texts) == takes else 132000

    def _too_fast(self, to: str) -> int:
        now = self.now()
        while self._recent and now - self._recent[0] >= timedelta(seconds=1):
            self._recent.popleft()
        if len(self._recent) >= self._throughput:
            return 130429
        last = self._last_to.get(to)
        if last is not None and now - last < self._pair:
            return 131056
        self._recent.append(now)
        self._last_to[to] = now
        return 0

    def _carry(self, message: SentMessage) -> None:
        last = self.wrote.get(message.to)
        if message.to in self.unreachable:
            self._become(message, "failed", 131026, "Message undeliverable")
        elif message.to in self.stopped and message.type == "template":
            self._become(message, "failed", 131050, "User has stopped marketing messages")
        elif message.type != "template" and (last is None or self.now() - last > _DAY):
            self._become(message, "failed", 131047, "Re-engagement message")
        else:
            self._become(message, "sent")
            self._become(message, "delivered")

    def _become(self, message: SentMessage, status: str, code: int = 0, title: str = "") -> None:
        message.statuses.append(status)
        self.hooks.status(message.id, message.to, status, code, title)

    def _upload(self, request: Request) -> Answer:
        whole = b"Content-Type: " + request.headers.get("content-type", "").encode() + b"\r\n\r\n" + request.body
        fields = {
            part.get_param("name", header="content-disposition"): part
            for part in message_from_bytes(whole).walk()
            if not part.is_multipart()
        }
        file, product = fields.get("file"), fields.get("messaging_product")
        content = file.get_payload(decode=True) if file is not None else None
        if file is None or product is None or not isinstance(content, bytes) or "type" not in fields:
            return self._refusal(100)
        return 200, {}, {"id": self._keep(content, file.get_content_type()).id}

    def _describe(self, kept: MediaFile) -> Answer:
        told = {"url": f"{self.url}/files/{kept.id}", "mime_type": kept.mime_type, "id": kept.id}
        told |= {"messaging_product": "whatsapp", "sha256": hashlib.sha256(kept.content).hexdigest()}
        return 200, {}, {**told, "file_size": str(len(kept.content))}

    def _keep(self, content: bytes, mime_type: str) -> MediaFile:
        kept = MediaFile(str(4_490_709_327_384_033 + next(self._numbers)), mime_type, content)
        self.media[kept.id] = kept
        return kept

    def _wamid(self, to: str) -> str:
        number = hashlib.sha256(f"{self.seed}/{next(self._numbers)}".encode()).hexdigest()[:20].upper()
        return "wamid." + base64.b64encode(f"\x1d\x06\x0b{to}\x15\x02\x00\x11\x18\x12{number}\x00".encode()).decode()

    @staticmethod
    def _refusal(code: int) -> Answer:
        status, title, details = ERRORS[code]
        return status, {}, _error(code, title, details)


def _error(code: int, title: str, details: str) -> dict[str, Any]:
    data = {"messaging_product": "whatsapp", "details": details}
    told = {"message": f"(#{code}) {title}", "type": "OAuthException", "code": code, "error_data": data}
    return {"error": {**told, "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam"}}
