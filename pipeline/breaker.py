"""Breaker: when a provider or an integration counts as down, and how it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Breaker:
    """A circuit breaker known by its name, shared by all workers.

    ::

        closed ── failures ≥ failure_rate of at least minimum calls within window ──▶ open
          ▲                                                                            │ open_for
          └── ramp is over ── recovering ◀── the probe succeeds ── half-open (1 probe) ◀┘

    A call that takes longer than ``slow`` counts as a failure. While it is open the runs behind it wait, and spend
    nothing; in ``ramp`` after it closed they come back a few at first, then twice as many every fifth of it.
    Errors that say nothing about health (a wrong payload, a 4xx but 408 and 429) are not counted.
    Every language model has one of its own, named by the model, and one of its provider.
    """

    name: str = "*"
    failure_rate: float = 0.5
    minimum: int = 10
    window: timedelta = timedelta(seconds=60)
    slow: timedelta = timedelta(minutes=3)
    open_for: timedelta = timedelta(seconds=15)
    ramp: timedelta = timedelta(seconds=10)

    def __post_init__(self) -> None:
        if not self.name or not set(self.name).isdisjoint(" |\n\x1f"):
            raise ValueError(f"Breaker({self.name!r}): needs a name without spaces and '|'")
        if not 0 < self.failure_rate <= 1:
            raise ValueError(f"Breaker(failure_rate={self.failure_rate}): needs more than 0, at most 1")
        if self.minimum < 1 or min(self.window, self.slow, self.open_for) <= timedelta(0) or self.ramp < timedelta(0):
            raise ValueError(f"Breaker({self.name!r}): minimum, window, slow and open_for must be more than nothing")

    def config(self) -> dict[str, Any]:
        """Give it as Redis keeps it: times in ms."""
        times = {f"{name}_ms": int(getattr(self, name).total_seconds() * 1000) for name in ("window", "slow", "ramp")}
        return times | {
            "open_ms": int(self.open_for.total_seconds() * 1000),
            "failure_rate": self.failure_rate,
            "minimum": self.minimum,
        }
