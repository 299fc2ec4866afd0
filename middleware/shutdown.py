"""Asks whether a delivery may start at all: not if it was given back meanwhile."""

from __future__ import annotations

from typing import Any

from dramatiq.middleware import Middleware, SkipMessage

from pipeline.engine.broker import PipelineBroker
from pipeline.engine.delivery import Delivery


class Shutdown(Middleware):
    """Reads the worker's state; writes ``delivery.stopping``, which the run heeds before its next step.

    Raises ``LeaseLost`` for a delivery whose lease ended before it began.
    """

    def before_process_message(self, broker: Any, message: Any) -> None:
        engine: PipelineBroker = broker
        delivery: Delivery = message
        if not engine.attempts.slots.begin(delivery):
            raise SkipMessage("given back to its queue before it began")
        delivery.stopping = engine.stopping
        delivery.confirm()
