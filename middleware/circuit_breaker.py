"""Says what an attempt tells of the integration behind its actor's breaker; the commit lets the breaker hear of it."""

from __future__ import annotations

from typing import Any

from dramatiq.middleware import Middleware

from pipeline.actor import Actor
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.delivery import Delivery
from pipeline.health import health_of


class CircuitBreaker(Middleware):
    """Reads ``delivery.kind`` and ``why`` of an actor that has a breaker; writes ``delivery.health``.

    Whether the run may start at all was asked in the claim (``engine/lua/_gates.lua``).
    """

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del result, exception
        engine: PipelineBroker = broker
        delivery: Delivery = message
        actor = engine.actors.get(delivery.actor_name)
        if isinstance(actor, Actor) and actor.breaker is not None:
            health = health_of(delivery.kind, delivery.why)
            # What is wrong with an account, or out of reach, is the integration's: it has no provider above it.
            delivery.health = "fail" if health in {"down", "broken", "limited"} else health
