"""Effects under crashes: workers are killed at each of the ledger's write points and in the call itself."""

from __future__ import annotations

from datetime import timedelta

from tests.chaos import effects
from tests.chaos.stage import Stage


def test_no_effect_happens_twice_and_none_is_lost_wherever_its_worker_dies(here: Stage) -> None:
    """Looked up or recognised by key: once; the others are put up for review, and never sent again by themselves."""
    report = effects.effects(here, count=90, kills=6, seed=6, settled=timedelta(seconds=40))
    assert not report.broken, report
    assert report.figures["reviewed"], report
