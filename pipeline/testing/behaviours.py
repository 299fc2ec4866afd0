"""What a simulated model does with a request: answer well or badly, at its own pace, in part, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType
from typing import Any

from pipeline.testing import anthropic_wire, openai_wire
from pipeline.testing.call import Call
from pipeline.testing.exchange import Exchange
from pipeline.testing.said import Said
from pipeline.testing.statuses import Status

_NO_TIME = timedelta()


def wire(call: Call) -> ModuleType:
    """Give what writes answers as the call wants them."""
    return anthropic_wire if call.dialect == "anthropic" else openai_wire


def written(call: Call, said: Said) -> tuple[str, bytes]:
    """Give the content type and the body of an answer; of a stream, all its events."""
    if call.streamed:
        return "text/event-stream", b"".join(wire(call).events(call, said))
    return "application/json", json.dumps(wire(call).body(call, said)).encode()


@dataclass(frozen=True)
class Answer:
    """Answer with a value as JSON, or with text as it stands; a function makes it from the call.

    A stream goes out in pieces of ``piece`` characters, one ``every`` so long.
    """

    content: Any
    delay: timedelta = _NO_TIME
    every: timedelta = _NO_TIME
    piece: int = 200
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int = 0

    def play(self, exchange: Exchange) -> None:
        """Answer, after the delay, if the caller is still there."""
        if self.delay and not exchange.wait(self.delay):
            return
        said = self.said(exchange.call)
        if exchange.call.streamed:
            exchange.stream(wire(exchange.call).events(exchange.call, said), self.every)
        else:
            exchange.send(200, *written(exchange.call, said))

    def said(self, call: Call) -> Said:
        """Make the answer to a call."""
        content = self.content(call) if callable(self.content) else self.content
        text = content if isinstance(content, str) else json.dumps(content)
        return Said(
            text=text,
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            tokens_cached=self.tokens_cached,
            piece=self.piece,
        )


_LONG = Answer("A word, and another word. " * 40)


@dataclass(frozen=True)
class Trickle:
    """Answer a byte at a time: never silent for long, and never done in time."""

    answer: Answer
    every: timedelta = timedelta(milliseconds=100)

    def play(self, exchange: Exchange) -> None:
        """Send one byte, wait, send the next."""
        kind, payload = written(exchange.call, self.answer.said(exchange.call))
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
        exchange.end()


@dataclass(frozen=True)
class Cut:
    """Reset the connection, at once or after so many bytes of the body."""

    after: int = 0
    answer: Answer = _LONG

    def play(self, exchange: Exchange) -> None:
        """Send what is to be sent, then reset."""
        if self.after:
            kind, payload = written(exchange.call, self.answer.said(exchange.call))
            exchange.head(200, kind, len(payload))
            exchange.write(payload[: self.after])
        exchange.cut()


@dataclass(frozen=True)
class Half:
    """Send this part of an answer (0 to 1), then close the connection in good order: half an answer."""

    part: float = 0.5
    answer: Answer = _LONG

    def play(self, exchange: Exchange) -> None:
        """Send less than was promised."""
        call, said = exchange.call, self.answer.said(exchange.call)
        if call.streamed:
            pieces = wire(call).events(call, said)
            exchange.stream(pieces[: int(len(pieces) * self.part)], self.answer.every, whole=False)
        else:
            kind, payload = written(call, said)
            exchange.head(200, kind, len(payload))
            exchange.write(payload[: int(len(payload) * self.part)])
        exchange.end()


@dataclass(frozen=True)
class Faltering:
    """Begin to stream an answer, then send an error as an event of the stream, as providers do under load."""

    error: Status
    part: float = 0.5
    answer: Answer = _LONG

    def play(self, exchange: Exchange) -> None:
        """Send part of a stream and an error; who asked for no stream gets the error alone."""
        call, said = exchange.call, self.answer.said(exchange.call)
        if not call.streamed:
            self.error.play(exchange)
            return
        pieces = wire(call).events(call, said)
        wrong = wire(call).event(self.error.told(call))
        exchange.stream([*pieces[: int(len(pieces) * self.part)], wrong], self.answer.every)


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


def malformed() -> Answer:
    """Make an answer that was to be JSON and is not."""
    return Answer('{"word": ')


def wrong_shape() -> Answer:
    """Make an answer that is JSON, and nothing that was asked for."""
    return Answer({"unexpected": True})


def low_quality(content: Any) -> Answer:
    """Make an answer of the right shape with little in it: of texts the first two words, of lists the first item."""

    def poor(call: Call) -> Any:
        make: Callable[[Call], Any] | None = content if callable(content) else None
        return _emptied(content if make is None else make(call))

    return Answer(poor)


def _emptied(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.split()[:2]) if " " in value.strip() else value
    if isinstance(value, list):
        return [_emptied(item) for item in value[:1]]
    if isinstance(value, dict):
        return {name: _emptied(item) for name, item in value.items()}
    return value
