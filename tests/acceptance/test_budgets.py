"""Budgets are hard, tokens are used up, and the dead give back what they had reserved (R32)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.chaos import budgeting
from tests.chaos.stage import Stage

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize(("then", "per"), [("wait", DAY), ("wait", SECOND), ("stop", DAY)])
def test_a_budget_is_never_overspent(here: Stage, then: str, per: timedelta) -> None:
    """By many calls at once; who comes too late waits for the next period, or stops, as it was told."""
    report = budgeting.budget_stop(here, dollars=0.1, then=then, runs=50, calls=4, workers=2, threads=4, per=per)
    assert not report.broken, report


def test_what_the_killed_had_reserved_is_free_within_a_lease(here: Stage) -> None:
    """Money and permits alike, though their runs go on elsewhere at once."""
    report = budgeting.killed_reservations(here, workers=2, threads=2, lease=1, runs=4, calls=5, seconds=0.5)
    assert not report.broken, report


def test_a_limit_of_tokens_is_used_up_though_calls_ask_for_more_than_they_take(here: Stage) -> None:
    """Ten times more, as they must when nobody knows how long an answer will be."""
    report = budgeting.token_limit(
        here, runs=200, workers=1, threads=8, a_second=20_000, calls_a_second=20, seconds=4, overstated=10
    )
    assert not report.broken, report
