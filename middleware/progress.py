"""Publishes the last report of a run before its verdict is committed."""

from __future__ import annotations

import structlog
from dramatiq.broker import Broker
from dramatiq.middleware import Middleware

from pipeline.engine.delivery import Delivery
from pipeline.errors import LeaseLost, Unavailable

log = structlog.get_logger(__name__)


class Progress(Middleware):  # type: ignore[misc] # the base is not typed
    """Reads ``delivery.run``; writes the report that the rate limit held back."""

    def after_process_message(
        self, broker: Broker, message: Delivery, *, result: object = None, exception: BaseException | None = None
    ) -> None:
        del broker, result, exception
        if message.run is None:
            return
        try:
            message.run.flush()
        except (LeaseLost, Unavailable) as error:
            # A report is worth less than the verdict, which follows either way.
            log.warning("progress_not_published", error=str(error))
