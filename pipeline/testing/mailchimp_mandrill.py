"""The transactional interface of a simulated Mailchimp: it keeps the messages that it accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.testing.mailchimp_state import hash_of
from pipeline.testing.simulated_api import Answer, Request


@dataclass(frozen=True)
class SentMessage:
    """A message that was accepted."""

    id: str
    to: str
    template: str
    variables: dict[str, Any]
    metadata: dict[str, str]
    at: datetime


class Mandrill:
    """Sends messages by ``templates`` to everybody but those in ``rejects`` (address to reason)."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.key = "md-simulated"
        self.templates: set[str] = set()
        self.rejects: dict[str, str] = {}
        self.sent: list[SentMessage] = []
        #: Whether messages are queued first, as at high volume.
        self.queues = False
        self._now = now

    def answer(self, request: Request) -> Answer:
        """Answer a call."""
        said = request.json if isinstance(request.json, dict) else {}
        path = request.path.removeprefix("/api/1.0").removesuffix(".json")
        if said.get("key") != self.key:
            return _error(-1, "Invalid_Key", "Invalid API key")
        if path == "/users/ping2":
            return 200, {}, {"PING": "PONG!"}
        if path != "/messages/send-template":
            return _error(-1, "Unknown_Method", f"Unknown method {path}")
        template = str(said.get("template_name", ""))
        if template not in self.templates:
            return _error(5, "Unknown_Template", f'No such template "{template}"')
        to = (said.get("message") or {}).get("to")
        if not to:
            return _error(-2, "ValidationError", 'Validation error: {"message":{"to":"Please enter an array"}}')
        return 200, {}, [self._send(template, one["email"], said["message"]) for one in to]

    def _send(self, template: str, email: str, message: dict[str, Any]) -> dict[str, Any]:
        told = {"email": email, "_id": hash_of(f"message/{len(self.sent)}/{email}")}
        reason = self.rejects.get(email.lower())
        if reason is not None:
            return {**told, "status": "rejected", "reject_reason": reason}
        if "@" not in email:
            return {**told, "status": "invalid", "reject_reason": None}
        variables = {one["name"]: one["content"] for one in message.get("global_merge_vars", [])}
        self.sent.append(SentMessage(told["_id"], email, template, variables, message.get("metadata", {}), self._now()))
        return {**told, "status": "queued" if self.queues else "sent", "reject_reason": None}


def _error(code: int, name: str, message: str) -> Answer:
    return 500, {}, {"status": "error", "code": code, "name": name, "message": message}
