"""A clock that stands still until it is told to go forward."""

from __future__ import annotations

import threading
from datetime import timedelta


class StillClock:
    """Gives the same time, in seconds, until ``forward`` is called; safe from any thread."""

    def __init__(self) -> None:
        self._now = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """Give the time."""
        return self._now

    def forward(self, duration: timedelta) -> None:
        """Let time pass, all at once."""
        with self._lock:
            self._now += duration.total_seconds()
