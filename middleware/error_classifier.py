"""Gives a failure its kind, once, before anyone acts on it."""

from __future__ import annotations

from typing import Any

from dramatiq.middleware import Middleware

from pipeline.classification import classify
from pipeline.engine.delivery import Delivery


class ErrorClassifier(Middleware):
    """Reads an attempt's exception and its actor's rules; writes ``delivery.kind``, ``.why`` and ``.retry_after``."""

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del result
        delivery: Delivery = message
        if exception is None:
            return
        actor = broker.actors.get(delivery.actor_name)
        found = classify(exception, getattr(actor, "rules", ()))
        delivery.kind = found.kind
        delivery.why = found.why
        delivery.retry_after = found.retry_after
