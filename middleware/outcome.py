"""Decides the verdict of an attempt: the only middleware that does."""

from __future__ import annotations

import time
import traceback
from datetime import timedelta
from typing import Any

import orjson
from dramatiq.middleware import Middleware

from pipeline.actor import Actor
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.delivery import Delivery
from pipeline.engine.records import Commit
from pipeline.errors import InvalidInput, LeaseLost, PipelineError, RateLimited, Snooze, Transient, classify
from pipeline.logs import redact
from pipeline.retry import Retry
from pipeline.run import as_ms
from pipeline.verdict import Verdict, decide

#: What is kept of a traceback and of a message.
TRACEBACK_LIMIT = 8_000
MESSAGE_LIMIT = 2_000


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
                delivery.kind, exception = classify(error), error
        actor = engine.actors.get(delivery.actor_name)
        attempt = delivery.lease.attempt + 1
        verdict = decide(
            delivery.kind,
            attempt=attempt,
            retry=actor.retry if isinstance(actor, Actor) else Retry(),
            snoozes=delivery.lease.snoozes,
            wait=_asked_wait(exception),
        )
        delivery.verdict = verdict
        delivery.commit = Commit(
            delivery.lease.run_id,
            delivery.lease.fence,
            verdict.state,
            delay_ms=as_ms(verdict.delay),
            result=produced,
            reason=verdict.reason,
            error=b"" if exception is None else _told(exception, delivery, attempt, verdict),
            spends=verdict.spends,
        )


def _asked_wait(exception: BaseException | None) -> timedelta | None:
    if isinstance(exception, RateLimited | Transient):
        return exception.retry_after
    if isinstance(exception, Snooze):
        return exception.delay
    return None


def _told(exception: BaseException, delivery: Delivery, attempt: int, verdict: Verdict) -> bytes:
    if delivery.kind in {"interrupted", "cancelled", "snoozed"}:
        return b""
    frames = "".join(traceback.format_exception(exception))
    return orjson.dumps(
        {
            "attempt": attempt,
            "kind": delivery.kind,
            "type": type(exception).__name__,
            "message": redact(str(exception))[:MESSAGE_LIMIT],
            "field": exception.field if isinstance(exception, InvalidInput) else None,
            "traceback": redact(frames)[-TRACEBACK_LIMIT:],
            "at_ms": time.time_ns() // 1_000_000,
            "next": verdict.state,
            "model": delivery.run.model if delivery.run else None,
        }
    )
