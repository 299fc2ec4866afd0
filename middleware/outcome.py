"""Decides the verdict of an attempt: the only middleware that does."""

from __future__ import annotations

import time
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
from dramatiq.broker import Broker
from dramatiq.middleware import Middleware

from pipeline.actor import Actor
from pipeline.engine.delivery import Delivery
from pipeline.engine.store import Commit
from pipeline.errors import InvalidInput, LeaseLost, RateLimited, Snooze
from pipeline.logs import redact
from pipeline.retry import Retry
from pipeline.run import as_ms
from pipeline.verdict import Verdict, decide

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker

#: What is kept of a traceback and of a message.
TRACEBACK_LIMIT = 8_000
MESSAGE_LIMIT = 2_000


class Outcome(Middleware):  # type: ignore[misc] # the base is not typed
    """Reads ``delivery.kind`` and the actor's policies; writes ``delivery.verdict`` and what ``ack`` is to commit."""

    def after_process_message(
        self, broker: PipelineBroker, message: Delivery, *, result: object = None, exception: BaseException | None = None
    ) -> None:
        del result
        if message.lost or isinstance(exception, LeaseLost):
            return  # another worker owns the run: there is nothing to decide here
        actor = broker.actors.get(message.actor_name)
        retry = actor.retry if isinstance(actor, Actor) else Retry()
        attempt = message.lease.attempt + 1
        verdict = decide(
            message.kind,  # type: ignore[arg-type] # a plain string on the delivery
            attempt=attempt,
            retry=retry,
            snoozes=message.lease.snoozes,
            wait=_asked_wait(exception),
        )
        message.verdict = verdict
        message.commit = Commit(
            message.lease.run_id,
            message.lease.fence,
            verdict.state,
            delay_ms=as_ms(verdict.delay),
            result=self._result(broker, message) if verdict.state == "completed" else b"",
            reason=verdict.reason,
            error=b"" if exception is None else _told(exception, message, attempt, verdict),
            spends=verdict.spends,
        )

    @staticmethod
    def _result(broker: PipelineBroker, message: Delivery) -> bytes:
        return broker.values.pack(message.call.result) if message.call is not None else b"null"


def _asked_wait(exception: BaseException | None) -> timedelta | None:
    if isinstance(exception, RateLimited):
        return exception.retry_after
    if isinstance(exception, Snooze):
        return exception.delay
    return None


def _told(exception: BaseException, message: Delivery, attempt: int, verdict: Verdict) -> bytes:
    if message.kind in {"interrupted", "cancelled", "snoozed"}:
        return b""
    frames = "".join(traceback.format_exception(exception))
    return orjson.dumps(
        {
            "attempt": attempt,
            "kind": message.kind,
            "type": type(exception).__name__,
            "message": redact(str(exception))[:MESSAGE_LIMIT],
            "field": exception.field if isinstance(exception, InvalidInput) else None,
            "traceback": redact(frames)[-TRACEBACK_LIMIT:],
            "at_ms": time.time_ns() // 1_000_000,
            "next": verdict.state,
            "model": message.run.model if message.run else None,
        }
    )
