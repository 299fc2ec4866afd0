"""Retry: how many attempts, how long between them, and how long a run may wait for free."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Exponential backoff with jitter: before attempt n + 1 a wait of ``base * 2**(n - 1)``, at most ``cap``.

    ``jitter`` is the part of the wait that is drawn at random, so that runs which failed together do not come back
    together (the "equal jitter" of the AWS Architecture Blog, "Exponential Backoff And Jitter", 2015, at 0.5).
    What ran out of memory, disk or connections comes back in equal steps instead: ``base * n``. A kind of failure that
    nobody knows gets ``unknown`` attempts only. After a timeout the next attempt has ``timeout_growth`` times as long.

    Waiting for a limit, a breaker, a budget or a provider that asked for it spends no attempt; ``patience`` bounds how
    long a run waits in all, and ``waits`` how often. Then it is dead, and says for what it waited.
    Raises ``ValueError`` for numbers that make no policy.
    """

    attempts: int = 3
    base: timedelta = timedelta(seconds=5)
    cap: timedelta = timedelta(minutes=5)
    jitter: float = 0.5
    unknown: int = 2
    timeout_growth: float = 1.0
    patience: timedelta = timedelta(hours=24)
    waits: int = 1_000

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"Retry(attempts={self.attempts}): at least one attempt is needed")
        if self.base <= timedelta(0) or self.cap < self.base:
            raise ValueError(f"Retry(base={self.base}, cap={self.cap}): needs 0 < base <= cap")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"Retry(jitter={self.jitter}): needs 0 to 1")
        if self.unknown < 1 or self.waits < 1 or self.patience <= timedelta(0):
            raise ValueError("Retry(): unknown, waits and patience must be more than nothing")
        if not 1 <= self.timeout_growth <= 10:  # noqa: PLR2004 - ten times as long is another job
            raise ValueError(f"Retry(timeout_growth={self.timeout_growth}): needs 1 to 10")

    def delay(self, attempt: int, chance: float | None = None) -> timedelta:
        """Give the wait after attempt number ``attempt``; ``chance`` in [0, 1) stands for the dice."""
        drawn = random.random() if chance is None else chance  # noqa: S311 - spreads load, guards nothing
        # 2**62 microseconds is past every cap; the exponent is bounded so that no attempt number overflows.
        longest = min(self.cap, self.base * 2 ** min(attempt - 1, 40)) if attempt <= 40 else self.cap  # noqa: PLR2004 - see above
        return longest * (1 - self.jitter * drawn)

    def linear(self, attempt: int) -> timedelta:
        """Give the wait after attempt number ``attempt`` that ran out of a resource."""
        return min(self.cap, self.base * min(attempt, 1000))

    def limit(self, timeout: timedelta, timeouts: int) -> timedelta:
        """Give the time limit of an attempt after so many that ended at theirs."""
        return timeout * self.timeout_growth ** min(timeouts, 10) if timeouts else timeout


#: Documents: fast and reliable (SPEC J1).
DOCUMENTS = Retry(attempts=5, base=timedelta(seconds=1), cap=timedelta(seconds=30))

#: Work done by language models (SPEC J2 to J4).
AI = Retry(attempts=3, base=timedelta(seconds=5), cap=timedelta(minutes=5))
