"""R30, the roll-up: what a feed tells at least once is counted exactly once, whatever happens in between."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
import redis
import sqlalchemy as sa

from actors.upkeep.rollup import roll_up
from actors.upkeep.stats import RollupRequest, rollup_stats
from actors.upkeep.stores.stats import History
from actors.upkeep.tables.stats import days
from pipeline import InvalidInput, Unavailable
from pipeline.database import Database, set_database
from pipeline.ended import EndedRun, FeedState, Portion, get_ended_runs, set_ended_runs
from pipeline.engine.connection import connect
from pipeline.engine.ended_feed import EndedFeed
from pipeline.engine.store import Store
from pipeline.sections import forget
from pipeline.testing import MemoryJournal, StillClock, run_inline
from tests.support.ended import differences, put, random_runs

NS = "stats"
BEGIN = datetime(2026, 10, 31, 20, tzinfo=UTC)
SPAN = timedelta(hours=9)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database of each kind, in its newest shape."""
    database = Database(database_url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def history(database: Database) -> History:
    """Its history."""
    return History(database)


@pytest.fixture
def feed(redis_url: str) -> EndedFeed:
    """The feed of an empty Redis, read in portions of forty."""
    return EndedFeed(Store(connect(redis_url), NS), entries=40)


def wrong(history: History, runs: list[EndedRun]) -> list[str]:
    """How the history differs from a recomputation; nothing if it does not."""
    return [
        *differences(history.figures("hours", *EVER), runs, HOUR),
        *differences(history.figures("days", *EVER), runs, DAY),
    ]


def test_the_figures_are_those_of_the_runs(history: History, feed: EndedFeed, redis_client: redis.Redis) -> None:
    """By hour and by day, by actor, queue, model and tenant; late ones in their own hour, and again changes nothing."""
    dice = random.Random(1)
    runs = random_runs(dice, 200, BEGIN, SPAN)
    put(redis_client, NS, runs)
    assert roll_up(feed, history).runs == 200
    assert wrong(history, runs) == []

    late = random_runs(dice, 150, BEGIN, SPAN)
    put(redis_client, NS, late)
    rolled = roll_up(feed, history)
    assert (rolled.runs, rolled.portions) == (150, 4)
    assert roll_up(feed, history).runs == 0
    assert wrong(history, runs + late) == []
    assert [row.runs for row in history.feeds()] == [350]
    assert feed.state().waiting == 0


class Unreliable:
    """A feed that loses answers and does not forget: what it told it tells again."""

    def __init__(self, feed: EndedFeed, dice: random.Random) -> None:
        self._feed = feed
        self._dice = dice

    def state(self) -> FeedState:
        return self._feed.state()

    def after(self, position: str) -> Portion:
        portion = self._feed.after(position)
        self._lose()
        return portion

    def forget(self, position: str) -> None:
        if self._dice.random() < 0.3:
            self._feed.forget(position)
        self._lose()

    def _lose(self) -> None:
        if self._dice.random() < 0.2:
            raise Unavailable("the answer was lost")


def test_what_is_told_again_is_not_counted_again(history: History, redis_client: redis.Redis) -> None:
    """Portions that come again, and roll-ups that end half-way and begin anew."""
    dice = random.Random(2)
    runs = random_runs(dice, 240, BEGIN, HOUR * 4)
    put(redis_client, NS, runs)
    unreliable = Unreliable(EndedFeed(Store(redis_client, NS), entries=12), dice)
    failed = 0
    while True:
        try:
            roll_up(unreliable, history)
        except Unavailable:
            failed += 1
        else:
            break

    assert failed > 2
    assert wrong(history, runs) == []


def test_several_at_once_count_everything_once(
    history: History, database: Database, feed: EndedFeed, redis_client: redis.Redis
) -> None:
    """Three roll-ups of one feed, which tells of more meanwhile."""
    dice = random.Random(3)
    runs = random_runs(dice, 200, BEGIN, HOUR * 2)
    put(redis_client, NS, runs[:120])
    counted: list[int] = []

    def count() -> None:
        for _ in range(3):
            with suppress(Unavailable):
                counted.append(roll_up(feed, History(database)).runs)

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    put(redis_client, NS, runs[120:])
    for thread in threads:
        thread.join(60)
    roll_up(feed, history)

    assert wrong(history, runs) == []


def test_two_feeds_share_a_database(history: History, feed: EndedFeed, redis_client: redis.Redis) -> None:
    """Each has a position of its own, and their runs add up in the same rows."""
    dice = random.Random(4)
    other = EndedFeed(Store(redis_client, "other"), entries=40)
    runs = random_runs(dice, 200, BEGIN, SPAN)
    put(redis_client, NS, runs[:120])
    put(redis_client, "other", runs[120:])
    assert roll_up(feed, history).runs == 120
    assert roll_up(other, history).runs == 80

    assert wrong(history, runs) == []
    assert len(history.feeds()) == 2


def test_killed_at_any_statement_of_a_transaction(
    history: History, database: Database, feed: EndedFeed, redis_client: redis.Redis
) -> None:
    """SIGKILL before each statement, before the commit and after it: nothing is half counted, or twice."""
    dice = random.Random(5)
    runs: list[EndedRun] = []
    killed = 0
    for number in range(1, 40):
        new = random_runs(dice, 8, BEGIN, HOUR, tenants=1)
        runs += new
        put(redis_client, NS, new)
        if not _killed(database, lambda: roll_up(feed, history), number):
            break
        killed += 1
        if number % 6 == 0:  # the others leave it to the next to count what they began
            roll_up(feed, history)
            assert wrong(history, runs) == []
    roll_up(feed, history)

    assert killed >= 8
    assert wrong(history, runs) == []
    put(redis_client, NS, more := random_runs(dice, 1, BEGIN, HOUR))
    assert _killed(database, lambda: roll_up(Deadly(Store(redis_client, NS)), history), 1000)
    assert feed.state().waiting == 1
    assert roll_up(feed, history).runs == 0
    assert feed.state().waiting == 0
    assert wrong(history, runs + more) == []


class Deadly(EndedFeed):
    """A feed whose reader is killed as it is about to forget what it has counted."""

    _forgotten = False

    def forget(self, position: str) -> None:
        if self._forgotten:
            os.kill(os.getpid(), signal.SIGKILL)
        super().forget(position)
        self._forgotten = True


def _killed(database: Database, work: Callable[[], object], number: int) -> bool:
    """Do work in a process that is killed before its statement of this number; false if it had fewer."""
    database.close()
    child = os.fork()
    if child == 0:
        left = [number]

        def count(*_: object) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sa.event.listen(sa.Engine, "before_cursor_execute", count)
            sa.event.listen(sa.Engine, "commit", count)
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_what_was_lost_is_told_once_and_known_for_good(
    history: History, feed: EndedFeed, redis_client: redis.Redis
) -> None:
    """A feed that was cut: the next roll-up says how many runs are missing, and the history from when to when."""
    runs = random_runs(random.Random(6), 90, BEGIN, SPAN)
    put(redis_client, NS, runs)
    assert Store(redis_client, NS).sweep("s", lease_ms=8000, feed_limit=50)[5] == 40

    assert roll_up(feed, history).cut == 40
    assert roll_up(feed, history).cut == 0
    row = history.feeds()[0]
    assert (row.runs, row.cut) == (50, 40)
    assert row.cut_from is not None
    assert row.cut_until is not None
    assert row.cut_from <= row.cut_until <= row.rolled_up_at
    assert wrong(history, runs[40:]) == []


@pytest.fixture
def bound(database: Database, feed: EndedFeed) -> Iterator[None]:
    """A process whose database and feed are those of the test."""
    set_database(database)
    set_ended_runs(feed)
    yield
    forget()


@pytest.mark.usefixtures("bound")
def test_the_actor_counts_keeps_and_mends(
    history: History, database: Database, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours are removed when they are old, days stay, and a day is made anew from its hours."""
    monkeypatch.setenv("DRAMATURG_STATS_KEEP_HOURS_DAYS", "2")
    forget()
    dice = random.Random(7)
    old, young = (random_runs(dice, 60, begin, HOUR) for begin in (BEGIN - 10 * DAY, BEGIN))
    put(redis_client, NS, old + young)
    with database.begin() as connection:
        connection.execute(sa.delete(days))
    journal = MemoryJournal(clock=StillClock(BEGIN + DAY))
    rolled = run_inline(rollup_stats, RollupRequest(), journal=journal).result

    assert rolled.runs == 120
    assert rolled.removed > 0
    assert differences(history.figures("hours", *EVER), young, HOUR) == []
    assert differences(history.figures("days", *EVER), old + young, DAY) == []

    with database.begin() as connection:
        connection.execute(sa.update(days).where(days.c.starts_at >= BEGIN - DAY).values(completed=7))
    request = RollupRequest(rebuild_since=date(2026, 10, 31), rebuild_until=date(2026, 11, 1))
    assert run_inline(rollup_stats, request, journal=MemoryJournal(clock=StillClock(BEGIN + DAY))).result.rebuilt == 2
    assert differences(history.figures("days", *EVER), old + young, DAY) == []
    with pytest.raises(InvalidInput, match="not kept"):
        run_inline(
            rollup_stats,
            RollupRequest(rebuild_since=date(2026, 10, 21)),
            journal=MemoryJournal(clock=StillClock(BEGIN + DAY)),
        )


def test_a_process_without_a_feed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And does not count nothing."""
    monkeypatch.setattr("pipeline.ended._bound", [])
    with pytest.raises(LookupError, match="feed"):
        get_ended_runs()
