"""An outage of a provider costs its users no attempts, and itself no storm (R18)."""

from __future__ import annotations

from datetime import timedelta

from pipeline import Breaker
from tests.chaos import breaking
from tests.chaos.stage import Stage

SECOND = timedelta(seconds=1)


def test_an_outage_is_waited_out_and_no_storm_follows(here: Stage) -> None:
    """Few calls find it, one at a time looks whether it is over, and all go on in their order."""
    report = breaking.retry_storm(
        here,
        runs=60,
        tenants=2,
        workers=2,
        threads=4,
        outage=3 * SECOND,
        breaker=Breaker(open_for=1 * SECOND, ramp=1 * SECOND),
        rate=100,
        back=10 * SECOND,
    )
    assert not report.broken, report
