"""Sketch: how lengths of time are spread, in buckets that grow; sketches of parts add up to that of the whole."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

#: How far a percentile may be from the true one, as a part of it.
ERROR = 0.01

_GROWTH = (1 + ERROR) / (1 - ERROR)
_LOG = math.log(_GROWTH)
_NOTHING = "0"  # the bucket of what took less than a millisecond


class Sketch:
    """Counts of lengths in ms, in buckets each 2 % wider than the last (DDSketch); merging is exact, in any order."""

    __slots__ = ("_counts",)

    def __init__(self, counts: Mapping[str, int] = {}) -> None:
        self._counts = Counter(counts)

    @classmethod
    def of(cls, lengths_ms: Iterable[int]) -> Sketch:
        """Make the sketch of some lengths."""
        sketch = cls()
        for length_ms in lengths_ms:
            sketch.add(length_ms)
        return sketch

    def add(self, length_ms: int) -> None:
        """Count a length; one below nothing, by clocks that disagree, is nothing."""
        self._counts[_NOTHING if length_ms < 1 else str(math.ceil(math.log(length_ms) / _LOG) + 1)] += 1

    def merge(self, other: Sketch) -> None:
        """Count everything that another one counted."""
        self._counts.update(other._counts)

    @property
    def count(self) -> int:
        """How many lengths it counted."""
        return self._counts.total()

    def percentile(self, percent: float) -> float | None:
        """Give the length in ms that so many percent do not exceed, within ``ERROR`` of it; none of no lengths."""
        rank = math.floor(percent / 100 * (self.count - 1))
        for bucket in sorted(self._counts, key=int):
            rank -= self._counts[bucket]
            if rank < 0:
                return 0.0 if bucket == _NOTHING else 2 * _GROWTH ** (int(bucket) - 1) / (_GROWTH + 1)
        return None

    def counts(self) -> dict[str, int]:
        """Give it as it is kept: buckets with what they hold."""
        return dict(self._counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and self._counts == other._counts

    __hash__ = None  # type: ignore[assignment] # it changes

    def __repr__(self) -> str:
        return f"Sketch({dict(self._counts)})"
