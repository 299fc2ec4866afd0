"""What a process has heard and not yet written down: the part of metrics that every run pays for.

Whoever measures appends one small tuple; a thread adds them up a few times a second (``register.py``). A process that
has no metrics, as one that only sends, keeps nothing at all.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.engine.delivery import Delivery
    from pipeline.engine.records import Commit

#: Far more than comes in between two times that it is added up; what is older than that is dropped.
_MOST = 50_000

#: actor, queue, kind, number of the attempt, how long it waited and took, in seconds; a wait below 0 is not known.
Attempt = tuple[str, str, str, int, float, float]

#: actor, queue, state, seconds since the run was queued; below 0 if that is not known.
End = tuple[str, str, str, float]

#: name of the metric, values of its labels, by how much it grows or what was observed.
Said = tuple[str, tuple[str, ...], float]

attempts: deque[Attempt] = deque(maxlen=_MOST)
ends: deque[End] = deque(maxlen=_MOST)
said: deque[Said] = deque(maxlen=_MOST)

#: What the engine's kinds of failure are called here.
KINDS = {
    None: "ok",
    "transient": "transient",
    "timeout": "transient",
    "resource": "transient",
    "rate_limited": "snoozed",
    "parked": "snoozed",
    "snoozed": "snoozed",
    "waiting": "snoozed",
    "review": "snoozed",
    "quality": "model",
    "content": "model",
    "context_overflow": "model",
    "moved": "model",
    "permanent": "permanent",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}

_on = False


def keep() -> None:
    """Begin to keep what is told from now on: somebody adds it up."""
    global _on  # noqa: PLW0603 - one switch a process
    _on = True


def drop() -> None:
    """Keep nothing any more."""
    global _on  # noqa: PLW0603 - one switch a process
    _on = False
    for heard in (attempts, ends, said):
        heard.clear()


def keeps() -> bool:
    """Say whether this process keeps what it is told."""
    return _on


def count(name: str, *labels: str, by: float = 1) -> None:
    """Add to a counter; ``labels`` in the order of the catalogue."""
    if _on:
        said.append((name, labels, by))


def observe(name: str, value: float, *labels: str) -> None:
    """Add an observation to a histogram; ``labels`` in the order of the catalogue."""
    if _on:
        said.append((name, labels, value))


def attempt_ended(delivery: Delivery) -> None:
    """Count an attempt whose kind is known: what it waited and took."""
    if _on:
        began, lease = delivery.started_at, delivery.lease
        kind = "interrupted" if delivery.verdict is None else KINDS.get(delivery.kind, "transient")
        # What was claimed ahead has waited on in this process.
        waited = lease.waited_ms / 1000 + (began - delivery.claimed_at) if lease.waited_ms >= 0 else -1.0
        again = max(lease.attempt + 1, lease.starts)  # a run that slept has a higher fence, and was not retried
        attempts.append((delivery.actor_name, delivery.queue_name, kind, again, waited, time.monotonic() - began))


def committed(group: Sequence[tuple[Delivery, Commit]], codes: Sequence[int]) -> None:
    """Count the runs that ended by these commits, and those that were refused."""
    if not _on:
        return
    now = time.monotonic()
    for (delivery, commit), code in zip(group, codes, strict=True):
        if code < 0:
            said.append(("dramaturg_fenced_writes_total", (delivery.actor_name,), 1))
            continue
        state = "cancelled" if code == 2 and commit.state != "dead" else commit.state  # noqa: PLR2004 - see commit.lua
        if state in {"completed", "dead", "cancelled"}:
            age = delivery.lease.age_ms
            seconds = age / 1000 + now - delivery.claimed_at if age >= 0 else -1.0
            ends.append((delivery.actor_name, delivery.queue_name, state, seconds))


def take(heard: deque[Any]) -> list[Any]:
    """Take out what came so far; what comes meanwhile is for the next time."""
    return [heard.popleft() for _ in range(len(heard))]
