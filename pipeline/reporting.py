"""Reporting: how far a run is, published at a bounded rate, the last report always."""

from __future__ import annotations

import time
from typing import Any

import orjson

from pipeline.errors import Unavailable
from pipeline.journal import Journal
from pipeline.redaction import may_hold_secrets, redact_value

#: Reports of one run that are published in a second, at most; the last one always is.
REPORTS_PER_SECOND = 10


class Reporter:
    """Publishes the reports of one run; what comes too soon after another is held back until ``flush``."""

    def __init__(self, journal: Journal, actor: str) -> None:
        self._journal = journal
        self._actor = actor
        self._published_at = 0.0
        self._unpublished: dict[str, Any] | None = None
        self._stage = ""
        self._span = (0.0, 0.0)

    def enter(self, stage: str, percent: float, until: float | None) -> None:
        """Begin a stage that goes from ``percent`` to ``until``; raises ``ValueError`` if that is no percent."""
        if not 0 <= percent <= 100:  # noqa: PLR2004 - percent
            raise ValueError(f"progress({stage!r}, {percent}): percent is 0 to 100")
        self._stage, self._span = stage, (percent, percent if until is None else until)

    def item(self, name: str, done: int, total: int) -> None:
        """Report that so many items of the stage are done."""
        start, end = self._span
        self.report(self._stage or name, start + (end - start) * done / total, f"{done} of {total}", done, total, {})

    def report(  # noqa: PLR0917 - the fields of a report, in their order
        self, stage: str, percent: float, message: str, done: int | None, total: int | None, metadata: dict[str, Any]
    ) -> None:
        """Publish a report, or hold it back."""
        told: dict[str, Any] = {"stage": stage, "percent": round(percent, 1), "message": message}
        if total is not None:
            told |= {"done": done or 0, "total": total}
        if metadata:
            told["metadata"] = metadata
        self._unpublished = told
        if time.monotonic() - self._published_at >= 1 / REPORTS_PER_SECOND:
            self.flush_quietly()

    def flush(self) -> None:
        """Publish what is held back; raises ``LeaseLost`` and ``Unavailable``."""
        if self._unpublished is not None:
            self._published_at = time.monotonic()
            told = orjson.dumps(self._unpublished)
            if may_hold_secrets(told):
                told = orjson.dumps(redact_value(self._unpublished))
            self._journal.report(told)
            self._unpublished = None

    def flush_quietly(self) -> None:
        """Publish what is held back, unless Redis is away: a report is worth less than the attempt it would end."""
        try:
            self.flush()
        except Unavailable as error:
            import structlog

            structlog.get_logger(self._actor).warning("report_delayed", error=str(error))
