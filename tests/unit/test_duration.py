"""Durations, as people write them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from pipeline import duration


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("5s", timedelta(seconds=5)),
        ("1.5m", timedelta(seconds=90)),
        ("1h30m", timedelta(minutes=90)),
        ("1h 30m", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("PT1H30M", timedelta(minutes=90)),
        ("P1W", timedelta(days=7)),
        (3, timedelta(seconds=3)),
        (Decimal("0.5"), timedelta(milliseconds=500)),
        (0, timedelta(0)),
    ],
)
def test_a_duration_is_read(given: object, meant: timedelta) -> None:
    """Units from milliseconds to days, larger ones first, ISO 8601, and numbers of seconds."""
    assert duration.read(given) == meant


@pytest.mark.parametrize(
    "given",
    ["", "5", "5 parsecs", "-5s", "5m1h", "5s5s", "P", "PT", "P1DT", "1h30", True, None, -1, "99999d", float("nan")],
)
def test_what_is_no_duration_is_refused(given: object) -> None:
    """A text without a unit is a guess; so is a unit twice, or a smaller one before a larger one."""
    with pytest.raises(ValueError, match=r"duration|must lie"):
        duration.read(given)


@pytest.mark.parametrize("text", ["250ms", "5s", "1m30s", "1h30m", "1d", "0s"])
def test_what_is_spelled_is_read_again(text: str) -> None:
    """The shortest form of a duration is one that can be written in a file."""
    assert duration.spell(duration.read(text)) == text
