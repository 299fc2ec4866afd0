"""One log line at the end of every attempt, with what happened and how long it took."""

from __future__ import annotations

import time
from typing import Any

from dramatiq.middleware import Middleware

from pipeline.engine.delivery import Delivery
from pipeline.logs import emit, emit_plain


class Telemetry(Middleware):
    """Reads ``delivery.run``, ``kind`` and ``verdict``; writes the log."""

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del broker, result
        delivery: Delivery = message
        seconds = round(time.monotonic() - delivery.started_at, 4)
        verdict = delivery.verdict
        if verdict is None:
            emit("warning", "attempt_without_verdict", duration_s=seconds, lost=delivery.lost)
        elif exception is None or verdict.state == "queued":
            emit_plain("attempt_ended", delivery.run, {"state": verdict.state, "duration_s": seconds})
        else:
            emit(
                "warning",
                "attempt_ended",
                state=verdict.state,
                duration_s=seconds,
                kind=delivery.kind,
                error_type=type(exception).__name__,
                error=str(exception),
                delay_s=verdict.delay.total_seconds(),
                reason=verdict.reason,
            )
