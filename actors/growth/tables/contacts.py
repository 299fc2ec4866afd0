"""Tables of people: who they are, what they allowed when, where they are in a sequence, what was sent to them."""

from __future__ import annotations

import sqlalchemy as sa

from pipeline.tables import UtcTime, metadata

contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("email", sa.String(191), unique=True, comment="in lower case"),
    sa.Column("phone", sa.String(20), unique=True, comment="E.164"),
    sa.Column("external_key", sa.String(64), unique=True, comment="sha256 of the id: databases compare text loosely"),
    sa.Column("external_id", sa.String(255)),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("timezone", sa.String(64), nullable=False),
    sa.Column("locale", sa.String(35), nullable=False),
    sa.Column("source", sa.String(255), nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)

consents = sa.Table(
    "consents",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True, comment="sha256 of person, channel, answer and time"),
    sa.Column("contact_id", sa.String(32), sa.ForeignKey("contacts.id"), nullable=False),
    sa.Column("channel", sa.String(16), nullable=False),
    sa.Column("given", sa.Boolean, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("place", sa.String(255), nullable=False, comment="where it was given, or why it was taken back"),
    sa.Index("ix_consents_contact_id_channel", "contact_id", "channel"),
)

enrolments = sa.Table(
    "enrolments",
    metadata,
    sa.Column("contact_id", sa.String(32), sa.ForeignKey("contacts.id"), primary_key=True),
    sa.Column("sequence", sa.String(64), primary_key=True),
    sa.Column("run_id", sa.String(64), nullable=False, comment="the run that goes through it; empty until one does"),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("began_at", UtcTime, nullable=False),
    sa.Column("next_step", sa.String(64), nullable=False),
    sa.Column("next_at", UtcTime),
    sa.Column("why", sa.String(255), nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Index("ix_enrolments_state_next_at", "state", "next_at"),
)

sequence_steps = sa.Table(
    "sequence_steps",
    metadata,
    sa.Column("contact_id", sa.String(32), sa.ForeignKey("contacts.id"), primary_key=True),
    sa.Column("sequence", sa.String(64), primary_key=True),
    sa.Column("step", sa.String(64), primary_key=True),
    sa.Column("run_id", sa.String(64), nullable=False, comment="the run that may do it"),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("began_at", UtcTime, comment="when the outside was called last"),
    sa.Column("done_at", UtcTime),
    sa.Column("reference", sa.String(191), nullable=False, comment="the other side's id: of the message, the record"),
    sa.Column("detail", sa.String(500), nullable=False),
    sa.Index("ix_sequence_steps_reference", "reference"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("message_id", sa.String(191), primary_key=True),
    sa.Column("status", sa.String(32), primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
)
