"""Figures: what tallies come to, for people and for programs, over a span of whole hours or days without holes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from actors.upkeep.sketches import Sketch
from actors.upkeep.tallies import Series, Tallies, Tally

By = Literal["actor", "queue", "model", "tenant"]

K = TypeVar("K")

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Span:
    """Whole hours or days of UTC: from ``since`` to before ``until``."""

    since: datetime
    until: datetime
    step: timedelta

    @classmethod
    def of(cls, moment: datetime, count: int, step: timedelta) -> Span:
        """Give the last so many hours or days, the one that ``moment`` lies in among them."""
        until = floor(moment, step) + step
        return cls(until - count * step, until, step)

    @property
    def grain(self) -> Literal["hours", "days"]:
        """What it is made of."""
        return "days" if self.step >= timedelta(days=1) else "hours"

    def starts(self) -> list[datetime]:
        """Give the start of each hour or day."""
        return [self.since + n * self.step for n in range((self.until - self.since) // self.step)]


def floor(moment: datetime, step: timedelta) -> datetime:
    """Give the start of the hour or day of UTC that a moment lies in."""
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    return begin + (moment - begin) // step * step


def only(tallies: Tallies, wanted: Mapping[str, str]) -> Tallies:
    """Leave the series whose ``actor``, ``queue``, ``model`` or ``tenant`` is the one that is wanted."""

    def fits(series: Series) -> bool:
        return all(getattr(series, name) == value for name, value in wanted.items())

    return {key: tally for key, tally in tallies.items() if fits(key[1])}


def total(tallies: Tallies) -> Tally:
    """Add everything up."""
    return _summed(tallies, lambda _at, _series: "").get("", Tally())


def by_name(tallies: Tallies, by: By) -> dict[str, Tally]:
    """Add up what has the same actor, queue, model or tenant; those with most runs, then calls, come first."""
    found = _summed(tallies, lambda _at, series: str(getattr(series, by)))
    return dict(sorted(found.items(), key=lambda item: (-item[1].runs, -item[1].calls, item[0])))


def by_time(tallies: Tallies, span: Span) -> dict[datetime, Tally]:
    """Add up each hour or day of a span; those in which nothing ended are there, too."""
    found = _summed(tallies, lambda at, _series: at)
    return {at: found.get(at, Tally()) for at in span.starts()}


def figures(tally: Tally) -> dict[str, Any]:
    """Give a tally as JSON can: rates from 0 to 1, times in ms (none where nothing started), money in micros."""
    return {
        "runs": tally.runs,
        "completed": tally.completed,
        "dead": tally.dead,
        "cancelled": tally.cancelled,
        "success_rate": tally.success_rate,
        "retries": tally.retries,
        "wait_ms": _percentiles(tally.wait),
        "duration_ms": _percentiles(tally.duration),
        "calls": tally.calls,
        "tokens_in": tally.tokens_in,
        "tokens_out": tally.tokens_out,
        "micros": tally.micros,
        "reasons": dict(tally.reasons.most_common()),
    }


def _percentiles(sketch: Sketch) -> dict[str, float | None]:
    found = {f"p{percent}": sketch.percentile(percent) for percent in PERCENTILES}
    return {name: None if value is None else round(value, 1) for name, value in found.items()}


def _summed(tallies: Tallies, key: Callable[[datetime, Series], K]) -> dict[K, Tally]:
    found: dict[K, Tally] = {}
    for (at, series), tally in tallies.items():
        found.setdefault(key(at, series), Tally()).merge(tally)
    return found
