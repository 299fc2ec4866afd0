"""Models that answer badly: no defect is published, and nobody pays with an attempt (features.md, 4.4)."""

from __future__ import annotations

from datetime import timedelta

from tests.chaos import gating
from tests.chaos.stage import Stage


def test_defects_of_six_kinds_are_repaired_escalated_or_shown_and_never_published(here: Stage) -> None:
    """Of a cheap model's claims thirty percent are defective; a strong one takes over, and a person in the end."""
    report = gating.defects(here, copies=1, share=0.3, seed=4, settled=timedelta(seconds=40))
    assert not report.broken, report
