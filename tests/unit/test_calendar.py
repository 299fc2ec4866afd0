"""Calendars: what a spec says is fired at, in every zone, and nothing else; what is no spec is refused at once."""

from __future__ import annotations

import random
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.calendar import Cron, Interval, zone
from tests.support.clockwork import Clockwork, instant
from tests.support.cron_specs import Spec, specs

ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland")
START, END = instant("2026-03-01"), instant("2026-04-12")


@cache
def clockwork(name: str) -> Clockwork:
    """All minutes of six weeks in which every one of these clocks changes."""
    return Clockwork(name, START, END)


def fires(spec: str, where: str, start: str, end: str) -> list[str]:
    """What is fired at between two instants, as the clock of the zone shows it."""
    ticks = takewhile(lambda at: at < instant(end), Cron(spec, where).ticks(instant(start)))
    return [f"{at.astimezone(ZoneInfo(where)):%m-%d %H:%M%z}" for at in ticks]


@settings(max_examples=20, deadline=None)
@given(spec=specs(), where=st.sampled_from(ZONES), seed=st.integers(0, 1 << 30))
def test_a_spec_fires_at_the_minutes_that_brute_force_finds(spec: Spec, where: str, seed: int) -> None:
    """Forwards all of them; backwards from wherever one stands, the last one."""
    wanted = clockwork(where).fires(spec.sets, either=spec.either)
    calendar = Cron(spec.text, where)
    before = START - timedelta(seconds=1)
    assert list(takewhile(lambda at: at < END, calendar.ticks(before))) == wanted
    chance = random.Random(seed)
    for _ in range(5):
        at = START + chance.random() * (END - START)
        behind = [tick for tick in wanted if tick <= at]
        ahead = [tick for tick in wanted if tick > at]
        assert not behind or calendar.latest(at) == behind[-1]
        assert not ahead or calendar.after(at) == ahead[0]


@pytest.mark.parametrize("sunday", ["0", "7", "sun", "SUN", "0,7"])
def test_sunday_has_every_one_of_its_names(sunday: str) -> None:
    """A year of it, as of @weekly."""
    named = fires(f"0 0 * * {sunday}", "UTC", "2026-01-01", "2027-01-01")
    assert len(named) == 52
    assert named == fires("@weekly", "UTC", "2026-01-01", "2027-01-01")
    assert instant("2026-01-04").isoweekday() == 7
    assert named[0].startswith("01-04")


def test_a_time_that_does_not_exist_fires_once_at_the_next_minute_that_does() -> None:
    """02:30 is skipped in Paris on the last Sunday of March: it is 03:00 then, and 02:30 the day after."""
    paris = fires("30 2 * * *", "Europe/Paris", "2026-03-28T00:00", "2026-03-31T00:00")
    assert paris == ["03-28 02:30+0100", "03-29 03:00+0200", "03-30 02:30+0200"]
    often = fires("*/10 2 * * *", "Europe/Paris", "2026-03-29T00:00", "2026-03-30T00:00")
    assert often == ["03-29 03:00+0200"]
    merged = fires("30 2,3 29 3 *", "Europe/Paris", "2026-03-01", "2026-04-01")
    assert merged == ["03-29 03:00+0200", "03-29 03:30+0200"]
    whole_day = Cron("0 12 30 12 *", "Pacific/Apia").after(instant("2011-12-01"))
    assert whole_day.astimezone(ZoneInfo("Pacific/Apia")).strftime("%m-%d %H:%M") == "12-31 00:00"


def test_a_time_that_comes_twice_fires_once_at_its_first_coming() -> None:
    """02:30 comes twice in Paris on the last Sunday of October."""
    paris = fires("30 2 * * *", "Europe/Paris", "2026-10-24T00:00", "2026-10-27T00:00")
    assert paris == ["10-24 02:30+0200", "10-25 02:30+0200", "10-26 02:30+0100"]
    second = instant("2026-10-25T01:45")  # 02:45 for the second time
    assert Cron("30 2 * * *", "Europe/Paris").latest(second) == instant("2026-10-25T00:30")
    assert Cron("50 2 * * *", "Europe/Paris").latest(second) == instant("2026-10-25T00:50")
    assert Cron("*/20 * * * *", "Europe/Paris").latest(second) == instant("2026-10-25T00:40")
    assert Cron("*/20 * * * *", "Europe/Paris").after(second) == instant("2026-10-25T02:00")


def test_a_day_that_is_always_there_is_never_skipped() -> None:
    """03:00 in Paris and in New York, every day of the years in which periodiq loses one."""
    for where in ("Europe/Paris", "America/New_York"):
        assert len(fires("0 3 * * *", where, "2026-01-01", "2027-01-01")) == 365


def test_day_and_weekday_are_joined_as_cron_joins_them() -> None:
    """Either is enough when both are named; with a star in one of them, both must fit."""
    assert fires("0 3 * 3 1", "UTC", "2026-01-01", "2027-01-01") == [
        f"03-{d:02} 03:00+0000" for d in (2, 9, 16, 23, 30)
    ]
    assert len(fires("0 0 * 2 *", "UTC", "2026-01-01", "2027-01-01")) == 28
    assert len(fires("0 0 13 * 5", "UTC", "2026-01-01", "2027-01-01")) == 12 + 52 - 3
    assert fires("0 0 */31 * 5", "UTC", "2026-01-01", "2027-01-01") == ["05-01 00:00+0000"]


def test_the_29th_of_february_comes_when_it_comes() -> None:
    """Every four years, and not in 2100."""
    leap = Cron("0 0 29 2 *")
    assert leap.after(instant("2024-03-01")) == instant("2028-02-29")
    assert leap.after(instant("2096-03-01")) == instant("2104-02-29")
    assert leap.latest(instant("2104-02-28")) == instant("2096-02-29")


def test_intervals_are_counted_from_one_beginning() -> None:
    """Whoever asks, and whenever, gets the same moments."""
    often = Interval(timedelta(seconds=2))
    at = datetime(2026, 5, 5, 12, 0, 0, 500_000, tzinfo=UTC)
    assert often.after(at) == instant("2026-05-05T12:00:02")
    assert often.latest(at) == instant("2026-05-05T12:00")
    assert often.after(often.after(at)) == instant("2026-05-05T12:00:04")
    for wrong in (timedelta(0), timedelta(milliseconds=1500), timedelta(days=400)):
        with pytest.raises(ValueError, match="whole seconds"):
            Interval(wrong)


def test_a_tick_says_what_a_change_of_the_clock_did() -> None:
    """In words, beside the time."""
    daily = Cron("30 2 * * *", "Europe/Paris")
    assert daily.tick(daily.after(instant("2026-03-29T00:00"))).note.startswith("the clock goes forward to 03:00")
    assert daily.tick(daily.after(instant("2026-10-24T23:00"))).note.startswith("02:30 comes twice")
    assert daily.tick(daily.after(instant("2026-06-01"))).note == ""


HOSTILE = [
    ("0-20000000 0 1 * *", "minute"),
    ("0 0-99999999999999999999 1 * *", "hour"),
    ("*/0 * * * *", "minute"),
    ("*/99 * * * *", "minute"),
    ("0 */1000000000 * * *", "hour"),
    ("0 0 0 * *", "day"),
    ("0 0 31 2 *", "day"),
    ("0 0 1 13 *", "month"),
    ("0 0 1 jam *", "month"),
    ("0 0 * * 8", "weekday"),
    ("0 0 * * fri-mon", "weekday"),
    ("0 0 * * 1#2", "weekday"),
    ("0 0 L * *", "day"),
    ("0 0 1,,2 * *", "day"),
    ("0 0 \u0661 * *", "day"),
    ("-1 0 * * *", "minute"),
    ("0 0 * *", "weekday"),
    ("0 0 * * * *", "minute, hour"),
    ("", "minute"),
    ("@fortnightly", "@fortnightly"),
    ("0-1," * 2500 + "5 0 * * *", "minute"),
    ("0 " + "1," * 5000 + "1 * * *", "hour"),
    ("0 0 * * " + "1," * 5_000_000, "weekday"),
    ("* " * 5000, "weekday"),
    ("x" * 10_000, "minute"),
    (" " * 10_000, "minute"),
]


@pytest.mark.parametrize(("spec", "named"), HOSTILE, ids=[spec[:20] or "nothing" for spec, _ in HOSTILE])
def test_what_is_no_spec_is_refused_at_once_and_told_by_its_field(spec: str, named: str) -> None:
    """Within 5 ms and a megabyte, whatever its size."""
    took = []
    for _ in range(5):  # the fastest of five: this machine does much else
        begun = time.perf_counter()
        with pytest.raises(ValueError, match=named) as refusal:
            Cron(spec)
        took.append(time.perf_counter() - begun)
        assert len(str(refusal.value)) < 200
    assert min(took) < 0.005
    tracemalloc.start()
    with pytest.raises(ValueError, match=named):
        Cron(spec)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "name", ["", "Europe", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe/Paris\0", "x" * 10_000]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    """Folders, paths and inventions too."""
    with pytest.raises(ValueError, match="is no time zone"):
        zone(name)
