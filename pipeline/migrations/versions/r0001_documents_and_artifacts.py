"""Documents, and what was made of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.tables import Price, Real, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    op.create_table(
        "documents",
        sa.Column("id", sa.String(64), nullable=False, comment="sha256 of the bytes"),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("format", sa.String(32), nullable=False),
        sa.Column("pages", sa.Integer, nullable=False),
        sa.Column("language", sa.String(16)),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
    )
    op.create_table(
        "artifacts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("flow_id", sa.String(64)),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("document_id", sa.String(64)),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("generator", sa.String(255)),
        sa.Column("tokens_in", sa.Integer, nullable=False),
        sa.Column("tokens_out", sa.Integer, nullable=False),
        sa.Column("price", Price),
        sa.Column("seconds", Real, nullable=False),
        sa.Column("created_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_artifacts"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_artifacts_document_id"),
        sa.UniqueConstraint("run_id", "kind", name="uq_artifacts_run_id_kind"),
    )
    op.create_index("ix_artifacts_kind_created_at", "artifacts", ["kind", "created_at"])
    op.create_index("ix_artifacts_flow_id", "artifacts", ["flow_id"])


def downgrade() -> None:
    """Go one step back."""
    op.drop_table("artifacts")
    op.drop_table("documents")
