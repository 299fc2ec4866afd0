"""The tables of statistics: by hour, by day, and how far each feed was read."""

from __future__ import annotations

import sqlalchemy as sa

from pipeline.tables import UtcTime, metadata


def _figures(name: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("starts_at", UtcTime, primary_key=True),
        # Not the names themselves: some databases take names that differ in case for the same.
        sa.Column("series", sa.String(64), primary_key=True, comment="sha256 of actor, queue, model and tenant"),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("queue", sa.String(255), nullable=False),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("tenant", sa.String(255), nullable=False),
        sa.Column("completed", sa.BigInteger, nullable=False),
        sa.Column("dead", sa.BigInteger, nullable=False),
        sa.Column("cancelled", sa.BigInteger, nullable=False),
        sa.Column("retries", sa.BigInteger, nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("tokens_in", sa.BigInteger, nullable=False),
        sa.Column("tokens_out", sa.BigInteger, nullable=False),
        sa.Column("micros", sa.BigInteger, nullable=False, comment="millionths of a US dollar"),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("wait", sa.JSON, nullable=False),
        sa.Column("duration", sa.JSON, nullable=False),
    )


hours = _figures("stats_hours")
days = _figures("stats_days")

feeds = sa.Table(
    "stats_feeds",
    metadata,
    sa.Column("feed", sa.String(64), primary_key=True),
    sa.Column("position", sa.String(48), nullable=False),
    sa.Column("rolled_up_at", UtcTime, nullable=False),
    sa.Column("runs", sa.BigInteger, nullable=False),
    sa.Column("cut", sa.BigInteger, nullable=False, comment="runs that were dropped unread"),
    sa.Column("cut_from", UtcTime),
    sa.Column("cut_until", UtcTime),
)
