"""Both sides changed a member: which value stays is said by a rule, and what ended stays ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from actors.growth.campaign_push import operation
from actors.growth.field_mapping import Field, FieldMapping
from actors.growth.mailchimp_models import MemberState
from actors.growth.member_merge import MemberRow, change, merge, task_of

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def mapping(rule: str = "newest", kind: str = "text") -> FieldMapping:
    """One shared field."""
    return FieldMapping(fields=(Field(ours="name", theirs="NAME", rule=rule, kind=kind),))  # type: ignore[arg-type]


def state(name: str, at: datetime = NOON, status: str = "subscribed") -> MemberState:
    """A member as the platform tells."""
    said = {"id": "m1", "email_address": "a@b.tld", "status": status, "merge_fields": {"NAME": name}}
    return MemberState.model_validate({**said, "last_changed": at.isoformat()})


def row(**more: Any) -> MemberRow:
    """A member that both sides agree on."""
    said = {"list_id": "l", "id": "m1", "email": "a@b.tld", "status": "subscribed"}
    return MemberRow.model_validate({**said, "fields": {"name": "old"}, "agreed": {"name": "old"}, **more})


def test_one_side_s_change_is_taken() -> None:
    """A field that only one side changed needs no rule."""
    assert merge(row(), state("theirs"), "l", mapping("ours")).fields == {"name": "theirs"}
    ours = change(row(), {"name": "ours"}, NOON - SECOND, mapping())
    assert merge(ours, state("old"), "l", mapping("theirs")).fields == {"name": "ours"}
    assert task_of(merge(ours, state("old"), "l", mapping("theirs")), mapping()) == "change"


@pytest.mark.parametrize(
    ("rule", "ours_at", "wins"),
    [
        ("ours", NOON - SECOND, "ours"),
        ("theirs", NOON + SECOND, "theirs"),
        ("newest", NOON + SECOND, "ours"),
        ("newest", NOON - SECOND, "theirs"),
        ("newest", NOON, "theirs"),
    ],
)
def test_a_conflict_goes_by_the_rule_of_the_field(rule: str, ours_at: datetime, wins: str) -> None:
    """Both changed it: the rule says whose value stays, and the other side is told if it is ours."""
    ours = change(row(), {"name": "ours"}, ours_at, mapping(rule))
    after = merge(ours, state("theirs"), "l", mapping(rule))
    assert after.fields == {"name": wins}
    assert task_of(after, mapping(rule)) == ("change" if wins == "ours" else "")


def test_what_was_sent_comes_back_as_no_change_of_theirs() -> None:
    """A value of ours that arrived, and whose answer was lost, does not beat a later one of ours."""
    sent = change(row(), {"name": "first"}, NOON, mapping()).model_copy(update={"sent": {"name": "first"}})
    later = change(sent, {"name": "second"}, NOON + SECOND, mapping())
    after = merge(later, state("first", NOON + 5 * SECOND), "l", mapping())
    assert after.fields == {"name": "second"}
    back = merge(change(sent, {"name": "old"}, NOON + SECOND, mapping()), state("first"), "l", mapping())
    assert back.fields == {"name": "old"}
    assert task_of(back, mapping()) == "change"


@given(
    status=st.sampled_from(["", "subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"]),
    withdrawn=st.booleans(),
    ours=st.sampled_from(["old", "new", ""]),
    problem=st.sampled_from(["", "no"]),
)
def test_nothing_that_is_sent_subscribes_somebody_who_was_there(
    status: str, withdrawn: bool, ours: str, problem: str
) -> None:
    """Only who is not there yet, and took nothing back, is added; otherwise no call says ``subscribed``."""
    given_row = row(status=status, withdrawn_at=NOON if withdrawn else None, problem=problem)
    told = operation(change(given_row, {"name": ours}, NOON, mapping()), mapping())
    said = "" if told is None else told.body or ""
    may_add = status == "" and not withdrawn
    assert ('"subscribed"' not in said and (told is None or told.method == "PATCH")) or may_add
    if withdrawn and status in {"subscribed", "pending", "transactional"} and not (problem and ours == "old"):
        assert '"unsubscribed"' in said
    if withdrawn and status == "":
        assert told is None


@pytest.mark.parametrize(
    ("kind", "ours", "theirs"),
    [
        ("text", " Ada ", "Ada"),
        ("number", "3.50", 3.5),
        ("number", 7, 7),
        ("date", "12/31/2030", "2030-12-31"),
        ("boolean", True, "yes"),
        ("text", None, ""),
    ],
)
def test_values_are_converted_there_and_come_back_the_same(kind: Any, ours: Any, theirs: Any) -> None:
    """What was converted there and back is converted to the same again."""
    field = Field(ours="x", theirs="X", kind=kind)
    assert field.there(ours) == theirs
    assert field.there(field.here(theirs)) == theirs
    assert field.normal(field.normal(ours)) == field.normal(ours)


def test_a_value_of_the_wrong_kind_is_refused_here_and_kept_as_text_from_there() -> None:
    """We do not send it; what they have is not lost."""
    field = Field(ours="x", theirs="X", kind="number")
    with pytest.raises(ValueError, match="many"):
        field.there("many")
    assert field.here("many") == "many"


def test_a_field_is_mapped_once() -> None:
    """Two fields of ours cannot be the same field of theirs."""
    with pytest.raises(ValidationError, match="mapped twice"):
        FieldMapping(fields=(Field(ours="a", theirs="X"), Field(ours="b", theirs="X")))
