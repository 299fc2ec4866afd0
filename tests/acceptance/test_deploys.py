"""The code is replaced while runs wait and run: none is lost to the difference (F2, R17)."""

from __future__ import annotations

from datetime import timedelta

from tests.chaos import deploys
from tests.chaos.stage import Stage

SECOND = timedelta(seconds=1)


def test_runs_outlive_a_rolling_deploy(here: Stage) -> None:
    """A renamed field is upgraded, a new actor waits for its code, a removed one for its return, steps are kept."""
    report = deploys.rolling(here, runs=24, step_s=0.5, arrival=10 * SECOND, settled=30 * SECOND)
    assert not report.broken, report


def test_what_old_code_began_goes_on_or_is_refused_by_name(here: Stage) -> None:
    """A journal of the old code replays in the new one; a step that does not fit is named, and was named before."""
    report = deploys.histories(here, runs=4, threads=8, step_s=0.8, settled=30 * SECOND)
    assert not report.broken, report
