"""People, what they allowed, where they are in a sequence, and what was sent to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.tables import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    op.create_table(
        "contacts",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("email", sa.String(191), comment="in lower case"),
        sa.Column("phone", sa.String(20), comment="E.164"),
        sa.Column("external_key", sa.String(64), comment="sha256 of the id: databases compare text loosely"),
        sa.Column("external_id", sa.String(255)),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("email", name="uq_contacts_email"),
        sa.UniqueConstraint("phone", name="uq_contacts_phone"),
        sa.UniqueConstraint("external_key", name="uq_contacts_external_key"),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.String(64), nullable=False, comment="sha256 of person, channel, answer and time"),
        sa.Column("contact_id", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("given", sa.Boolean, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("place", sa.String(255), nullable=False, comment="where it was given, or why it was taken back"),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_consents_contact_id"),
    )
    op.create_index("ix_consents_contact_id_channel", "consents", ["contact_id", "channel"])
    op.create_table(
        "enrolments",
        sa.Column("contact_id", sa.String(32), nullable=False),
        sa.Column("sequence", sa.String(64), nullable=False),
        sa.Column(
            "run_id", sa.String(64), nullable=False, comment="the run that goes through it; empty until one does"
        ),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("began_at", UtcTime(), nullable=False),
        sa.Column("next_step", sa.String(64), nullable=False),
        sa.Column("next_at", UtcTime()),
        sa.Column("why", sa.String(255), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "sequence", name="pk_enrolments"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_enrolments_contact_id"),
    )
    op.create_index("ix_enrolments_state_next_at", "enrolments", ["state", "next_at"])
    op.create_table(
        "sequence_steps",
        sa.Column("contact_id", sa.String(32), nullable=False),
        sa.Column("sequence", sa.String(64), nullable=False),
        sa.Column("step", sa.String(64), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False, comment="the run that may do it"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("began_at", UtcTime(), comment="when the outside was called last"),
        sa.Column("done_at", UtcTime()),
        sa.Column(
            "reference", sa.String(191), nullable=False, comment="the other side's id: of the message, the record"
        ),
        sa.Column("detail", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "sequence", "step", name="pk_sequence_steps"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_sequence_steps_contact_id"),
    )
    op.create_index("ix_sequence_steps_reference", "sequence_steps", ["reference"])
    op.create_table(
        "deliveries",
        sa.Column("message_id", sa.String(191), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "status", name="pk_deliveries"),
    )


def downgrade() -> None:
    """Go one step back."""
    for name in ("deliveries", "sequence_steps", "enrolments", "consents", "contacts"):
        op.drop_table(name)
