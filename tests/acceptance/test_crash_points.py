"""A worker is killed before and after its calls to Redis, in the middle of a flow (R11)."""

from __future__ import annotations

from tests.chaos import crashing
from tests.chaos.stage import Stage


def test_a_flow_ends_as_if_its_worker_had_not_been_killed(here: Stage) -> None:
    """At points drawn from all; the long form takes each."""
    report = crashing.crash_points(here, words=3, share=0.12, seed=3)
    assert not report.broken, report
