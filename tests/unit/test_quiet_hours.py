"""Quiet hours: nobody is written to while the clock on their wall says so, on days of clock change too."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.growth.quiet_hours import QuietHours

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC")
MINUTE = timedelta(minutes=1)
NAIVE = datetime(2024, 1, 1)  # noqa: DTZ001 - what Hypothesis draws between
H = timedelta(hours=1)


def quiet_minutes(begin: time, end: time) -> set[tuple[int, int]]:
    """What is quiet, said another way: every minute from one time on until the other."""
    found, minute = set(), datetime.combine(NAIVE, begin)
    while minute.time() != end:
        found.add((minute.hour, minute.minute))
        minute += MINUTE
    return found


TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@settings(max_examples=150, deadline=None)
@given(
    now=st.datetimes(NAIVE, NAIVE + timedelta(days=2190)).map(
        lambda at: at.replace(tzinfo=UTC, second=0, microsecond=0)
    ),
    begin=TIMES,
    end=TIMES,
    zone=st.sampled_from(ZONES),
)
def test_a_message_goes_at_the_first_moment_that_is_not_quiet(now: datetime, begin: time, end: time, zone: str) -> None:
    """Compared with going through the minutes; where the end falls into a gap, at most the gap later."""
    wait = QuietHours(begin, end).wait(now, zone)
    quiet, first, at = quiet_minutes(begin, end), now, now + wait

    def is_quiet(moment: datetime) -> bool:
        local = moment.astimezone(ZoneInfo(zone))
        return (local.hour, local.minute) in quiet

    while is_quiet(first):
        first += MINUTE
    assert not is_quiet(at)
    assert first <= at <= first + H
    assert (wait == timedelta(0)) == (first == now)


@pytest.mark.parametrize(
    ("now", "zone", "until"),
    [
        ("2026-06-01 18:30", "Europe/Berlin", "2026-06-02 07:00"),
        ("2026-06-01 17:59", "Europe/Berlin", "2026-06-01 17:59"),
        ("2026-03-28 22:00", "Europe/Berlin", "2026-03-29 07:00"),  # the night in which an hour is lost
        ("2026-10-24 22:00", "Europe/Berlin", "2026-10-25 08:00"),  # the night that has one more
        ("2026-01-01 04:00", "America/Los_Angeles", "2026-01-01 17:00"),
        ("2026-01-01 04:00", "Asia/Kolkata", "2026-01-01 04:00"),
    ],
)
def test_the_night_ends_at_nine_where_the_person_is(now: str, zone: str, until: str) -> None:
    """20:00 to 09:00 on the wall, whatever the clock in UTC says."""
    begun = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert begun + QuietHours().wait(begun, zone) == datetime.fromisoformat(until).replace(tzinfo=UTC)


def test_the_same_time_twice_is_no_quiet_hour_at_all() -> None:
    """Nothing waits."""
    assert QuietHours(time(9), time(9)).wait(datetime(2026, 1, 1, 9, tzinfo=UTC), "UTC") == timedelta(0)
