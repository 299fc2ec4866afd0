"""Every event of a run and its fields, in one table.

An event has one shape: ``id`` (its number in the run's log; pass it to go on from there), ``run``, ``event``,
``at_ms`` (Unix time of Redis, in ms) and ``data``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: The states of a run.
STATES = {
    "waiting": "an input of it is not there yet: of a flow, or of its children",
    "queued": "accepted; starts when its turn and its time come",
    "running": "a worker holds its lease",
    "retrying": "an attempt failed; the next one starts when it is due",
    "snoozed": "waits without spending an attempt",
    "parked": "no worker knows its actor yet, or its actor is paused",
    "review": "waits for a person to decide; no attempt is spent",
    "completed": "its result is there",
    "dead": "given up; input and all errors are kept",
    "cancelled": "stopped because somebody asked, or because an input cannot come",
}

#: The states nothing leaves by itself.
FINAL = frozenset({"completed", "dead", "cancelled"})

#: Events of a run: what happened, and the fields of ``data``.
EVENTS = {
    "queued": "accepted, or given another chance: reason?",
    "replaced": "a later payload under the same key took the place of its own",
    "started": "an attempt began: attempt, start (claims so far)",
    "progress": "a report: stage, percent, message, done?, total?, metadata",
    "interrupted": "its worker is stopping; it goes on elsewhere, no attempt spent: reason",
    "stalled": "its worker was lost: worker, start",
    "retrying": "the attempt failed, another follows: reason, attempt, delay_ms",
    "snoozed": "it waits, no attempt spent: reason, attempt, delay_ms",
    "fallback": "the model failed it, another is asked, no attempt spent: reason",
    "parked": "no worker knows its actor, or its actor is paused: actor",
    "waiting": "it waits for its children, without a thread: reason",
    "child": "one of its children ended: run, state, done, total",
    "review": "a person has to decide: reason",
    "reviewed": "a person decided: says, name, by, why",
    "edited": "it was tried again with another payload, as a run of its own: run",
    "text": "a piece of text: stream, at (offset in characters), text, epoch",
    "reset": "what was told from there on is gone, the attempt starts over: stream, to, epoch; or percent, epoch",
    "gap": "events that the log no longer holds, and what they came to: missed, texts, progress?, epoch, state",
    "completed": "the result is there: attempt",
    "dead": "given up: reason, attempt?",
    "cancelled": "stopped: reason",
}

#: Events of a flow.
FLOW_EVENTS = {
    "reopened": "nodes of it begin anew: reason, runs",
    "node": "a node reached a final state: node, run, state",
    "completed": "every node completed",
    "partial": "the last node completed, others did not",
    "failed": "the last node did not complete",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a run."""

    id: str
    run: str
    event: str
    at_ms: int
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def final(self) -> bool:
        """Whether the run's life ends with it."""
        return self.event in FINAL
