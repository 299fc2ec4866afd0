"""What a simulated model does with a request: answer well, answer badly, stall, cut, or refuse with a status."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from tests.providers.exchange import Call, Exchange


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
        exchange.reply(200, self.body(exchange.call))

    def body(self, call: Call) -> dict[str, Any]:
        """Make the answer as the interface that was spoken words it."""
        content = self.content(call) if callable(self.content) else self.content
        return _completion(call, content, tokens_in=self.tokens_in, tokens_cached=self.tokens_cached)


@dataclass(frozen=True)
class Trickle:
    """Answer a byte at a time: never silent for long, and never done in time."""

    answer: Answer
    every: timedelta = timedelta(milliseconds=100)

    def play(self, exchange: Exchange) -> None:
        """Send one byte, wait, send the next."""
        payload = json.dumps(self.answer.body(exchange.call)).encode()
        exchange.head(200, len(payload))
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
            exchange.head(200, self.after * 2)
            exchange.write(b"{" + b" " * (self.after - 1))
        exchange.cut()


@dataclass(frozen=True)
class Refusal:
    """Decline to answer, as a model does."""

    says: str = "I cannot help with that."

    def play(self, exchange: Exchange) -> None:
        """Answer with a refusal."""
        body = _completion(exchange.call, "", stop=("stop", "refusal"))
        if exchange.call.dialect == "openai":
            body["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": self.says}
        else:
            body["content"] = []
        exchange.reply(200, body)


@dataclass(frozen=True)
class Truncated:
    """Stop in the middle of the answer, at the limit of output tokens."""

    text: str = '{"concepts": [{"label": "mitoch'

    def play(self, exchange: Exchange) -> None:
        """Answer with half an answer."""
        exchange.reply(200, _completion(exchange.call, self.text, stop=("length", "max_tokens")))


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
        exchange.reply(self.status, body if self.page is None else self.page, self.headers)


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


def _completion(
    call: Call,
    content: Any,
    *,
    stop: tuple[str, str] | None = None,
    tokens_in: int | None = None,
    tokens_cached: int = 0,
) -> dict[str, Any]:
    text = content if isinstance(content, str) else json.dumps(content)
    prompt_tokens = len(json.dumps(call.body)) // 4 if tokens_in is None else tokens_in
    write = _anthropic if call.dialect == "anthropic" else _openai
    return write(call, text, stop, prompt_tokens, tokens_cached)


def _openai(call: Call, text: str, stop: tuple[str, str] | None, tokens_in: int, tokens_cached: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if call.tool is not None:
        function = {"name": call.tool, "arguments": text}
        message = {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": function}]}
    finish = stop[0] if stop else ("tool_calls" if call.tool else "stop")
    tokens_out = max(1, len(text) // 4)
    return {
        "id": "simulated",
        "object": "chat.completion",
        "created": 1,
        "model": call.model,
        "provider": "simulated",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "native_finish_reason": finish}],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
            "prompt_tokens_details": {"cached_tokens": tokens_cached},
        },
    }


def _anthropic(
    call: Call, text: str, stop: tuple[str, str] | None, tokens_in: int, tokens_cached: int
) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": text}
    if call.tool is not None:
        block = {"type": "tool_use", "id": "t1", "name": call.tool, "input": _parsed(text)}
    return {
        "id": "simulated",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [block],
        "stop_reason": stop[1] if stop else ("tool_use" if call.tool else "end_turn"),
        "stop_sequence": None,
        "usage": {
            "input_tokens": tokens_in - tokens_cached,
            "output_tokens": max(1, len(text) // 4),
            "cache_read_input_tokens": tokens_cached,
        },
    }


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}


#: A function that makes an answer from the request.
Answerer = Callable[[Call], Any]
