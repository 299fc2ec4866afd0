"""Signatures: what an actor's function takes, and what a payload that does not fit is told."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema

from pipeline.errors import InvalidInput
from pipeline.run import Run


def parameters(fn: Callable[..., Any], name: str) -> tuple[str, bool]:
    """Give the name of the payload, empty if there is none, and whether the run is taken; raises ``TypeError``."""
    payload, takes_run = "", False
    for parameter in inspect.signature(fn).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise TypeError(f"actor {name!r}: parameter {parameter} is neither a payload nor the run")
        if parameter.name == "run" or parameter.annotation in (Run, "Run"):
            takes_run = True
        elif payload or takes_run:
            raise TypeError(
                f"actor {name!r}: takes one payload and then, if it wants, run; {parameter.name!r} is one too many"
            )
        else:
            payload = parameter.name
    return payload, takes_run


def invalid(name: str, error: ValidationError) -> InvalidInput:
    """Say what is wrong with a payload, field by field."""
    problems = error.errors(include_url=False, include_input=False)
    where = [".".join(str(part) for part in problem["loc"]) or "payload" for problem in problems]
    told = "; ".join(f"{place}: {problem['msg']}" for place, problem in zip(where, problems, strict=True))
    return InvalidInput(f"{name}: {told}", field=where[0])


def secret(name: str, fields: tuple[str, ...]) -> InvalidInput:
    """Say that a payload has secrets in it, and where they belong."""
    return InvalidInput(
        f"{name}: {', '.join(fields)} is a secret, and payloads are stored in Redis: send the name of a secret that the"
        " worker finds in its own environment",
        field=fields[0],
    )


def secrets_in(shape: TypeAdapter[Any]) -> tuple[str, ...]:
    """Give the fields of a payload that are secrets (``SecretStr`` and its like), dotted."""
    try:
        schema = shape.json_schema()
    except PydanticInvalidForJsonSchema:
        return ()  # a part of it has no JSON: a payload of it cannot be sent either
    return tuple(dict.fromkeys(_hidden(schema, schema.get("$defs", {}), "", ())))


def _hidden(node: Any, shapes: dict[str, Any], path: str, seen: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(node, dict):
        return
    name = str(node.get("$ref", "")).rpartition("/")[2]
    if name and name not in seen:
        yield from _hidden(shapes.get(name), shapes, path, (*seen, name))
    if node.get("format") == "password":
        yield path or "payload"
    for field, inner in node.get("properties", {}).items():
        yield from _hidden(inner, shapes, f"{path}.{field}".lstrip("."), seen)
    several = [node.get("items"), node.get("additionalProperties"), *node.get("prefixItems", ())]
    for inner in (*several, *node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())):
        yield from _hidden(inner, shapes, path, seen)
