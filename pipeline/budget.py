"""Budget: what the calls of language models may cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Budget:
    """An amount of money or tokens that is never overspent: reserved before each call, settled after it.

    What is reserved is the most a call can take, so the last of a budget may stay unused; what a killed worker had
    reserved comes back when its lease ends. ``by`` makes one budget for each ``group`` (tenant), ``flow``, ``actor``
    or ``model``. It begins anew every ``per`` (days begin at midnight UTC), or never, with none. When it is used up,
    runs ``wait`` for the next period, or ``stop`` and are dead.

    Raises ``ValueError`` for amounts that make no budget.
    """

    name: str
    usd: Decimal | float | None = None
    tokens: int | None = None
    by: Literal["", "group", "flow", "actor", "model"] = ""
    per: timedelta | None = DAY
    then: Literal["wait", "stop"] = "wait"

    def __post_init__(self) -> None:
        if not self.name or not set(self.name).isdisjoint(" =|\n\x1f"):
            raise ValueError(f"Budget({self.name!r}): needs a name without spaces, '=' and '|'")
        if self.usd is None and self.tokens is None:
            raise ValueError(f"Budget({self.name!r}): limits nothing: give usd or tokens")
        if (self.usd is not None and self.usd < 0) or (self.tokens is not None and self.tokens < 0):
            raise ValueError(f"Budget({self.name!r}): must not be less than nothing")
        if self.per is not None and self.per <= timedelta(0):
            raise ValueError(f"Budget({self.name!r}, per={self.per}): must be more than nothing")

    def config(self) -> dict[str, Any]:
        """Give it as Redis keeps it: millionths of a dollar, times in ms."""
        said: dict[str, Any] = {"by": self.by, "then": self.then}
        said["per_ms"] = 0 if self.per is None else int(self.per.total_seconds() * 1000)
        if self.usd is not None:
            said["micros"] = int(Decimal(str(self.usd)) * 1_000_000)
        if self.tokens is not None:
            said["tokens"] = self.tokens
        return said
