"""What a check found wrong, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "ok"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check: an error stops a worker from starting, a warning is told, ok is for the doctor's list."""

    level: Level
    what: str
    mend: str = ""
    #: Which check it is of, as ``redis.policy``: for programs, and the same for as long as the check is.
    check: str = ""
    #: Whether it may go by itself, so that to try again later may do; else somebody has to change a setting.
    passing: bool = False

    def __str__(self) -> str:
        return f"{self.what} {self.mend}".strip()
