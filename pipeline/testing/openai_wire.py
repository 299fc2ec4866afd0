"""Answers as OpenAI's chat completions are written: whole, or as a stream of events."""

from __future__ import annotations

import json
from typing import Any

from pipeline.testing.call import Call
from pipeline.testing.said import Said


def body(call: Call, said: Said) -> dict[str, Any]:
    """Give a whole answer."""
    finish = _finish(call, said)
    choice = {"index": 0, "message": _message(call, said, said.text)}
    choice |= {"finish_reason": finish, "native_finish_reason": finish}
    return _frame(call, "chat.completion", [choice]) | {"usage": _usage(call, said)}


def events(call: Call, said: Said) -> list[bytes]:
    """Give the events of a stream: one for each piece of the text, then why it ended, what it took, and the end."""

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "native_finish_reason": finish}
        return _frame(call, "chat.completion.chunk", [choice])

    chunks = []
    for number, piece in enumerate(said.pieces or [""]):
        delta = _message(call, said, piece)
        for tool_call in delta.get("tool_calls", []):
            tool_call["index"] = 0
            if number:
                del tool_call["id"], tool_call["function"]["name"]
        chunks.append(chunk(delta))
    chunks.append(chunk({}, _finish(call, said)))
    chunks.append(_frame(call, "chat.completion.chunk", []) | {"usage": _usage(call, said)})
    return [event(one) for one in chunks] + [b"data: [DONE]\n\n"]


def error(kind: str, message: str, code: str | None) -> dict[str, Any]:
    """Give the body of an error."""
    return {"error": {"type": kind, "message": message, "code": code, "param": None}}


def event(value: dict[str, Any]) -> bytes:
    """Give one event of a stream."""
    return f"data: {json.dumps(value)}\n\n".encode()


def _usage(call: Call, said: Said) -> dict[str, Any]:
    return {
        "prompt_tokens": said.read(call),
        "completion_tokens": said.written,
        "total_tokens": said.read(call) + said.written,
        "prompt_tokens_details": {"cached_tokens": said.tokens_cached},
    }


def _message(call: Call, said: Said, text: str) -> dict[str, Any]:
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


def _frame(call: Call, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "simulated",
        "object": kind,
        "created": 1,
        "model": call.model,
        "provider": "simulated",
        "choices": choices,
    }


def _finish(call: Call, said: Said) -> str:
    if said.truncated:
        return "length"
    return "tool_calls" if call.tool is not None and said.refusal is None else "stop"
