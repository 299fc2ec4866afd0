"""Retention: the arithmetic of which backups stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from actors.upkeep.backup.retention import Keep, kept

START = datetime(2020, 1, 1, tzinfo=UTC)
TIMES = st.lists(st.integers(0, 3650 * 86_400).map(lambda at: START + timedelta(seconds=at)), max_size=60)
KEEPS = st.builds(Keep, st.integers(1, 10), st.integers(0, 6), st.integers(0, 14))


@given(TIMES, KEEPS)
def test_the_newest_always_stays_and_no_more_stay_than_are_asked_for(times: list[datetime], keep: Keep) -> None:
    """Whatever times there are."""
    stay = kept(times, keep)
    assert stay <= set(times)
    assert len(stay) <= sum(keep)
    assert not times or max(times) in stay


@given(TIMES, KEEPS)
def test_each_of_the_last_days_keeps_its_newest(times: list[datetime], keep: Keep) -> None:
    """Counted naively: day by day, week by week, month by month."""
    stay = kept(times, keep)
    for count, period in ((keep.daily, "%Y-%j"), (keep.weekly, "%G-%V"), (keep.monthly, "%Y-%m")):
        newest: dict[str, datetime] = {}
        for at in sorted(times):
            newest[at.strftime(period)] = at
        assert set(sorted(newest.values())[-count:] if count else []) <= stay


@given(TIMES, KEEPS)
def test_removing_twice_removes_nothing_more(times: list[datetime], keep: Keep) -> None:
    """What stays, stays when it is looked at again."""
    stay = kept(times, keep)
    assert kept(stay, keep) == stay


def test_a_year_of_daily_backups_leaves_days_weeks_and_months() -> None:
    """Seven days, four weeks of which one is this week, twelve months of which one is this month."""
    start = datetime(2027, 1, 1, 3, tzinfo=UTC)
    stay = kept([start + timedelta(days=n) for n in range(365)], Keep())
    assert len([at for at in stay if at >= datetime(2027, 12, 25, tzinfo=UTC)]) == 7
    assert sorted(at.date().isoformat() for at in stay if at < datetime(2027, 12, 1, tzinfo=UTC)) == [
        f"2027-{month:02}-{day}"
        for month, day in zip(range(1, 12), (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30), strict=True)
    ]
    assert {at.date().isoformat() for at in stay} >= {"2027-12-12", "2027-12-19", "2027-12-26", "2027-12-31"}
