"""A deadline for every attempt."""

from __future__ import annotations

from datetime import timedelta

from dramatiq.middleware import TimeLimit

from pipeline.run import as_ms


class Timeout(TimeLimit):
    """Dramatiq's own time limit: raises in the worker's thread, and cancels an async actor.

    It cannot interrupt a blocking call into C; whatever may block for long has a limit of its own.
    """

    def __init__(self, limit: timedelta) -> None:
        super().__init__(time_limit=as_ms(limit), interval=250)
