"""A limit for every attempt, and the way by which a cancelled run's actor is reached."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from dramatiq.middleware import Middleware

from pipeline.actor import Actor
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.delivery import Delivery
from pipeline.engine.interrupts import PastDeadline
from pipeline.errors import InvalidInput

#: A limit that never comes.
_LONGEST_MS = 10**12


class Timeout(Middleware):
    """Guards the actor: the watchdog raises in its thread when its time is up or its run was cancelled.

    Reads the actor's limit and ``delivery.deadline_left``. An async actor is cancelled; Python code gets the exception
    at its next instruction; a call that blocks in C gets it when it returns, and costs its process if that takes longer
    than the watchdog's grace.
    """

    def __init__(self, limit: timedelta) -> None:
        self._default = limit

    @property
    def actor_options(self) -> set[str]:
        """The options of a plain Dramatiq actor that are read here."""
        return {"time_limit"}

    def before_process_message(self, broker: Any, message: Any) -> None:
        engine: PipelineBroker = broker
        delivery: Delivery = message
        actor = engine.actors.get(delivery.actor_name)
        limit, late = limit_of(delivery, actor, self._default), False
        left = _deadline_left(delivery) if delivery.lease.memo else None
        if left is not None:
            if left <= timedelta(0):
                raise PastDeadline(f"run {delivery.lease.run_id} has not begun by its deadline")
            limit, late = min(limit, left), left < limit
        guard = delivery.guard = engine.attempts.watchdog.guard(delivery, limit, deadline=late)
        if delivery.call is not None:
            delivery.call.guard = guard  # opened by the actor itself: nothing lands outside of it
        else:
            guard.__enter__()  # a plain Dramatiq actor has no place of its own for it

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del broker, result, exception
        delivery: Delivery = message
        if delivery.guard is not None and not delivery.guard.closed:
            delivery.guard.close()


def limit_of(delivery: Delivery, actor: object, default: timedelta) -> timedelta:
    """Give how long the attempt may take, its run's deadline aside: what the message says, or the actor.

    Raises ``InvalidInput`` for a message that says it wrongly.
    """
    if delivery.options and (asked := delivery.options.get("time_limit")) is not None:
        if isinstance(asked, bool) or not isinstance(asked, int | float) or asked <= 0:
            raise InvalidInput(f"time_limit={asked!r}: must be milliseconds", field="time_limit")
        return timedelta(milliseconds=min(asked, _LONGEST_MS))
    if isinstance(actor, Actor):
        limit = actor.timeout or default
        return actor.retry.limit(limit, delivery.memo.get("timeouts", 0)) if delivery.lease.memo else limit
    milliseconds = getattr(actor, "options", {}).get("time_limit")
    if milliseconds is None:
        return default
    return timedelta.max if milliseconds == float("inf") else timedelta(milliseconds=milliseconds)


def _deadline_left(delivery: Delivery) -> timedelta | None:
    # It was so much when the run was claimed; a run that was claimed ahead has waited since.
    left = delivery.deadline_left
    return None if left is None else left - timedelta(seconds=time.monotonic() - delivery.claimed_at)
