"""Call: what a worker hands to an actor, and what it gets back."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from pipeline.run import Run


@dataclass(slots=True)
class Call:
    """One call of an actor by a worker: what goes in, and what came out."""

    payload: Any
    run: Run
    result: bytes = b"null"
    #: Open while the function runs: only then may its thread be interrupted.
    guard: AbstractContextManager[object] = field(default_factory=nullcontext)
