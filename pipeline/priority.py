"""Priority: a tier, and a number inside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

#: Numbers a run may have inside its tier.
LOWEST_NUMBER, HIGHEST_NUMBER = -1000, 1000


@dataclass(frozen=True, slots=True)
class Priority:
    """Where a run stands in line: its tier first, then, inside its group, the lower number, then age.

    ``Priority.HIGH`` is a tier; ``Priority.HIGH.at(-5)`` comes before it in the same tier.
    Raises ``ValueError`` for a tier or a number that does not exist.
    """

    tier: int
    number: int = 0

    CRITICAL: ClassVar[Priority]
    HIGH: ClassVar[Priority]
    NORMAL: ClassVar[Priority]
    LOW: ClassVar[Priority]

    def __post_init__(self) -> None:
        if self.tier not in range(len(TIERS)):
            raise ValueError(f"Priority(tier={self.tier}): tiers are 0 to {len(TIERS) - 1}")
        if not LOWEST_NUMBER <= self.number <= HIGHEST_NUMBER:
            raise ValueError(f"Priority(number={self.number}): numbers are {LOWEST_NUMBER} to {HIGHEST_NUMBER}")

    def at(self, number: int) -> Priority:
        """Give the same tier with another number."""
        return Priority(self.tier, number)


#: Names of the tiers, first come first.
TIERS = ("critical", "high", "normal", "low")

Priority.CRITICAL, Priority.HIGH, Priority.NORMAL, Priority.LOW = (Priority(tier) for tier in range(len(TIERS)))
