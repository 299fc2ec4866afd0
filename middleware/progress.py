"""Publishes the last report of a run before its verdict is committed."""

from __future__ import annotations

from typing import Any

import structlog
from dramatiq.middleware import Middleware

from pipeline.engine.delivery import Delivery
from pipeline.errors import LeaseLost, Unavailable

log = structlog.get_logger(__name__)


class Progress(Middleware):
    """Reads ``delivery.run``; writes the report that the rate limit held back."""

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del broker, result
        delivery: Delivery = message
        if delivery.run is None:
            return
        try:
            delivery.run.flush(ended=exception is None)
        except (LeaseLost, Unavailable) as error:
            # A report is worth less than the verdict, which follows either way.
            log.warning("progress_not_published", error=str(error))
