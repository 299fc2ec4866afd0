"""Answers as the two interfaces write them: whole, or as a stream of events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.providers.exchange import Call

_PIECE = 200


@dataclass(frozen=True)
class Said:
    """What a simulated model says, and what that took."""

    text: str = ""
    refusal: str | None = None
    truncated: bool = False
    tokens_in: int | None = None
    tokens_cached: int = 0

    @property
    def pieces(self) -> list[str]:
        """The text in the pieces it is streamed in."""
        return [self.text[start : start + _PIECE] for start in range(0, len(self.text), _PIECE)]


def written(call: Call, said: Said) -> tuple[str, bytes]:
    """Give the content type and the body of an answer."""
    anthropic = call.dialect == "anthropic"
    if call.streamed:
        events = _anthropic_events(call, said) if anthropic else _openai_events(call, said)
        return "text/event-stream", "".join(events).encode()
    body = _anthropic_body(call, said) if anthropic else _openai_body(call, said)
    return "application/json", json.dumps(body).encode()


def _tokens_in(call: Call, said: Said) -> int:
    return len(json.dumps(call.body)) // 4 if said.tokens_in is None else said.tokens_in


def _tokens_out(said: Said) -> int:
    return max(1, len(said.text) // 4)


def _openai_usage(call: Call, said: Said) -> dict[str, Any]:
    return {
        "prompt_tokens": _tokens_in(call, said),
        "completion_tokens": _tokens_out(said),
        "total_tokens": _tokens_in(call, said) + _tokens_out(said),
        "prompt_tokens_details": {"cached_tokens": said.tokens_cached},
    }


def _openai_message(call: Call, said: Said, text: str) -> dict[str, Any]:
    if said.refusal is not None:
        return {"role": "assistant", "content": None, "refusal": said.refusal}
    if call.tool is None:
        return {"role": "assistant", "content": text}
    function = {"name": call.tool, "arguments": text}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }


def _openai_frame(call: Call, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "simulated",
        "object": kind,
        "created": 1,
        "model": call.model,
        "provider": "simulated",
        "choices": choices,
    }


def _openai_finish(call: Call, said: Said) -> str:
    if said.truncated:
        return "length"
    return "tool_calls" if call.tool is not None and said.refusal is None else "stop"


def _openai_body(call: Call, said: Said) -> dict[str, Any]:
    finish = _openai_finish(call, said)
    choice = {"index": 0, "message": _openai_message(call, said, said.text)}
    choice |= {"finish_reason": finish, "native_finish_reason": finish}
    return _openai_frame(call, "chat.completion", [choice]) | {"usage": _openai_usage(call, said)}


def _openai_events(call: Call, said: Said) -> list[str]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "native_finish_reason": finish}
        return _openai_frame(call, "chat.completion.chunk", [choice])

    chunks = []
    for number, piece in enumerate(said.pieces or [""]):
        delta = _openai_message(call, said, piece)
        for tool_call in delta.get("tool_calls", []):
            tool_call["index"] = 0
            if number:
                del tool_call["id"], tool_call["function"]["name"]
        chunks.append(chunk(delta))
    chunks.append(chunk({}, _openai_finish(call, said)))
    chunks.append(_openai_frame(call, "chat.completion.chunk", []) | {"usage": _openai_usage(call, said)})
    return [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]


def _anthropic_usage(call: Call, said: Said) -> dict[str, Any]:
    return {
        "input_tokens": _tokens_in(call, said) - said.tokens_cached,
        "output_tokens": _tokens_out(said),
        "cache_read_input_tokens": said.tokens_cached,
    }


def _anthropic_stop(call: Call, said: Said) -> str:
    if said.refusal is not None:
        return "refusal"
    if said.truncated:
        return "max_tokens"
    return "end_turn" if call.tool is None else "tool_use"


def _anthropic_message(call: Call, content: list[dict[str, Any]], stop: str | None) -> dict[str, Any]:
    return {
        "id": "simulated",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
    }


def _anthropic_block(call: Call, text: str, value: Any) -> dict[str, Any]:
    if call.tool is None:
        return {"type": "text", "text": text}
    return {"type": "tool_use", "id": "t1", "name": call.tool, "input": value}


def _anthropic_body(call: Call, said: Said) -> dict[str, Any]:
    content = [] if said.refusal is not None else [_anthropic_block(call, said.text, _parsed(said.text))]
    message = _anthropic_message(call, content, _anthropic_stop(call, said))
    return message | {"usage": _anthropic_usage(call, said)}


def _anthropic_events(call: Call, said: Said) -> list[str]:
    usage = _anthropic_usage(call, said)
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": _anthropic_message(call, [], None) | {"usage": usage}}
    ]
    if said.refusal is None:
        events.append({"type": "content_block_start", "index": 0, "content_block": _anthropic_block(call, "", {})})
        for piece in said.pieces:
            delta = {"type": "text_delta", "text": piece}
            if call.tool is not None:
                delta = {"type": "input_json_delta", "partial_json": piece}
            events.append({"type": "content_block_delta", "index": 0, "delta": delta})
        events.append({"type": "content_block_stop", "index": 0})
    end: dict[str, Any] = {"stop_reason": _anthropic_stop(call, said), "stop_sequence": None}
    events += [{"type": "message_delta", "delta": end, "usage": usage}, {"type": "message_stop"}]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}
