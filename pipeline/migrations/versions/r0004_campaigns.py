"""Campaigns and the members of their audiences, as the platform has them and as we do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.tables import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    op.create_table(
        "audience_members",
        sa.Column("list_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(32), nullable=False, comment="md5 of the address in lower case"),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("status", sa.String(16), nullable=False, comment="there; empty while they are not there"),
        sa.Column("fields", sa.JSON, nullable=False, comment="as we have them"),
        sa.Column("agreed", sa.JSON, nullable=False, comment="as the platform was last known to have them"),
        sa.Column("sent", sa.JSON, comment="what was last sent, until it is known to have arrived"),
        sa.Column("changed", sa.JSON, nullable=False, comment="when our side changed which field"),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("last_changed", UtcTime(), comment="there"),
        sa.Column("withdrawn_at", UtcTime(), comment="when consent was taken back on our side"),
        sa.Column("problem", sa.String(500), nullable=False),
        sa.Column("not_before", UtcTime()),
        sa.Column("task", sa.String(16), nullable=False, comment="what is left to tell the platform"),
        sa.PrimaryKeyConstraint("list_id", "id", name="pk_audience_members"),
    )
    op.create_index("ix_audience_members_list_id_task_id", "audience_members", ["list_id", "task", "id"])
    op.create_table(
        "campaigns",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("list_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("agreed", sa.JSON, nullable=False, comment="title and subject, as the platform last had them"),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("sent_at", UtcTime()),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in (
                "emails_sent",
                "opens",
                "unique_opens",
                "clicks",
                "unique_clicks",
                "bounces",
                "unsubscribed",
            )
        ),
        sa.Column("results_at", UtcTime()),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
    )
    op.create_index("ix_campaigns_list_id_created_at", "campaigns", ["list_id", "created_at"])
    op.create_table(
        "sync_positions",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("since", UtcTime(), comment="what changed later is still to be read"),
        sa.Column("offset", sa.Integer, nullable=False, comment="how many of these were read already"),
        sa.Column("anchor", sa.String(64), nullable=False, comment="the last one that was read"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sync_positions"),
    )


def downgrade() -> None:
    """Go one step back."""
    op.drop_table("sync_positions")
    op.drop_table("campaigns")
    op.drop_table("audience_members")
