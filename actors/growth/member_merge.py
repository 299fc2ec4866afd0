"""Merge: what a member is after both sides changed them, field by field, and what is left to tell the other side."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Described

from actors.growth.field_mapping import Field, FieldMapping, Value
from actors.growth.mailchimp_models import GONE, MemberState

#: Statuses in which the platform writes to a member.
_REACHED = {"subscribed", "pending", "transactional"}


class MemberRow(BaseModel):
    """A member of an audience, as we keep them: our fields, and what the platform last had."""

    model_config = ConfigDict(frozen=True)

    list_id: str
    id: str
    email: str
    #: Their status there; empty while they are not there.
    status: str = ""
    fields: dict[str, Value] = Described(default_factory=dict)
    #: What the platform was last known to have of the shared fields.
    agreed: dict[str, Value] = Described(default_factory=dict)
    #: What was last sent there, and of which it is not known yet if it arrived.
    sent: dict[str, Value] | None = None
    #: When our side changed which field.
    changed: dict[str, datetime] = Described(default_factory=dict)
    tags: tuple[str, ...] = ()
    last_changed: datetime | None = None
    #: When consent was taken back on our side.
    withdrawn_at: datetime | None = None
    #: Why they cannot be sent; until our side changes them.
    problem: str = ""
    not_before: datetime | None = None


Task = Literal["", "add", "change", "unsubscribe"]


def task_of(row: MemberRow, mapping: FieldMapping) -> Task:
    """Say what is left to tell the platform about a member.

    Nobody who has gone, there or here, is added or subscribed again: of them only fields, or the end itself, are told.
    """
    if row.problem or row.status == "archived":
        return ""
    if row.status == "":
        return "" if row.withdrawn_at is not None else "add"
    if row.withdrawn_at is not None and row.status in _REACHED:
        return "unsubscribe"
    return "change" if any(row.fields.get(one.ours) != row.agreed.get(one.ours) for one in mapping.fields) else ""


def merge(row: MemberRow | None, state: MemberState, list_id: str, mapping: FieldMapping) -> MemberRow:
    """Give a member after the platform told their state.

    A field that one side changed is as that side has it; one that both changed goes by its rule. A status is always
    as it is there: nothing of ours makes it better.
    """
    row = row or MemberRow(list_id=list_id, id=state.id, email=state.email_address)
    theirs = mapping.here(state.merge_fields)
    fields, changed = dict(row.fields), dict(row.changed)
    for one in mapping.fields:
        value = _decide(one, row, theirs.get(one.ours), state.last_changed)
        if value is None:
            fields.pop(one.ours, None)
        else:
            fields[one.ours] = value
        if value == theirs.get(one.ours):
            changed.pop(one.ours, None)
    return row.model_copy(
        update={
            "email": state.email_address,
            "status": state.status,
            "fields": fields,
            "agreed": theirs,
            "changed": changed,
            "tags": tuple(tag.name for tag in state.tags),
            "last_changed": state.last_changed,
            # What was refused may fit now that they were changed there.
            "problem": "" if state.last_changed != row.last_changed else row.problem,
        }
    )


def change(row: MemberRow, values: dict[str, Value], at: datetime, mapping: FieldMapping) -> MemberRow:
    """Give a member after our side changed some fields; raises ``ValueError`` for a value that is not of its kind."""
    kinds = {one.ours: one for one in mapping.fields}
    fields, changed = dict(row.fields), dict(row.changed)
    for name, given in values.items():
        value = kinds[name].normal(given) if name in kinds else given
        if value == fields.get(name):
            continue
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = value
        changed[name] = at
    if fields == row.fields:
        return row
    return row.model_copy(update={"fields": fields, "changed": changed, "problem": "", "not_before": None})


def has_gone(row: MemberRow | None, state: MemberState) -> bool:
    """Say whether a state tells for the first time that nobody may write to a member any more."""
    return state.status in GONE and (row is None or row.status not in GONE)


def _decide(one: Field, row: MemberRow, their: Any, at: datetime) -> Value:
    ours, base = row.fields.get(one.ours), row.agreed.get(one.ours)
    if ours == their:
        return ours
    if ours == base and one.ours not in row.changed:
        value: Value = their
        return value
    if their == base or (row.sent is not None and their == row.sent.get(one.ours)):
        return ours
    when = row.changed.get(one.ours)
    keep = one.rule == "ours" or (one.rule == "newest" and when is not None and when > at)
    return ours if keep else their
