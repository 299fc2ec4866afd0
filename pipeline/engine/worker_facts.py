"""What a worker process says of itself beside what it serves: its process, the code it has, and how its clock goes."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker

_digests: dict[frozenset[str], str] = {}


def facts_of(broker: PipelineBroker) -> dict[str, Any]:
    """Give the process, a digest of the code of its actors, and how many ms its clock is ahead of Redis."""
    return {"pid": os.getpid(), "code": code_of(broker), "ahead_ms": _ahead_ms(broker)}


def code_of(broker: PipelineBroker) -> str:
    """Give a digest of the files that the actors of a broker are written in: of two that differ, so does the code."""
    names = frozenset(inspect.unwrap(actor.fn).__module__ for actor in broker.actors.values())
    if names not in _digests:
        digest = hashlib.sha256()
        for name in sorted(names):
            file = getattr(sys.modules.get(name), "__file__", None)
            digest.update(name.encode() + b"\0")
            try:
                digest.update(Path(file).read_bytes() if file else b"")
            except OSError:  # it was imported from an archive, or is being replaced
                continue
        _digests[names] = digest.hexdigest()[:8]
    return _digests[names]


def _ahead_ms(broker: PipelineBroker) -> int | None:
    began = time.time()
    try:
        seconds, micros = broker.store.read("time")
    except Unavailable:
        return None
    there: float = seconds + micros / 1e6
    # It was some moment between asking and hearing.
    return round((min(max(there, began), time.time()) - there) * 1000)
