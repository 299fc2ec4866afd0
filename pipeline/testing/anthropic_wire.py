"""Answers as Anthropic's messages are written: whole, or as a stream of events."""

from __future__ import annotations

import json
from typing import Any

from pipeline.testing.call import Call
from pipeline.testing.said import Said


def body(call: Call, said: Said) -> dict[str, Any]:
    """Give a whole answer."""
    content = [] if said.refusal is not None else [_block(call, said.text, _parsed(said.text))]
    return _message(call, content, _stop(call, said)) | {"usage": _usage(call, said)}


def events(call: Call, said: Said) -> list[bytes]:
    """Give the events of a stream: a start, one for each piece of the text, and an end that says why."""
    usage = _usage(call, said)
    made: list[dict[str, Any]] = [{"type": "message_start", "message": _message(call, [], None) | {"usage": usage}}]
    if said.refusal is None:
        made.append({"type": "content_block_start", "index": 0, "content_block": _block(call, "", {})})
        for piece in said.pieces:
            delta = {"type": "text_delta", "text": piece}
            if call.tool is not None:
                delta = {"type": "input_json_delta", "partial_json": piece}
            made.append({"type": "content_block_delta", "index": 0, "delta": delta})
        made.append({"type": "content_block_stop", "index": 0})
    end: dict[str, Any] = {"stop_reason": _stop(call, said), "stop_sequence": None}
    made += [{"type": "message_delta", "delta": end, "usage": usage}, {"type": "message_stop"}]
    return [event(one) for one in made]


def error(kind: str, message: str, code: str | None) -> dict[str, Any]:
    """Give the body of an error; this interface has no code apart from the kind."""
    del code
    return {"type": "error", "error": {"type": kind, "message": message}}


def event(value: dict[str, Any]) -> bytes:
    """Give one event of a stream."""
    return f"event: {value['type']}\ndata: {json.dumps(value)}\n\n".encode()


def _usage(call: Call, said: Said) -> dict[str, Any]:
    return {
        "input_tokens": said.read(call) - said.tokens_cached,
        "output_tokens": said.written,
        "cache_read_input_tokens": said.tokens_cached,
    }


def _stop(call: Call, said: Said) -> str:
    if said.refusal is not None:
        return "refusal"
    if said.truncated:
        return "max_tokens"
    return "end_turn" if call.tool is None else "tool_use"


def _message(call: Call, content: list[dict[str, Any]], stop: str | None) -> dict[str, Any]:
    return {
        "id": "simulated",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
    }


def _block(call: Call, text: str, value: Any) -> dict[str, Any]:
    if call.tool is None:
        return {"type": "text", "text": text}
    return {"type": "tool_use", "id": "t1", "name": call.tool, "input": value}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}
