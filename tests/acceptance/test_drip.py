"""R29: workers are killed and answers lost while people get a drip of messages."""

from __future__ import annotations

from datetime import timedelta

from tests.chaos import dripping
from tests.chaos.stage import Stage

SECOND = timedelta(seconds=1)


def test_no_message_comes_twice_nor_after_an_unsubscribe_nor_at_night(here: Stage) -> None:
    """Thirty people in six zones, four messages each; what is uncertain is asked about."""
    report = dripping.drip(
        here,
        seed=29,
        contacts=30,
        workers=2,
        every=3 * SECOND,
        storm=10 * SECOND,
        settled=40 * SECOND,
        day=SECOND,
        lost=0.08,
        on_its_way=3 * SECOND,  # this machine may have other work
    )
    assert not report.broken, report
