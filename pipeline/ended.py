"""Ended runs: what is known of each run at its end, in a feed that is read once and then forgotten.

Whatever puts a run into a final state adds it to the feed in the same call to Redis: no end is missing, and none is
told twice. A run that is retried by hand, or made anew, ends again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol

from pydantic import Field

from pipeline.sections import Section


class StatsSettings(Section):
    """How much is kept of what statistics are made of, and of themselves."""

    prefix: ClassVar[str] = "DRAMATURG_STATS_"

    feed_limit: int = Field(
        default=250_000, ge=1_000, le=100_000_000, description="ended runs that wait in Redis to be rolled up, at most"
    )
    keep_hours_days: int = Field(default=90, ge=1, le=36_500, description="days for which figures by hour are kept")


class ModelUse(NamedTuple):
    """What calls of one model took; ``micros`` are millionths of a US dollar."""

    model: str
    calls: int
    tokens_in: int
    tokens_out: int
    micros: int


class EndedRun(NamedTuple):
    """A run at its end; times are Unix time in ms, of Redis.

    ``state`` is completed, dead, cancelled, or nothing for calls of models that were settled after their run's end.
    ``started_ms`` is the start of its first attempt, none if it never had one, and ``since_ms`` when it might have
    started. ``attempts`` counts those that were spent. The model that was asked last is the last one of ``uses``.
    """

    id: str
    actor: str
    queue: str
    group: str
    state: str
    reason: str
    attempts: int
    since_ms: int
    started_ms: int | None
    ended_ms: int
    uses: tuple[ModelUse, ...] = ()


class Portion(NamedTuple):
    """Runs after a position of a feed, in the order in which they ended, and the position after them."""

    position: str
    runs: Sequence[EndedRun]
    #: Whether there may be more.
    more: bool


class FeedState(NamedTuple):
    """A feed as a whole: its name for good, how many runs wait in it, and how many were dropped unread, and when."""

    name: str
    waiting: int
    cut: int
    cut_from_ms: int
    cut_until_ms: int
    now_ms: int


#: Before everything in a feed.
BEGINNING = "0-0"


class EndedRuns(Protocol):
    """The feed of one Redis. Positions grow with time, and one never comes again."""

    def state(self) -> FeedState:
        """Give the feed as a whole; raises ``Unavailable``."""
        ...

    def after(self, position: str) -> Portion:
        """Give a portion of what came after a position; raises ``Unavailable``."""
        ...

    def forget(self, position: str) -> None:
        """Remove what came up to and with a position; raises ``Unavailable``."""
        ...


_bound: list[EndedRuns] = []


def set_ended_runs(feed: EndedRuns) -> None:
    """Say whose ended runs this process reads."""
    _bound[:] = [feed]


def get_ended_runs() -> EndedRuns:
    """Give the feed that this process reads; raises ``LookupError`` where none was set."""
    if not _bound:
        raise LookupError("No feed of ended runs: pipeline.app sets it, a test sets its own.")
    return _bound[0]
