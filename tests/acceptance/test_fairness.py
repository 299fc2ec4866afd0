"""No tenant waits for another's thousands, and none gets more tokens because its runs are larger (R20)."""

from __future__ import annotations

import pytest

from tests.chaos import sharing
from tests.chaos.stage import Stage


@pytest.mark.parametrize("limited", [False, True])
def test_a_few_runs_of_one_tenant_do_not_wait_for_the_many_of_another(here: Stage, limited: bool) -> None:
    """With a limit that both share, and without."""
    report = sharing.crowded(here, crowd=400, few=10, job_s=0.05, workers=2, threads=2, limited=limited)
    assert not report.broken, report


def test_turns_go_by_what_runs_cost_and_not_by_their_number(here: Stage) -> None:
    """Ten times the tokens, a tenth of the turns."""
    report = sharing.cost_fair(here, heavy=40, light=25, tenants=6, workers=2, threads=3, job_s=0.01)
    assert not report.broken, report
