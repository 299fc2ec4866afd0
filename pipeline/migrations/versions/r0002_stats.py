"""Statistics of runs by hour and by day, and how far the feed of ended runs was read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.tables import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    for table in ("stats_hours", "stats_days"):
        op.create_table(
            table,
            sa.Column("starts_at", UtcTime, nullable=False),
            sa.Column("series", sa.String(64), nullable=False, comment="sha256 of actor, queue, model and tenant"),
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
            sa.PrimaryKeyConstraint("starts_at", "series", name=f"pk_{table}"),
        )
    op.create_table(
        "stats_feeds",
        sa.Column("feed", sa.String(64), nullable=False),
        sa.Column("position", sa.String(48), nullable=False),
        sa.Column("rolled_up_at", UtcTime, nullable=False),
        sa.Column("runs", sa.BigInteger, nullable=False),
        sa.Column("cut", sa.BigInteger, nullable=False, comment="runs that were dropped unread"),
        sa.Column("cut_from", UtcTime),
        sa.Column("cut_until", UtcTime),
        sa.PrimaryKeyConstraint("feed", name="pk_stats_feeds"),
    )


def downgrade() -> None:
    """Go one step back."""
    for table in ("stats_feeds", "stats_days", "stats_hours"):
        op.drop_table(table)
