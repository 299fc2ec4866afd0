"""Opens the run that the other middleware and the actor share, and closes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dramatiq.middleware import Middleware, MiddlewareError

from pipeline.actor import Actor
from pipeline.call import Call
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.delivery import Delivery
from pipeline.errors import InvalidInput
from pipeline.models import Models
from pipeline.outcome import gather
from pipeline.run import Run, current_run
from pipeline.tracing.context import of_start


class Refused(MiddlewareError, InvalidInput):  # noqa: N818 - says what happened
    """The payload does not fit the actor: the attempt ends before the actor is called."""


class RunScope(Middleware):
    """Writes ``delivery.run`` and ``delivery.call``; refuses a payload that does not fit, with the field named."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def before_process_message(self, broker: Any, message: Any) -> None:
        engine: PipelineBroker = broker
        delivery: Delivery = message
        actor = engine.actors.get(delivery.actor_name)
        if not isinstance(actor, Actor):
            return  # a plain Dramatiq actor takes its arguments as they are
        options = delivery.options
        run = Run(
            delivery,
            run_id=delivery.lease.run_id,
            actor=delivery.actor_name,
            queue=delivery.queue_name,
            attempt=delivery.lease.attempt + 1,
            models=Models(*asked) if (asked := options.get("models")) else actor.models or self._models,
            correlation_id=options.get("correlation_id", ""),
            group=options.get("group", ""),
        )
        if tick := options.get("tick"):
            run.tick = datetime.fromisoformat(tick)
        run.trace = of_start(run.id, delivery.lease.fence, options)
        delivery.run = run
        current_run.set(run)
        delivery.call = Call(_payload(engine, actor, delivery), run)
        delivery.args, delivery.kwargs = (delivery.call,), {}

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del broker, message, result, exception
        current_run.set(None)


def _payload(broker: PipelineBroker, actor: Actor[Any, Any], delivery: Delivery) -> Any:
    given = delivery.args[0] if delivery.args else None
    inputs = delivery.options.get("inputs")
    try:
        whole = gather(broker, given, inputs) if inputs else given
        version = delivery.options.get("version", 1)
        return actor.validate(whole if version == actor.version else actor.upgrade(whole, version))
    except InvalidInput as error:
        raise Refused(str(error), field=error.field) from None
