"""Behaviours that are made of others: drawn by weight, or changing with time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pipeline.testing.exchange import Behaviour, Exchange
from pipeline.testing.statuses import unavailable

_NO_TIME = timedelta()
_DOWN = unavailable()


class Mixed:
    """Treat each call in one of several ways, drawn by weight: ``Mixed((8, Answer("yes")), (2, unavailable()))``.

    The draw depends on the provider's seed, the model and the number of the call alone. Raises ``ValueError`` for
    weights that leave nothing to draw.
    """

    def __init__(self, *weighted: tuple[float, Behaviour]) -> None:
        if not weighted or min(weight for weight, _ in weighted) < 0 or not sum(weight for weight, _ in weighted) > 0:
            raise ValueError("Mixed(...): needs pairs of weight and behaviour, no weight below 0, one above it")
        self._weights = [weight for weight, _ in weighted]
        self._behaviours = [behaviour for _, behaviour in weighted]

    def play(self, exchange: Exchange) -> None:
        """Draw, and do that."""
        (drawn,) = exchange.dice.choices(self._behaviours, self._weights)
        exchange.play(drawn)


@dataclass(frozen=True, kw_only=True)
class Outage:
    """Be down for some time, counted from when the model was told what to do, by the provider's clock.

    It begins ``after`` some time and lasts ``for_`` so long; ``during`` it calls are treated in one way, before it and
    ``then`` in another.
    """

    for_: timedelta
    then: Behaviour
    during: Behaviour = _DOWN
    after: timedelta = _NO_TIME

    def play(self, exchange: Exchange) -> None:
        """Look at the clock, and do what its time is for."""
        down = self.after <= exchange.since < self.after + self.for_
        exchange.play(self.during if down else self.then)
