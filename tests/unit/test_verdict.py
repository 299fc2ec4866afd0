"""The verdict, as a table: kind, attempt and policy in; state, wait, cost and reason out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline import AI, Retry
from pipeline.errors import KINDS, Kind
from pipeline.verdict import UNKNOWN, Verdict, decide

S = timedelta(seconds=1)
NONE = timedelta(0)


@pytest.mark.parametrize(
    ("kind", "attempt", "expected"),
    [
        (None, 1, Verdict("completed")),
        (None, 3, Verdict("completed")),
        ("transient", 1, Verdict("retrying", 5 * S, spends=True, reason="transient")),
        ("transient", 2, Verdict("retrying", 10 * S, spends=True, reason="transient")),
        ("transient", 3, Verdict("dead", reason="attempts_exhausted: transient")),
        ("timeout", 1, Verdict("retrying", 5 * S, reason="timeout")),
        ("timeout", 3, Verdict("dead", reason="attempts_exhausted: timeout")),
        ("resource", 1, Verdict("retrying", 5 * S, reason="resource")),
        ("resource", 2, Verdict("retrying", 10 * S, reason="resource")),
        ("waiting", 3, Verdict("waiting", spends=False, reason="children")),
        ("review", 3, Verdict("review", spends=False, reason="review")),
        ("moved", 3, Verdict("queued", spends=False, reason="model: moved")),
        ("parked", 3, Verdict("snoozed", 5 * S, spends=False, reason="parked")),
        ("quality", 1, Verdict("retrying", 5 * S, reason="quality")),
        ("permanent", 1, Verdict("dead", reason="permanent")),
        ("content", 1, Verdict("dead", reason="content")),
        ("context_overflow", 1, Verdict("dead", reason="context_overflow")),
        ("rate_limited", 3, Verdict("snoozed", 5 * S, spends=False, reason="rate_limited")),
        ("snoozed", 3, Verdict("snoozed", 5 * S, spends=False, reason="snoozed")),
        ("interrupted", 3, Verdict("queued", spends=False, reason="worker_stopping")),
        ("cancelled", 1, Verdict("cancelled", spends=False, reason="asked")),
    ],
)
def test_each_kind_has_its_verdict(kind: Kind | None, attempt: int, expected: Verdict) -> None:
    """One line a rule."""
    assert decide(kind, attempt=attempt, retry=AI, chance=0.0) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attempt", [1, 3, 99])
def test_every_kind_of_failure_is_decided(kind: Kind, attempt: int) -> None:
    """No kind falls through, and no failure completes a run."""
    assert decide(kind, attempt=attempt, retry=AI).state != "completed"


def test_waiting_is_free_and_bounded() -> None:
    """A provider's own wait is kept to; a run that only ever waits is dead in the end, and says so."""
    assert decide("rate_limited", attempt=1, retry=AI, wait=7 * S).delay == 7 * S
    often = decide("snoozed", attempt=1, retry=AI, snoozes=AI.waits)
    assert often == Verdict("dead", reason="waited_too_often: snoozed")
    soon = Retry(patience=10 * S)
    assert decide("parked", why="b:x", attempt=1, retry=soon, waited=4 * S, wait=6 * S).state == "snoozed"
    late = decide("parked", why="b:x", attempt=1, retry=soon, waited=5 * S, wait=6 * S)
    assert late == Verdict("dead", reason="waited_too_long: parked: b:x")


def test_what_ran_out_comes_back_in_equal_steps() -> None:
    """One base an attempt, and never beyond the cap."""
    often = Retry(attempts=99, base=2 * S, cap=9 * S)
    waits = [decide("resource", attempt=attempt, retry=often).delay for attempt in (1, 2, 3, 4, 5, 50)]
    assert waits == [2 * S, 4 * S, 6 * S, 8 * S, 9 * S, 9 * S]


def test_what_nobody_knows_is_tried_fewer_times_and_says_so() -> None:
    """Twice by default, whatever the policy allows the failures that are known."""
    often = Retry(attempts=9)
    assert decide("transient", why=UNKNOWN, attempt=1, retry=often).state == "retrying"
    dead = decide("transient", why=UNKNOWN, attempt=2, retry=often)
    assert dead == Verdict("dead", reason="attempts_exhausted: transient: unknown")


def test_a_wait_that_a_passing_failure_asks_for_takes_the_place_of_the_backoff() -> None:
    """However long it is, and the attempt is spent all the same; without one, or after no time, the backoff is kept."""
    assert decide("transient", attempt=1, retry=AI, wait=3600 * S) == Verdict("retrying", 3600 * S, reason="transient")
    assert decide("timeout", attempt=2, retry=AI, wait=S) == Verdict("retrying", S, reason="timeout")
    assert decide("transient", attempt=1, retry=AI, wait=NONE, chance=0.0).delay == 5 * S
    assert decide("transient", attempt=3, retry=AI, wait=S).state == "dead"
