"""A day of leads, campaigns and schedules in seconds, by a still clock."""

from __future__ import annotations

from tests.chaos import day


def test_a_day_ends_with_every_system_as_it_has_to_be() -> None:
    """With odd failures, lost answers, webhooks that come twice, people who leave, and workers that die."""
    report = day.day(seed=4, leads=30, members=20)
    assert not report.broken, report
    assert report.figures["workers died"], report
    assert report.figures["reviewed"], report
