"""Tables of audiences and campaigns: the members as both sides have them, campaigns with results, how far one is."""

from __future__ import annotations

import sqlalchemy as sa

from pipeline.tables import UtcTime, metadata

members = sa.Table(
    "audience_members",
    metadata,
    sa.Column("list_id", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(32), primary_key=True, comment="md5 of the address in lower case"),
    sa.Column("email", sa.String(320), nullable=False),
    sa.Column("status", sa.String(16), nullable=False, comment="there; empty while they are not there"),
    sa.Column("fields", sa.JSON, nullable=False, comment="as we have them"),
    sa.Column("agreed", sa.JSON, nullable=False, comment="as the platform was last known to have them"),
    sa.Column("sent", sa.JSON, comment="what was last sent, until it is known to have arrived"),
    sa.Column("changed", sa.JSON, nullable=False, comment="when our side changed which field"),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("last_changed", UtcTime, comment="there"),
    sa.Column("withdrawn_at", UtcTime, comment="when consent was taken back on our side"),
    sa.Column("problem", sa.String(500), nullable=False),
    sa.Column("not_before", UtcTime),
    sa.Column("task", sa.String(16), nullable=False, comment="what is left to tell the platform"),
    sa.Index("ix_audience_members_list_id_task_id", "list_id", "task", "id"),
)

campaigns = sa.Table(
    "campaigns",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("list_id", sa.String(64), nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("title", sa.String(255), nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("agreed", sa.JSON, nullable=False, comment="title and subject, as the platform last had them"),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("sent_at", UtcTime),
    sa.Column("emails_sent", sa.Integer, nullable=False),
    sa.Column("opens", sa.Integer, nullable=False),
    sa.Column("unique_opens", sa.Integer, nullable=False),
    sa.Column("clicks", sa.Integer, nullable=False),
    sa.Column("unique_clicks", sa.Integer, nullable=False),
    sa.Column("bounces", sa.Integer, nullable=False),
    sa.Column("unsubscribed", sa.Integer, nullable=False),
    sa.Column("results_at", UtcTime),
    sa.Index("ix_campaigns_list_id_created_at", "list_id", "created_at"),
)

positions = sa.Table(
    "sync_positions",
    metadata,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("since", UtcTime, comment="what changed later is still to be read"),
    sa.Column("offset", sa.Integer, nullable=False, comment="how many of these were read already"),
    sa.Column("anchor", sa.String(64), nullable=False, comment="the last one that was read"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)
