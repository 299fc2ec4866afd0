"""One log line at the end of every attempt, with what happened and how long it took; at level debug one at its start.

The start is told at level debug only: it would be half of what the log costs a short job, the end says how long the
attempt took, and what never came to its end is in the events of the run, with the worker that had it.
"""

from __future__ import annotations

import time
from typing import Any

from dramatiq.middleware import Middleware

from pipeline.engine.delivery import Delivery
from pipeline.logs import emit, emit_plain, tells_debug


class Telemetry(Middleware):
    """Reads ``delivery.run``, ``kind`` and ``verdict``; writes the log."""

    def before_process_message(self, broker: Any, message: Any) -> None:
        del broker
        if not tells_debug():
            return
        delivery: Delivery = message
        waited = round(time.monotonic() - delivery.claimed_at, 4)
        emit("debug", "attempt_started", logger=__name__, start=delivery.lease.fence, claimed_s=waited)

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del broker, result
        delivery: Delivery = message
        seconds = round(time.monotonic() - delivery.started_at, 4)
        verdict = delivery.verdict
        if verdict is None:
            emit("warning", "attempt_without_verdict", logger=__name__, duration_s=seconds, lost=delivery.lost)
        elif exception is None or verdict.state == "queued":
            emit_plain("attempt_ended", delivery.run, {"state": verdict.state, "duration_s": seconds}, __name__)
        else:
            emit(
                "warning",
                "attempt_ended",
                logger=__name__,
                state=verdict.state,
                duration_s=seconds,
                kind=delivery.kind,
                error_type=type(exception).__name__,
                error=str(exception),
                delay_s=verdict.delay.total_seconds(),
                reason=verdict.reason,
            )
