"""One log line at the end of every attempt, with what happened and how long it took."""

from __future__ import annotations

import time
from typing import Any

import structlog
from dramatiq.middleware import Middleware

from pipeline.engine.delivery import Delivery

log = structlog.get_logger("attempt")


class Telemetry(Middleware):
    """Reads ``delivery.run``, ``kind`` and ``verdict``; writes the log."""

    def before_process_message(self, broker: Any, message: Any) -> None:
        del broker
        delivery: Delivery = message
        log.debug("attempt_started", start=delivery.lease.fence)

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del broker, result
        delivery: Delivery = message
        seconds = round(time.monotonic() - delivery.started_at, 4)
        verdict = delivery.verdict
        if verdict is None:
            log.warning("attempt_without_verdict", duration_s=seconds, lost=delivery.lost)
        elif exception is None or verdict.state == "queued":
            log.info("attempt_ended", state=verdict.state, duration_s=seconds)
        else:
            log.warning(
                "attempt_ended",
                state=verdict.state,
                duration_s=seconds,
                kind=delivery.kind,
                error_type=type(exception).__name__,
                error=str(exception),
                delay_s=verdict.delay.total_seconds(),
                reason=verdict.reason,
            )
