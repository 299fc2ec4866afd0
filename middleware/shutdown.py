"""Asks whether a delivery may start at all: not if it was given back meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dramatiq.middleware import Middleware, SkipMessage

from pipeline.engine.delivery import Delivery

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker


class Shutdown(Middleware):  # type: ignore[misc] # the base is not typed
    """Reads the worker's state; writes ``delivery.stopping``, which the run heeds before its next step."""

    def before_process_message(self, broker: PipelineBroker, message: Delivery) -> None:
        if not broker.attempts.slots.begin(message):
            raise SkipMessage("given back to its queue before it began")
        message.stopping = broker.stopping
