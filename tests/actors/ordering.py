"""Actors of the third version, and what the versions before them left behind: renamed, split, retyped, removed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline import Outcome, Run, actor
from tests.actors.plain import QUICK


class Item(BaseModel):
    """What is ordered, and how many of it."""

    sku: str = Field(pattern=r"^[a-z]+$")
    count: int = Field(ge=1)


class Order(BaseModel):
    """Who wants what."""

    model_config = ConfigDict(extra="forbid")

    customer: str
    items: list[Item]
    labels: dict[str, int] = {}

    @field_validator("customer")
    @classmethod
    def not_barred(cls, value: str) -> str:
        """Refuse who is barred, with words that say who."""
        if value.startswith("!"):
            raise ValueError(f"{value} is barred")
        return value


def split_name(old: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had first and last name."""
    return {"customer": f"{old['first']} {old['last']}", "sku": old["sku"]}


def several_items(old: dict[str, Any]) -> dict[str, Any]:
    """Version 2 had one item."""
    return {"customer": old["customer"], "items": [{"sku": old["sku"], "count": 1}]}


@actor(name="test.order", queue="orders", retry=QUICK, version=3, upgrades={1: split_name, 2: several_items})
def order(request: Order, run: Run) -> str:
    """Take an order."""
    total = run.step(weigh, request)
    return _finish(run, total)


def _finish(run: Run, total: int) -> str:
    return ",".join([*run.each(pack, range(1)), str(total)])


def weigh(request: Order) -> int:
    """Say how heavy it is; it was said in words once."""
    return sum(item.count for item in request.items)


def pack(box: int) -> str:
    """Pack a box."""
    return f"box {box}"


@actor(name="test.refund", queue="orders", retry=QUICK, version=2)
def refund(amount: int) -> int:
    """Give money back; version 1 cannot be read any more."""
    return amount


class Bill(BaseModel):
    """What a flow puts together."""

    model_config = ConfigDict(extra="forbid")

    rate: int
    weight: int
    boxes: list[Outcome[str]] = []


@actor(name="test.bill.made", queue="orders", retry=QUICK)
def bill(request: Bill) -> int:
    """Write a bill."""
    return request.rate * request.weight


@actor(name="test.tick", queue="orders", retry=QUICK)
def tick() -> str:
    """Do something that needs no payload."""
    return "tock"
