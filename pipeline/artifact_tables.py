"""The tables of results; the migrations make the same, and a test holds the two together."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from pipeline.tables import Price, Real, UtcTime, metadata

documents = Table(
    "documents",
    metadata,
    Column("id", String(64), primary_key=True, comment="sha256 of the bytes"),
    Column("name", String(255), nullable=False),
    Column("format", String(32), nullable=False),
    Column("pages", Integer, nullable=False),
    Column("language", String(16)),
    Column("created_at", UtcTime, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("run_id", String(64), nullable=False),
    Column("flow_id", String(64)),
    Column("kind", String(64), nullable=False),
    Column("document_id", String(64), ForeignKey(documents.c.id)),
    Column("body", JSON, nullable=False),
    Column("generator", String(255)),
    Column("tokens_in", Integer, nullable=False),
    Column("tokens_out", Integer, nullable=False),
    Column("price", Price),
    Column("seconds", Real, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("run_id", "kind"),
    Index(None, "kind", "created_at"),
    Index(None, "flow_id"),
)
