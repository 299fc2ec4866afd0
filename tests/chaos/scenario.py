"""What a fault scenario's long form is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from tests.chaos.stage import Report, Stage

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Scenario:
    """A scenario's long form: ``play`` gets a stage of its own, and a seed."""

    id: str
    what: str
    play: Callable[[Stage, int], Report]
