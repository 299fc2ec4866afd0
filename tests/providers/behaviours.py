"""What a simulated model does with a request: answer well, answer badly, stall, cut, or refuse with a status."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from tests.providers.exchange import Call, Exchange
from tests.providers.wire import Said, written


class Behaviour(Protocol):
    """One way to treat a request."""

    def play(self, exchange: Exchange) -> None:
        """Answer the request, or do not."""


@dataclass(frozen=True)
class Answer:
    """Answer with a value as JSON, or with text as it stands; a function makes it from the request."""

    content: Any
    delay: timedelta = timedelta()
    tokens_in: int | None = None
    tokens_cached: int = 0

    def play(self, exchange: Exchange) -> None:
        """Answer, after the delay, if the caller is still there."""
        if self.delay and not exchange.wait(self.delay):
            return
        kind, payload = self.payload(exchange.call)
        exchange.send(200, kind, payload)

    def payload(self, call: Call) -> tuple[str, bytes]:
        """Make the answer as it goes over the wire."""
        content = self.content(call) if callable(self.content) else self.content
        text = content if isinstance(content, str) else json.dumps(content)
        return written(call, Said(text=text, tokens_in=self.tokens_in, tokens_cached=self.tokens_cached))


@dataclass(frozen=True)
class Trickle:
    """Answer a byte at a time: never silent for long, and never done in time."""

    answer: Answer
    every: timedelta = timedelta(milliseconds=100)

    def play(self, exchange: Exchange) -> None:
        """Send one byte, wait, send the next."""
        kind, payload = self.answer.payload(exchange.call)
        exchange.head(200, kind, len(payload))
        for byte in payload:
            exchange.write(bytes([byte]))
            if not exchange.wait(self.every):
                return
        exchange.call.answered = True


@dataclass(frozen=True)
class Hang:
    """Say nothing until the caller goes away."""

    def play(self, exchange: Exchange) -> None:
        """Wait for the caller to give up."""
        exchange.wait(None)
        exchange.handler.close_connection = True


@dataclass(frozen=True)
class Cut:
    """Reset the connection, at once or in the middle of an answer."""

    after: int = 0

    def play(self, exchange: Exchange) -> None:
        """Send so many bytes of a body, then reset."""
        if self.after:
            kind, payload = written(exchange.call, Said(text="x" * self.after * 2))
            exchange.head(200, kind, len(payload))
            exchange.write(payload[: self.after])
        exchange.cut()


@dataclass(frozen=True)
class Refusal:
    """Decline to answer, as a model does."""

    says: str = "I cannot help with that."

    def play(self, exchange: Exchange) -> None:
        """Answer with a refusal."""
        exchange.send(200, *written(exchange.call, Said(refusal=self.says)))


@dataclass(frozen=True)
class Truncated:
    """Stop in the middle of the answer, at the limit of output tokens."""

    text: str = '{"concepts": [{"label": "mitoch'

    def play(self, exchange: Exchange) -> None:
        """Answer with half an answer."""
        exchange.send(200, *written(exchange.call, Said(text=self.text, truncated=True)))


@dataclass(frozen=True)
class Status:
    """Answer with an HTTP status and an error, worded for the interface that was spoken."""

    status: int
    message: str = "something went wrong"
    code: str | None = None
    kind: str = "invalid_request_error"
    headers: dict[str, str] = field(default_factory=dict)
    #: Sent as it stands in place of the error, if given.
    page: str | None = None

    def play(self, exchange: Exchange) -> None:
        """Answer with the error."""
        error = {"type": self.kind, "message": self.message}
        if exchange.call.dialect == "openai":
            body: Any = {"error": error | {"code": self.code, "param": None}}
        else:
            body = {"type": "error", "error": error}
        if self.page is not None:
            exchange.send(self.status, "text/html", self.page.encode(), self.headers)
        else:
            exchange.send(self.status, "application/json", json.dumps(body).encode(), self.headers)


def rate_limited(retry_after: int | str | None = None) -> Status:
    """Make a 429, with or without a Retry-After."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Status(429, "slow down", "rate_limit_exceeded", "rate_limit_error", headers)


def out_of_quota() -> Status:
    """Make a 429 that no waiting mends."""
    return Status(429, "You exceeded your current quota", "insufficient_quota", "billing_error")


def context_overflow() -> Status:
    """Make the 400 of a prompt that is too long, as both interfaces word it."""
    return Status(400, "prompt is too long: 300000 tokens > 200000 maximum", "context_length_exceeded")


def bad_key(echo: str = "") -> Status:
    """Make a 401 that repeats the key, as careless servers do."""
    return Status(401, f"Incorrect API key provided: {echo}", "invalid_api_key", "authentication_error")


def no_such_model() -> Status:
    """Make a 404 for the model."""
    return Status(404, "The model does not exist", "model_not_found", "not_found_error")


def server_error(status: int = 500) -> Status:
    """Make a 500."""
    return Status(status, "internal error", None, "api_error")


def bad_gateway() -> Status:
    """Make the 502 of a proxy: a page of HTML."""
    return Status(502, page="<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>")


def unavailable() -> Status:
    """Make a 503."""
    return Status(503, "try again later", "service_unavailable", "api_error")


def overloaded() -> Status:
    """Make Anthropic's 529."""
    return Status(529, "Overloaded", "overloaded", "overloaded_error")


def no_json() -> Status:
    """Make a 200 whose body is not JSON."""
    return Status(200, page="<html><body>Welcome to the hotel's network</body></html>")
