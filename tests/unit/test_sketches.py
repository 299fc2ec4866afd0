"""Sketches: percentiles within one percent, from parts as well as from the whole."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from actors.upkeep.sketches import ERROR, Sketch

LENGTHS = st.lists(st.integers(-5, 10**10), min_size=1, max_size=300)
PERCENTS = (0, 1, 50, 95, 99, 100)


@given(LENGTHS)
def test_a_percentile_is_within_one_percent_of_the_true_one(lengths: list[int]) -> None:
    """Of the length that has that rank; what is under a millisecond is nothing."""
    ordered = sorted(max(0, length) for length in lengths)
    sketch = Sketch.of(lengths)

    for percent in PERCENTS:
        true = ordered[math.floor(percent / 100 * (len(ordered) - 1))]
        found = sketch.percentile(percent)
        assert found is not None
        assert abs(found - true) <= ERROR * true * (1 + 1e-9)


@given(st.lists(LENGTHS, max_size=6))
def test_sketches_of_parts_add_up_to_that_of_the_whole(parts: list[list[int]]) -> None:
    """Exactly, and in any order; also when they were kept as JSON meanwhile."""
    whole = Sketch.of(length for part in parts for length in part)
    merged = Sketch()
    for part in reversed(parts):
        merged.merge(Sketch(Sketch.of(part).counts()))

    assert merged == whole
    assert merged.count == sum(map(len, parts))


def test_no_lengths_have_no_percentile() -> None:
    """None, and not zero: nothing started."""
    assert Sketch().percentile(95) is None


def test_a_sketch_stays_small() -> None:
    """Anything from a millisecond to a year fits in fewer than 1,300 buckets."""
    year = 365 * 86_400_000
    buckets = {name for power in range(1, 3500) for name in Sketch.of([min(year, int(1.01**power))]).counts()}
    assert len(buckets) < 1300
