"""Limits hold across workers to the permit, and whoever dies gives back what it had (R19)."""

from __future__ import annotations

from tests.chaos import limiting
from tests.chaos.stage import Stage


def test_rates_and_numbers_at_once_are_kept_to_the_permit(here: Stage) -> None:
    """By several workers, while they are changed, and when one of them is killed."""
    report = limiting.exactness(here, workers=2, threads=4, job_s=0.05, seconds=2, slower=10, seconds_slow=1.5)
    assert not report.broken, report
