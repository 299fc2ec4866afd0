"""Decides the verdict of an attempt: the only middleware that does."""

from __future__ import annotations

from typing import Any

from dramatiq.middleware import Middleware

from pipeline.classification import classify
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.conclusion import conclude
from pipeline.engine.delivery import Delivery
from pipeline.errors import LeaseLost, PipelineError


class Outcome(Middleware):
    """Reads ``delivery.kind`` and the actor's policies; writes ``delivery.verdict`` and what ``ack`` is to commit."""

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del result
        delivery: Delivery = message
        if delivery.lost or isinstance(exception, LeaseLost):
            return  # another worker owns the run: there is nothing to decide here
        engine: PipelineBroker = broker
        produced = b""
        if exception is None:
            try:
                produced = engine.values.pack(delivery.call.result if delivery.call is not None else b"null")
            except (PipelineError, OSError) as error:  # a result that cannot be stored is a failure like any other
                delivery.kind, exception = classify(error).kind, error
        actor = engine.actors.get(delivery.actor_name)
        delivery.verdict, delivery.commit = conclude(delivery, actor, exception, produced=produced)
