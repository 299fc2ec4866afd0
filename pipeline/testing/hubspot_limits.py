"""The limits of a simulated HubSpot account: ten seconds, one second for searches, and a day that ends at midnight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.testing.simulated_api import Answer

_WINDOW = timedelta(seconds=10)


class HubSpotLimits:
    """Counts calls; None for a limit: as many as come."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        burst: int | None,
        searches: int | None,
        daily: int | None,
        timezone: str,
    ) -> None:
        self._clock = clock
        self._burst, self._searches, self._daily = burst, searches, daily
        self._zone = ZoneInfo(timezone)
        self._recent: deque[datetime] = deque()
        self._searched: deque[datetime] = deque()
        self._day: date | None = None
        self._today = 0

    def count(self, *, search: bool) -> Answer | None:
        """Count a call and give the refusal of one too many."""
        now = self._clock()
        today = now.astimezone(self._zone).date()
        if today != self._day:
            self._day, self._today = today, 0
        if self._daily is not None and self._today >= self._daily:
            return _refusal("DAILY", "daily")
        if search:
            if _full(self._searched, now, timedelta(seconds=1), self._searches):
                return _refusal("SECONDLY", "secondly")
        elif _full(self._recent, now, _WINDOW, self._burst):
            return _refusal("TEN_SECONDLY_ROLLING", "ten_secondly_rolling")
        self._today += 1
        return None

    def headers(self) -> dict[str, str]:
        """Give what every answer but those of searches tells."""
        told = {"X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
        if self._burst is not None:
            left = self._burst - len(self._recent)
            told |= {"X-HubSpot-RateLimit-Max": str(self._burst), "X-HubSpot-RateLimit-Remaining": str(left)}
        if self._daily is not None:
            told["X-HubSpot-RateLimit-Daily"] = str(self._daily)
            told["X-HubSpot-RateLimit-Daily-Remaining"] = str(self._daily - self._today)
        return told


def _full(calls: deque[datetime], now: datetime, window: timedelta, most: int | None) -> bool:
    while calls and calls[0] <= now - window:
        calls.popleft()
    if most is not None and len(calls) >= most:
        return True
    calls.append(now)
    return False


def _refusal(policy: str, word: str) -> Answer:
    body: dict[str, Any] = {
        "status": "error",
        "message": f"You have reached your {word} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": "c033cdaa-2c40-4a64-ae48-b4cec88dad24",
        "policyName": policy,
        "requestId": "3d3e35b7-0dae-4b9f-a6e3-9c230cbcf8dd",
    }
    return 429, {}, body
