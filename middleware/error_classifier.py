"""Gives a failure its kind, once, before anyone acts on it."""

from __future__ import annotations

from typing import Any

from dramatiq.errors import RateLimitExceeded
from dramatiq.middleware import Middleware, TimeLimitExceeded
from dramatiq.middleware.shutdown import Shutdown

from pipeline.engine.delivery import Delivery
from pipeline.errors import Kind, Unavailable, classify


class ErrorClassifier(Middleware):
    """Reads the exception of an attempt and writes ``delivery.kind``."""

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del broker, result
        delivery: Delivery = message
        if exception is not None:
            delivery.kind = _kind(exception)


def _kind(exception: BaseException) -> Kind:
    if isinstance(exception, TimeLimitExceeded):
        return "timeout"
    if isinstance(exception, Shutdown):
        return "interrupted"
    if isinstance(exception, RateLimitExceeded):
        return "rate_limited"
    if isinstance(exception, Unavailable):
        return "snoozed"  # what does not answer is waited for; the attempt is not to blame
    return classify(exception)
