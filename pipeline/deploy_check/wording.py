"""Says what does not fit without a word of what is in the payload."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema

from pipeline.redaction import redact

#: Failures whose words are the code's own, or repeat what was given.
_SPEAKS_OF_VALUES = frozenset({"value_error", "assertion_error", "union_tag_invalid", "literal_error", "enum"})

#: What a name looks like that a programmer gave.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def names_in(shape: TypeAdapter[Any]) -> frozenset[str]:
    """Give the names of all fields of a type, by which a place in a value may be told."""
    try:
        schema = shape.json_schema()
    except PydanticInvalidForJsonSchema:
        return frozenset()
    found: set[str] = set()
    todo: list[Any] = [schema]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            found.update(node.get("properties", {}))
            todo += node.values()
        elif isinstance(node, list):
            todo += node
    return frozenset(found)


def first_problem(error: ValidationError, names: frozenset[str]) -> tuple[str, str]:
    """Give the place of the first thing that does not fit, and what is wrong with it."""
    return problem(error.errors(include_url=False, include_input=False)[0], names)


def problem(told: Any, names: frozenset[str]) -> tuple[str, str]:
    """Give the place of one thing that does not fit, and what is wrong with it."""
    kind = str(told["type"])
    place = _place(told["loc"], names, extra=kind == "extra_forbidden")
    # A kind of its own is the code's too: only Pydantic's own words are known to hold no value.
    ours = kind in _SPEAKS_OF_VALUES or "error" in (told.get("ctx") or {})
    return place, kind if ours else f"{kind}: {redact(str(told['msg']))}"


def _place(parts: Iterable[Any], names: frozenset[str], *, extra: bool) -> str:
    """Spell a place: positions, and what may be a key of the payload's own, as ``*``."""
    spelled = ["*" if isinstance(part, int) or part not in names else str(part) for part in parts]
    last = list(parts)[-1:] if extra else []
    if last and isinstance(last[0], str) and _NAME.fullmatch(last[0]):
        spelled[-1] = redact(last[0])
    return ".".join(spelled) or "payload"
