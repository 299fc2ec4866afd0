"""Workers whose clocks are wrong neither start runs early nor take them from one another (R24)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.chaos import skew
from tests.chaos.stage import Stage
from tests.support.skew import can_skew


@pytest.mark.skipif(not can_skew(), reason="needs a C compiler, and a system that preloads libraries")
def test_only_the_time_of_redis_counts(here: Stage) -> None:
    """Two workers are five minutes off, a third one jumps back by one."""
    report = skew.skewed(here, runs=40, window=(0.5, 3), late=timedelta(seconds=1), settled=timedelta(seconds=30))
    assert not report.broken, report
