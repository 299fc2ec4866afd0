"""The retry policy, as a table."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import AI, DOCUMENTS, Retry

S = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("policy", "attempt", "longest"),
    [
        (DOCUMENTS, 1, 1 * S),
        (DOCUMENTS, 2, 2 * S),
        (DOCUMENTS, 4, 8 * S),
        (DOCUMENTS, 6, 30 * S),
        (AI, 1, 5 * S),
        (AI, 2, 10 * S),
        (AI, 3, 20 * S),
        (AI, 7, 300 * S),
        (AI, 10_000, 300 * S),
    ],
)
def test_waits_double_up_to_the_cap(policy: Retry, attempt: int, longest: timedelta) -> None:
    """The longest wait doubles with each attempt; the dice take at most half of it away."""
    assert policy.delay(attempt, chance=0.0) == longest
    assert policy.delay(attempt, chance=1.0) == longest / 2


def test_the_policies_of_the_product_are_those_of_its_specification() -> None:
    """Documents: five attempts from one second to thirty; models: three from five seconds to five minutes."""
    assert (DOCUMENTS.attempts, DOCUMENTS.base, DOCUMENTS.cap) == (5, S, 30 * S)
    assert (AI.attempts, AI.base, AI.cap) == (3, 5 * S, 300 * S)


@given(attempt=st.integers(1, 10**9), chance=st.floats(0, 1, exclude_max=True))
def test_no_attempt_number_breaks_the_arithmetic(attempt: int, chance: float) -> None:
    """Whatever the number, the wait is positive and within the cap."""
    assert timedelta(0) < Retry().delay(attempt, chance) <= Retry().cap


def test_without_a_die_the_waits_differ() -> None:
    """Two runs that failed together do not come back together."""
    assert len({AI.delay(3) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"attempts": 0}, "attempts=0"),
        ({"base": timedelta(0)}, "base=0:00:00"),
        ({"base": 10 * S, "cap": S}, "cap=0:00:01"),
        ({"jitter": 1.5}, "jitter=1.5"),
    ],
)
def test_numbers_that_make_no_policy_are_refused_by_name(wrong: dict[str, object], named: str) -> None:
    """A wrong policy is refused where it is written, with the number in the message."""
    with pytest.raises(ValueError, match=named):
        Retry(**wrong)
