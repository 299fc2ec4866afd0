"""An actor that webhooks start."""

from __future__ import annotations

from pydantic import BaseModel, Field

from pipeline import actor


class Order(BaseModel):
    number: int = Field(ge=1)


@actor(name="hooked.order")
def order(paid: Order) -> int:
    return paid.number
