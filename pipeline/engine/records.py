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
    #: What the key does when a run is there already: return, throttle, debounce or replace (enqueue.lua).
    mode: str = "return"
    period_ms: int = 0
    node: str = ""
    needs: int = 0
    feeds: str = ""
    correlation: str = ""
    #: What stands before its start, as the scripts spell it (_gates.lua).
    gates: str = ""
    version: int = 1
    parent: str = ""
    patience_ms: int | None = None
    retry_of: str = ""

    def words(self) -> list[str | bytes | int]:
        """Give it as enqueue.lua reads it."""
        more: list[str | int] = []
        for name in ("deadline_ms", "feeds", "correlation", "patience_ms", "retry_of"):
            if (value := getattr(self, name)) not in {None, ""}:
                more += (name, value)
        if self.version != 1:
            more += ("version", self.version)
        return [
            self.id,
            self.actor,
            self.queue,
            self.tier,
            self.group,
            self.number,
            self.delay_ms,
            self.key,
            self.mode,
            self.period_ms,
            self.node,
            self.needs,
            self.gates,
            self.parent,
            self.message,
            len(more) // 2,
            *more,
        ]


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
    #: What few runs have, as JSON: see claim.lua.
    memo: bytes = b""
    #: How long it might have started before its claim, and how long ago it was queued; -1 if that is not known.
    waited_ms: int = -1
    age_ms: int = -1


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
    #: Further fields of the record, as a JSON object; empty if there are none.
    notes: bytes = b""
    #: What the attempt counts for in its group's share, above the one that every run counts.
    cost: float = 0
    #: What it says of the breakers before it: ok, fail, none, or nothing if there is none.
    health: str = ""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long finished runs are kept: at most ``count`` of a state, none older than ``age``."""

    count: int
    age: timedelta


#: Runs that wait in the feed of ended runs to be rolled up, at most, if nothing else is said.
FEED_LIMIT = 250_000

#: Kept by default (SPEC F17).
RETENTION = {
    "completed": Retention(1_000, timedelta(hours=24)),
    "dead": Retention(5_000, timedelta(days=7)),
    "cancelled": Retention(1_000, timedelta(hours=24)),
    "flows": Retention(1_000, timedelta(hours=24)),
}
