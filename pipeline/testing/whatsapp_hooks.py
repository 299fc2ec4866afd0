"""The webhooks of a simulated WhatsApp number: put together, signed and posted as Meta does it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

_OK = 200


class WhatsAppHooks:
    """Events that wait to be posted to a callback address, over HTTP on this machine."""

    def __init__(self, callback: str, app_secret: str, number_id: str, clock: Callable[[], datetime]) -> None:
        self.callback = callback
        #: What has not been answered with 200 yet: whether it is a message or a status, and what it says.
        self.waiting: list[tuple[str, dict[str, Any]]] = []
        #: Every body that was posted, in order.
        self.posted: list[bytes] = []
        self._secret = app_secret.encode()
        self._number = number_id
        self._clock = clock

    def message(self, sender: str, told: dict[str, Any]) -> None:
        """Note that somebody wrote."""
        self.waiting.append(("messages", {"from": sender, "timestamp": self._seconds(), **told}))

    def status(self, wamid: str, to: str, status: str, code: int = 0, title: str = "") -> None:
        """Note what became of a message."""
        told: dict[str, Any] = {"id": wamid, "status": status, "timestamp": self._seconds(), "recipient_id": to}
        if code:
            page = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
            told["errors"] = [
                {"code": code, "title": title, "message": title, "error_data": {"details": title}, "href": page}
            ]
        elif status in {"sent", "delivered"}:
            told["pricing"] = {"billable": True, "pricing_model": "PMP", "category": "marketing"}
        self.waiting.append(("statuses", told))

    def post(self, batch: int = 1) -> list[int]:
        """Post what waits, so many events a request; gives what was answered, 0 where nothing was."""
        taken, self.waiting = self.waiting, []
        answers = []
        for at in range(0, len(taken), batch):
            events = taken[at : at + batch]
            answers.append(self.send(self.body(events)))
            if answers[-1] != _OK:
                self.waiting += events
        return answers

    def again(self) -> list[int]:
        """Post every body once more, as after answers that got lost."""
        return [self.send(body) for body in list(self.posted)]

    def send(self, body: bytes) -> int:
        """Post one body with its signature."""
        self.posted.append(body)
        signature = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
        return self._request("POST", "", body, headers)[0]

    def verify(self, token: str, challenge: str = "1158201444") -> bool:
        """Ask, as Meta does before it posts anything, whether the callback is ours."""
        query = urlencode({"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": challenge})
        return self._request("GET", f"?{query}", None, {}) == (_OK, challenge.encode())

    def body(self, events: list[tuple[str, dict[str, Any]]]) -> bytes:
        """Put events together, each kind in a change of its own."""
        changes = []
        for kind in ("messages", "statuses"):
            told = [event for which, event in events if which == kind]
            if not told:
                continue
            value: dict[str, Any] = {
                "messaging_product": "whatsapp",
                "metadata": {"display_phone_number": "15550783881", "phone_number_id": self._number},
                kind: told,
            }
            if kind == "messages":
                people = dict.fromkeys(event["from"] for event in told)
                value["contacts"] = [{"profile": {"name": f"Person {one[-4:]}"}, "wa_id": one} for one in people]
            changes.append({"value": value, "field": "messages"})
        entry = [{"id": "102290129340398", "changes": changes}]
        return json.dumps({"object": "whatsapp_business_account", "entry": entry}).encode()

    def _request(self, method: str, query: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        place = urlsplit(self.callback)
        connection = HTTPConnection(place.hostname or "", place.port, timeout=10)
        try:
            connection.request(method, place.path + query, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""  # whoever is not there has it once more later
        finally:
            connection.close()

    def _seconds(self) -> str:
        return str(int(self._clock().timestamp()))
