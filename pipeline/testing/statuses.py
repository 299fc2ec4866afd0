"""Errors that providers answer with, each worded for the interface that was spoken."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from pipeline.testing import anthropic_wire, openai_wire
from pipeline.testing.call import Call
from pipeline.testing.exchange import Exchange


@dataclass(frozen=True)
class Status:
    """Answer with an HTTP status and an error."""

    status: int
    message: str = "something went wrong"
    code: str | None = None
    kind: str = "invalid_request_error"
    headers: dict[str, str] = field(default_factory=dict)
    #: Sent as it stands in place of the error, if given; its type.
    page: str | None = None
    page_type: str = "text/html"

    def play(self, exchange: Exchange) -> None:
        """Answer with the error."""
        exchange.call.behaviour = f"Status {self.status}"
        if self.page is not None:
            exchange.send(self.status, self.page_type, self.page.encode(), self.headers)
        else:
            body = json.dumps(self.told(exchange.call)).encode()
            exchange.send(self.status, "application/json", body, self.headers)

    def told(self, call: Call) -> dict[str, Any]:
        """Give the body of the error."""
        error = anthropic_wire.error if call.dialect == "anthropic" else openai_wire.error
        return error(self.kind, self.message, self.code)


def rate_limited(retry_after: float | str | timedelta | None = None) -> Status:
    """Make a 429, with or without a Retry-After: seconds or text as they stand, a duration as a date."""
    if isinstance(retry_after, timedelta):
        retry_after = format_datetime(datetime.now(UTC) + retry_after, usegmt=True)
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Status(429, "slow down", "rate_limit_exceeded", "rate_limit_error", headers)


def out_of_quota() -> Status:
    """Make a 429 that no waiting mends."""
    return Status(429, "You exceeded your current quota", "insufficient_quota", "billing_error")


def context_overflow() -> Status:
    """Make the 400 of a prompt that is too long, as both interfaces word it."""
    return Status(400, "prompt is too long: 300000 tokens > 200000 maximum", "context_length_exceeded")


def filtered() -> Status:
    """Make the 400 of a provider's content filter."""
    return Status(400, "The prompt was filtered", "content_filter", "content_filter")


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


def unavailable(retry_after: float | None = None) -> Status:
    """Make a 503, with or without a Retry-After in seconds."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Status(503, "try again later", "service_unavailable", "api_error", headers)


def overloaded() -> Status:
    """Make Anthropic's 529."""
    return Status(529, "Overloaded", "overloaded", "overloaded_error")


def no_json() -> Status:
    """Make a 200 whose body is a page of HTML, as a hotel's network answers."""
    return Status(200, page="<html><body>Welcome to the hotel's network</body></html>")


def broken_json() -> Status:
    """Make a 200 whose body says that it is JSON, and is not."""
    return Status(200, page='{"id": "simul', page_type="application/json")
