"""Text reaches whoever listens, over real HTTP, through dropped connections and killed workers (F7, F8)."""

from __future__ import annotations

from datetime import timedelta

from tests.actors.streaming import Tale
from tests.chaos import streams
from tests.chaos.stage import Stage


def test_every_client_ends_with_the_text_of_the_last_attempt_and_no_piece_twice(here: Stage) -> None:
    """Sixty clients that drop at random, late ones among them, and workers killed twice."""
    report = streams.many_readers(
        here,
        seed=11,
        clients=60,
        runs=10,
        crashes=2,
        tale=Tale(words=40, pause_s=0.05),
        processes=2,
        limit=timedelta(seconds=60),
    )
    assert not report.broken, report
    assert report.figures["resets"]
    assert report.figures["drops"]
