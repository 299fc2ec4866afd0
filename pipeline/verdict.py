"""What happens to a run after an attempt: pure, and decided in one place."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, NamedTuple

from pipeline.errors import Kind
from pipeline.retry import Retry

State = Literal["completed", "retrying", "snoozed", "queued", "dead", "cancelled"]

#: Waits that spend no attempt are bounded too: after so many the run is dead, and says why.
MOST_SNOOZES = 100

#: Kinds that no other attempt can mend.
HOPELESS: frozenset[Kind] = frozenset({"permanent", "content", "context_overflow"})


class Verdict(NamedTuple):
    """The state a run is left in, after what wait, whether the attempt is spent, and why."""

    state: State
    delay: timedelta = timedelta(0)
    spends: bool = True
    reason: str = ""


#: The verdict on every attempt that did not fail.
COMPLETED = Verdict("completed")


def decide(  # noqa: PLR0911 - a table: one line a kind
    kind: Kind | None,
    *,
    attempt: int,
    retry: Retry,
    snoozes: int = 0,
    wait: timedelta | None = None,
    chance: float | None = None,
) -> Verdict:
    """Give the verdict on attempt number ``attempt`` that failed with ``kind``, or succeeded with none.

    ``wait`` is how long the failure itself asked to wait, and takes the place of the backoff; ``chance`` stands for the
    dice of the backoff.
    """
    if kind is None:
        return COMPLETED
    if kind == "cancelled":
        return Verdict("cancelled", spends=False, reason="asked")
    if kind == "interrupted":
        return Verdict("queued", spends=False, reason="worker_stopping")
    if kind in {"rate_limited", "snoozed"}:
        if snoozes >= MOST_SNOOZES:
            return Verdict("dead", reason="waited_too_often")
        return Verdict("snoozed", wait or retry.delay(snoozes + 1, chance), spends=False, reason=kind)
    if kind in HOPELESS:
        return Verdict("dead", reason=kind)
    if attempt >= retry.attempts:
        return Verdict("dead", reason=f"attempts_exhausted: {kind}")
    return Verdict("retrying", wait or retry.delay(attempt, chance), reason=kind)
