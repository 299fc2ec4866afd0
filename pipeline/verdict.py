"""What happens to a run after an attempt: pure, and decided in one place."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, NamedTuple

from pipeline.errors import Kind
from pipeline.retry import Retry

State = Literal["completed", "retrying", "snoozed", "queued", "waiting", "review", "dead", "cancelled"]

#: Kinds that no other attempt can mend.
HOPELESS: frozenset[Kind] = frozenset({"permanent", "content", "context_overflow"})

#: Kinds that are waited out: no attempt is spent, and the waiting budget bounds them.
FREE: frozenset[Kind] = frozenset({"rate_limited", "snoozed", "parked"})

#: What the classifier says of an exception that it does not know.
UNKNOWN = "unknown"


class Verdict(NamedTuple):
    """The state a run is left in, after what wait, whether the attempt is spent, and why."""

    state: State
    delay: timedelta = timedelta(0)
    spends: bool = True
    reason: str = ""


#: The verdict on every attempt that did not fail.
COMPLETED = Verdict("completed")

#: Kinds that are no failure, and what becomes of the run.
_UNSPENT: dict[Kind, Verdict] = {
    "cancelled": Verdict("cancelled", spends=False, reason="asked"),
    "interrupted": Verdict("queued", spends=False, reason="worker_stopping"),
    "waiting": Verdict("waiting", spends=False, reason="children"),
    "review": Verdict("review", spends=False, reason="review"),
    "moved": Verdict("queued", spends=False, reason="model: moved"),
}


def decide(
    kind: Kind | None,
    *,
    attempt: int,
    retry: Retry,
    why: str = "",
    snoozes: int = 0,
    waited: timedelta = timedelta(0),
    wait: timedelta | None = None,
    chance: float | None = None,
) -> Verdict:
    """Give the verdict on attempt number ``attempt`` that failed with ``kind``, or succeeded with none.

    ``why`` says it more closely. ``snoozes`` and ``waited`` are how often and how long the run waited for free so far;
    ``wait`` is how long the failure itself asked to wait, and takes the place of the backoff; ``chance`` stands for the
    dice of the backoff.
    """
    if kind is None:
        return COMPLETED
    if kind in _UNSPENT:
        return _UNSPENT[kind]
    if kind in FREE:
        return _wait(kind, retry, why, snoozes, waited, wait or retry.delay(snoozes + 1, chance))
    if kind in HOPELESS:
        return Verdict("dead", reason=_named(kind, why))
    attempts = min(retry.attempts, retry.unknown) if why == UNKNOWN else retry.attempts
    if attempt >= attempts:
        told = f"{kind}: {UNKNOWN}" if why == UNKNOWN else kind
        return Verdict("dead", reason=f"attempts_exhausted: {told}")
    backoff = retry.linear(attempt) if kind == "resource" else retry.delay(attempt, chance)
    return Verdict("retrying", wait or backoff, reason=kind)


def _wait(kind: Kind, retry: Retry, why: str, snoozes: int, waited: timedelta, wait: timedelta) -> Verdict:  # noqa: PLR0917 - the waiting budget and what is asked of it
    reason = _named(kind, why)
    if snoozes >= retry.waits:
        return Verdict("dead", reason=f"waited_too_often: {reason}")
    if waited + wait > retry.patience:
        return Verdict("dead", reason=f"waited_too_long: {reason}")
    return Verdict("snoozed", wait, spends=False, reason=reason)


def _named(kind: Kind, why: str) -> str:
    return kind if why.replace(" ", "_") in kind else f"{kind}: {why}"
