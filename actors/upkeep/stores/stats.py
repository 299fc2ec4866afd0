"""Statistics in SQL: figures by hour and by day, and how far each feed of ended runs was read."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from actors.upkeep.sketches import Sketch
from actors.upkeep.tables.stats import days, feeds, hours
from actors.upkeep.tallies import NUMBERS, Series, Tallies, Tally, by_day
from pipeline.database import Database, upsert
from pipeline.ended import BEGINNING, FeedState
from pipeline.errors import Transient

Grain = Literal["hours", "days"]

_TABLES = {"hours": hours, "days": days}
_KEYS_AT_ONCE = 400


class FeedRow(NamedTuple):
    """How far a feed was read, how many runs that were, and what was dropped before it could be."""

    feed: str
    position: str
    rolled_up_at: datetime
    runs: int
    cut: int
    cut_from: datetime | None
    cut_until: datetime | None


class History:
    """The figures of a database; what is counted moves the position of its feed in the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def position(self, feed: str) -> str:
        """Give how far a feed was read."""
        with self._database.begin() as connection:
            found = connection.scalar(sa.select(feeds.c.position).where(feeds.c.feed == feed))
        return found or BEGINNING

    def feeds(self) -> list[FeedRow]:
        """Give every feed that was ever read, the one read last at first."""
        with self._database.begin() as connection:
            rows = connection.execute(sa.select(feeds).order_by(feeds.c.rolled_up_at.desc())).all()
        return [FeedRow(**row._asdict()) for row in rows]

    def begin(self, feed: FeedState) -> FeedRow:
        """Write down that a feed is read now, and what it dropped; gives what was written down before."""
        now = {"rolled_up_at": _moment(feed.now_ms), "cut": feed.cut}
        now |= {"cut_from": _moment(feed.cut_from_ms), "cut_until": _moment(feed.cut_until_ms)}
        with self._database.begin() as connection:
            before = _locked(connection, feed.name)
            connection.execute(sa.update(feeds).where(feeds.c.feed == feed.name).values(**now))
        return before

    def add(self, feed: str, since: str, until: str, tallies: Tallies, runs: int) -> bool:
        """Count what a feed told between two positions, once: false if it was not read as far as ``since``, or further.

        Raises ``Transient`` if another feed counted the same hour at this moment.
        """
        try:
            with self._database.begin() as connection:
                if _locked(connection, feed).position != since:
                    return False
                _count(connection, hours, tallies)
                _count(connection, days, by_day(tallies))
                connection.execute(
                    sa.update(feeds).where(feeds.c.feed == feed).values(position=until, runs=feeds.c.runs + runs)
                )
        except sa.exc.IntegrityError as error:
            raise Transient("Another feed was counted in the same hour at the same moment.") from error
        return True

    def figures(self, grain: Grain, since: datetime, until: datetime) -> Tallies:
        """Give the figures of every hour or day that begins in a time; one without runs has none."""
        table = _TABLES[grain]
        with self._database.begin() as connection:
            rows = connection.execute(sa.select(table).where(table.c.starts_at >= since, table.c.starts_at < until))
            return {(row.starts_at, _series(row)): _tally(row) for row in rows}

    def oldest(self, grain: Grain) -> datetime | None:
        """Give the first hour or day that has figures."""
        table = _TABLES[grain]
        statement = sa.select(table.c.starts_at).order_by(table.c.starts_at).limit(1)
        with self._database.begin() as connection:
            return connection.scalar(statement)

    def rebuild(self, day: datetime) -> int:
        """Make a day's figures anew from those of its hours, and say how many rows that gave."""
        until = day + timedelta(days=1)
        with self._database.begin() as connection:
            # Nobody counts meanwhile.
            connection.execute(sa.update(feeds).values(runs=feeds.c.runs))
            found = connection.execute(sa.select(hours).where(hours.c.starts_at >= day, hours.c.starts_at < until))
            tallies = by_day({(row.starts_at, _series(row)): _tally(row) for row in found})
            connection.execute(sa.delete(days).where(days.c.starts_at == day))
            _count(connection, days, tallies)
        return len(tallies)

    def prune(self, before: datetime) -> int:
        """Remove the figures of hours that began earlier, and say how many rows there were; days stay."""
        with self._database.begin() as connection:
            return connection.execute(sa.delete(hours).where(hours.c.starts_at < before)).rowcount


def _locked(connection: sa.Connection, feed: str) -> FeedRow:
    """Give the row of a feed; until the transaction ends, whoever else counts that feed waits."""
    first = {"feed": feed, "position": BEGINNING, "rolled_up_at": _moment(1), "runs": 0, "cut": 0}
    return FeedRow(**upsert(connection, feeds, ("feed",), {}, first)._asdict())


def _count(connection: sa.Connection, table: sa.Table, tallies: Tallies) -> None:
    """Add tallies to their rows, always in the same order: two feeds never wait for one another in a ring."""
    keyed = sorted((starts_at, _digest(series), series, tally) for (starts_at, series), tally in tallies.items())
    new, changed = [], []
    for starts_at, group in groupby(keyed, key=lambda row: row[0]):
        of_time = list(group)
        there = dict(_found(connection, table, starts_at, [digest for _, digest, _, _ in of_time]))
        for _, digest, series, tally in of_time:
            if (before := there.get(digest)) is not None:
                before.merge(tally)
                changed.append({"at": starts_at, "which": digest, **_columns(before)})
            else:
                new.append({"starts_at": starts_at, "series": digest, **series._asdict(), **_columns(tally)})
    if new:
        connection.execute(sa.insert(table), new)
    if changed:
        connection.execute(
            sa.update(table)
            .where(table.c.starts_at == sa.bindparam("at"), table.c.series == sa.bindparam("which"))
            .values({name: sa.bindparam(name) for name in _columns(Tally())}),
            changed,
        )


def _found(
    connection: sa.Connection, table: sa.Table, starts_at: datetime, digests: Sequence[str]
) -> Iterator[tuple[str, Tally]]:
    for at in range(0, len(digests), _KEYS_AT_ONCE):
        wanted = digests[at : at + _KEYS_AT_ONCE]
        statement = sa.select(table).where(table.c.starts_at == starts_at, table.c.series.in_(wanted))
        yield from ((row.series, _tally(row)) for row in connection.execute(statement.with_for_update()))


def _digest(series: Series) -> str:
    return hashlib.sha256("\x1f".join(series).encode()).hexdigest()


def _columns(tally: Tally) -> dict[str, Any]:
    columns: dict[str, Any] = {name: getattr(tally, name) for name in NUMBERS}
    return columns | {
        "reasons": dict(tally.reasons),
        "wait": tally.wait.counts(),
        "duration": tally.duration.counts(),
    }


def _tally(row: sa.Row[Any]) -> Tally:
    tally = Tally(reasons=Counter(row.reasons), wait=Sketch(row.wait), duration=Sketch(row.duration))
    for name in NUMBERS:
        setattr(tally, name, int(getattr(row, name)))
    return tally


def _series(row: sa.Row[Any]) -> Series:
    return Series(row.actor, row.queue, row.model, row.tenant)


def _moment(at_ms: int) -> datetime | None:
    return datetime.fromtimestamp(at_ms / 1000, UTC) if at_ms else None
