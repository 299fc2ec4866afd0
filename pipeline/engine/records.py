"""What passes between the engine and Redis, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

#: Claims of one run without progress in between, before it counts as a crash loop.
CRASH_LIMIT = 3


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is written when a run is accepted."""

    id: str
    actor: str
    queue: str
    message: bytes
    tier: int = 2
    group: str = ""
    number: int = 0
    delay_ms: int = 0
    deadline_ms: int | None = None
    key: str = ""
    node: str = ""
    needs: int = 0
    feeds: str = ""
    correlation: str = ""


class Lease(NamedTuple):
    """A run that this worker owns until the lease ends; ``fence`` is the token that says so."""

    run_id: str
    message: bytes
    fence: int
    attempt: int
    starts: int
    has_steps: bool
    cancelled: bool
    snoozes: int
    tier: int
    #: Until when it lasts at least, by this process's own clock: ``time.monotonic()``.
    held_until: float = 0.0


class Commit(NamedTuple):
    """How an attempt ends: the state it leaves the run in, and what is written with it."""

    run_id: str
    fence: int
    state: str
    delay_ms: int = 0
    result: bytes = b""
    reason: str = ""
    error: bytes = b""
    spends: bool = True


@dataclass(frozen=True, slots=True)
class Retention:
    """How long finished runs are kept: at most ``count`` of a state, none older than ``age``."""

    count: int
    age: timedelta


#: Kept by default (SPEC F17).
RETENTION = {
    "completed": Retention(1_000, timedelta(hours=24)),
    "dead": Retention(5_000, timedelta(days=7)),
    "cancelled": Retention(1_000, timedelta(hours=24)),
    "flows": Retention(1_000, timedelta(hours=24)),
}
