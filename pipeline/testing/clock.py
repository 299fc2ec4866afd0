"""A clock that stands still until it is told to go forward."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class StillClock:
    """Gives the same time until ``forward`` is called; safe from any thread."""

    def __init__(self, start: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._now = timedelta()
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """Give the seconds that have passed since it was made."""
        return self._now.total_seconds()

    def now(self) -> datetime:
        """Give the date and time."""
        return self._start + self._now

    def forward(self, duration: timedelta) -> None:
        """Let time pass, all at once."""
        with self._lock:
            self._now += duration
