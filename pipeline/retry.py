"""Retry: how many attempts, and how long between them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Exponential backoff with jitter: before attempt n + 1 a wait of ``base * 2**(n - 1)``, at most ``cap``.

    ``jitter`` is the part of the wait that is drawn at random, so that runs which failed together do not come back
    together (the "equal jitter" of the AWS Architecture Blog, "Exponential Backoff And Jitter", 2015, at 0.5).
    Raises ``ValueError`` for numbers that make no policy.
    """

    attempts: int = 3
    base: timedelta = timedelta(seconds=5)
    cap: timedelta = timedelta(minutes=5)
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"Retry(attempts={self.attempts}): at least one attempt is needed")
        if self.base <= timedelta(0) or self.cap < self.base:
            raise ValueError(f"Retry(base={self.base}, cap={self.cap}): needs 0 < base <= cap")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"Retry(jitter={self.jitter}): needs 0 to 1")

    def delay(self, attempt: int, chance: float | None = None) -> timedelta:
        """Give the wait after attempt number ``attempt``; ``chance`` in [0, 1) stands for the dice."""
        drawn = random.random() if chance is None else chance  # noqa: S311 - spreads load, guards nothing
        # 2**62 microseconds is past every cap; the exponent is bounded so that no attempt number overflows.
        longest = min(self.cap, self.base * 2 ** min(attempt - 1, 40)) if attempt <= 40 else self.cap  # noqa: PLR2004 - see above
        return longest * (1 - self.jitter * drawn)


#: Documents: fast and reliable (SPEC J1).
DOCUMENTS = Retry(attempts=5, base=timedelta(seconds=1), cap=timedelta(seconds=30))

#: Work done by language models (SPEC J2 to J4).
AI = Retry(attempts=3, base=timedelta(seconds=5), cap=timedelta(minutes=5))
