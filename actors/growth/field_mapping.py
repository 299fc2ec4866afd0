"""Field mapping: which of our fields is which of another system's, how values are converted, and who wins."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as Map
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic import Field as Described

#: Who wins when both sides changed a field: the later change, or always one of them.
Rule = Literal["newest", "ours", "theirs"]

#: What is kept of a field: none where there is nothing.
Value = str | int | float | bool | None

_LONGEST = 255


class Field(BaseModel):
    """One field: its name here, its name there, what kind of value it is, and the rule of its conflicts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ours: str = Described(min_length=1, max_length=64)
    theirs: str = Described(min_length=1, max_length=64)
    kind: Literal["text", "number", "date", "boolean"] = "text"
    rule: Rule = "newest"

    def there(self, value: Value) -> str | int | float:
        """Convert a value of ours to theirs; nothing is an empty text."""
        if value is None or value == "":
            return ""
        if self.kind == "number":
            return _number(value) if not isinstance(value, int | float) else value
        if self.kind == "boolean":
            return "yes" if _truth(value) else "no"
        if self.kind == "date":
            return _day(value)
        return str(value).strip()[:_LONGEST]

    def here(self, value: Any) -> Value:
        """Convert a value of theirs to ours; what is not of its kind stays the text it is."""
        if value is None or value == "":
            return None
        converters: dict[str, Callable[[Any], Value]] = {"number": _number, "date": _day, "boolean": _truth}
        convert = converters.get(self.kind, str)
        try:
            return convert(value)
        except ValueError:
            return str(value)

    def normal(self, value: Value) -> Value:
        """Give a value as it comes back from there; raises ``ValueError`` if it is not of its kind."""
        return self.here(self.there(value))


class FieldMapping(BaseModel):
    """The fields that two systems share; all others stay where they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fields: tuple[Field, ...]

    @field_validator("fields")
    @classmethod
    def _once(cls, fields: tuple[Field, ...]) -> tuple[Field, ...]:
        for side in ("ours", "theirs"):
            names = [getattr(one, side) for one in fields]
            if len(set(names)) < len(names):
                raise ValueError(f"a field of {side} is mapped twice")
        return fields

    def there(self, values: Map[str, Value]) -> dict[str, str | int | float]:
        """Give all shared fields as the other system takes them."""
        return {one.theirs: one.there(values.get(one.ours)) for one in self.fields}

    def here(self, values: Map[str, Any]) -> dict[str, Value]:
        """Give the shared fields that have a value there, by our names."""
        found = {one.ours: one.here(values.get(one.theirs)) for one in self.fields}
        return {name: value for name, value in found.items() if value is not None}


#: Merge fields that every audience of Mailchimp begins with.
MAILCHIMP = FieldMapping(fields=(Field(ours="first_name", theirs="FNAME"), Field(ours="last_name", theirs="LNAME")))

#: What HubSpot calls the same.
CRM = FieldMapping(
    fields=(
        Field(ours="first_name", theirs="firstname"),
        Field(ours="last_name", theirs="lastname"),
        Field(ours="phone", theirs="phone"),
        Field(ours="company", theirs="company"),
    )
)


def _number(value: Any) -> int | float:
    number = float(value)
    if number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 - not a number is no number
        raise ValueError(f"{value!r} is no number")
    return int(number) if number.is_integer() else number


def _truth(value: Any) -> bool:
    return value is True or str(value).strip().lower() in {"yes", "true", "1", "y"}


def _day(value: Any) -> str:
    text = str(value)
    found = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})(?:T.*)?|(\d{2})/(\d{2})/(\d{4})", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no date as in 2030-12-31")
    year, month, day, us_month, us_day, us_year = found.groups()
    return f"{year or us_year}-{month or us_month}-{day or us_day}"
