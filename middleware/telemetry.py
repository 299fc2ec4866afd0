"""One log line at the end of every attempt, with what happened and how long it took."""

from __future__ import annotations

import time

import structlog
from dramatiq.broker import Broker
from dramatiq.middleware import Middleware

from pipeline.engine.delivery import Delivery

log = structlog.get_logger("attempt")


class Telemetry(Middleware):  # type: ignore[misc] # the base is not typed
    """Reads ``delivery.run``, ``kind`` and ``verdict``; writes the log."""

    def before_process_message(self, broker: Broker, message: Delivery) -> None:
        del broker
        log.debug("attempt_started", start=message.lease.fence)

    def after_process_message(
        self, broker: Broker, message: Delivery, *, result: object = None, exception: BaseException | None = None
    ) -> None:
        del broker, result
        seconds = round(time.monotonic() - message.started_at, 4)
        verdict = message.verdict
        if verdict is None:
            log.warning("attempt_without_verdict", duration_s=seconds, lost=message.lost)
        elif exception is None or verdict.state == "queued":
            log.info("attempt_" + verdict.state, duration_s=seconds)
        else:
            log.warning(
                "attempt_" + verdict.state,
                duration_s=seconds,
                kind=message.kind,
                error_type=type(exception).__name__,
                error=str(exception),
                delay_s=verdict.delay.total_seconds(),
                reason=verdict.reason,
            )
