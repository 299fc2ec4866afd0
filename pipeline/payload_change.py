"""Changes some fields of a payload, each named by its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.errors import InvalidInput


def changed(payload: Any, changes: Mapping[str, Any]) -> Any:
    """Give a payload with some fields changed, each named by its path: ``lesson.title``, ``items.0``.

    Raises ``InvalidInput`` for a path that leads through what is no object and no list.
    """
    copy = orjson.loads(orjson.dumps(payload))
    for path, value in changes.items():
        *parents, last = path.split(".")
        inside = copy
        for name in parents:
            inside = _inside(inside, name, path)
        if isinstance(inside, dict):
            inside[last] = value
        elif isinstance(inside, list) and last.isdigit() and int(last) < len(inside):
            inside[int(last)] = value
        else:
            raise InvalidInput(f"--set {path}: the payload has no such place", field=path)
    return copy


def _inside(value: Any, name: str, path: str) -> Any:
    if isinstance(value, dict) and name in value:
        return value[name]
    if isinstance(value, list) and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    raise InvalidInput(f"--set {path}: the payload has no {name!r} there", field=path)
