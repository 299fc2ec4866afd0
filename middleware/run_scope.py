"""Opens the run that the other middleware and the actor share, and closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dramatiq.broker import Broker
from dramatiq.middleware import Middleware, MiddlewareError

from pipeline.actor import Actor, Call
from pipeline.engine.delivery import Delivery
from pipeline.errors import InvalidInput
from pipeline.outcome import gather
from pipeline.run import Run, current_run

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker


class Refused(MiddlewareError, InvalidInput):  # type: ignore[misc] # the base is not typed
    """The payload does not fit the actor: the attempt ends before the actor is called."""


class RunScope(Middleware):  # type: ignore[misc] # the base is not typed
    """Writes ``delivery.run`` and ``delivery.call``; refuses a payload that does not fit, with the field named."""

    def __init__(self, models: tuple[str, ...]) -> None:
        self._models = models

    def before_process_message(self, broker: PipelineBroker, message: Delivery) -> None:
        actor = broker.actors.get(message.actor_name)
        if not isinstance(actor, Actor):
            return  # a plain Dramatiq actor takes its arguments as they are
        options = message.options
        run = Run(
            message,
            run_id=message.lease.run_id,
            actor=message.actor_name,
            queue=message.queue_name,
            attempt=message.lease.attempt + 1,
            models=tuple(options.get("models") or actor.models or self._models),
            correlation_id=options.get("correlation_id", ""),
            group=options.get("group", ""),
        )
        message.run = run
        current_run.set(run)
        message.call = Call(_payload(broker, actor, message), run)
        message.args, message.kwargs = (message.call,), {}

    def after_process_message(
        self, broker: Broker, message: Delivery, *, result: object = None, exception: BaseException | None = None
    ) -> None:
        del broker, message, result, exception
        current_run.set(None)


def _payload(broker: PipelineBroker, actor: Actor[Any, Any], message: Delivery) -> Any:
    given = message.args[0] if message.args else None
    inputs = message.options.get("inputs")
    try:
        return actor.validate(gather(broker, given, inputs) if inputs else given)
    except InvalidInput as error:
        raise Refused(str(error), field=error.field) from None
