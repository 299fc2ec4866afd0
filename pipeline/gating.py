"""Gating: what stands before the start of a run, spelled as the engine's scripts read it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from pipeline.breaker import Breaker
from pipeline.chain import OFFLINE
from pipeline.errors import InvalidInput
from pipeline.limit import Limit

_LONGEST = 100


def spell(
    limits: Iterable[Limit],
    breaker: Breaker | None,
    models: Iterable[str],
    payload: Any,
    *,
    group: str,
    actor: str,
) -> str:
    """Give the gates of a run: its limits, each under its key, its breaker, and its chain of models.

    A chain that ends offline is no gate: there is always something to do. Raises ``InvalidInput`` if the payload has no
    such field as a limit counts by.
    """
    tokens = [
        f"l:{limit.name}" + (f"={_key(limit, payload, group, actor)}" if limit.by else "")
        for limit in limits
        if limit.on == "start"
    ]
    if breaker is not None:
        tokens.append(f"b:{breaker.name}")
    chain = list(models)
    if chain and OFFLINE not in chain and not any(set(name) & set(" |\n\x1f") for name in chain):
        tokens.append(f"c:{'|'.join(chain)}")
    return " ".join(tokens)


def _key(limit: Limit, payload: Any, group: str, actor: str) -> str:
    if limit.by in {"group", "actor"}:
        value: Any = group if limit.by == "group" else actor
    else:
        value = payload
        for part in limit.by.split("."):
            if not isinstance(value, dict) or part not in value:
                raise InvalidInput(
                    f"{actor}: limit {limit.name!r} counts by {limit.by!r}, which is not there", field=limit.by
                )
            value = value[part]
    text = quote(str(value), safe="@:.-_")
    return text if len(text) <= _LONGEST else hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
