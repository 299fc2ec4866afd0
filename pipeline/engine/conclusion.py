"""Turns how an attempt ended into its verdict and its commit: for the middleware, and for the watchdog."""

from __future__ import annotations

import time
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson

from pipeline.actor import Actor
from pipeline.engine.interrupts import PastDeadline
from pipeline.engine.records import Commit
from pipeline.errors import InvalidInput, NeedsReview
from pipeline.redaction import redact
from pipeline.retry import Retry
from pipeline.run import as_ms
from pipeline.verdict import COMPLETED, Verdict, decide

if TYPE_CHECKING:
    from pipeline.engine.delivery import Delivery

#: What is kept of a traceback and of a message.
TRACEBACK_LIMIT = 8_000
MESSAGE_LIMIT = 2_000

#: Kinds that say what a run waits for, and not that anything went wrong.
_NO_FAILURE = frozenset({"interrupted", "cancelled", "snoozed", "parked", "waiting", "review"})


def conclude(
    delivery: Delivery, actor: object, exception: BaseException | None, *, produced: bytes = b"", frames: str = ""
) -> tuple[Verdict, Commit]:
    """Decide by ``delivery.kind`` and the actor's policies what becomes of the run, and give what commits it.

    ``frames`` says where a thread is that has not raised the exception itself.
    """
    lease = delivery.lease
    cost = max(0.0, delivery.cost - 1)  # its start counted as one already
    if delivery.kind is None:
        notes = b""
        if delivery.run is not None and delivery.run.degraded:
            notes = orjson.dumps({"degraded": f"made offline in place of {delivery.run.models[0]}"})
        return COMPLETED, Commit(
            lease.run_id, lease.fence, "completed", result=produced, notes=notes, cost=cost, health=delivery.health
        )
    attempt = lease.attempt + 1
    verdict = _verdict(delivery, actor, exception, attempt)
    notes = b""
    if isinstance(exception, NeedsReview):
        notes = orjson.dumps({"review": redact(orjson.dumps(exception.item).decode())})
    return verdict, Commit(
        lease.run_id,
        lease.fence,
        verdict.state,
        delay_ms=as_ms(verdict.delay),
        result=produced,
        reason=verdict.reason,
        error=b"" if exception is None else _told(exception, delivery, attempt, verdict, frames),
        spends=verdict.spends,
        notes=notes,
        cost=cost,
        health=delivery.health,
    )


def _verdict(delivery: Delivery, actor: object, exception: BaseException | None, attempt: int) -> Verdict:
    if isinstance(exception, PastDeadline) and delivery.kind == "timeout":
        return Verdict("dead", reason="deadline")  # no other attempt would come in time
    if delivery.exhausted:
        return Verdict("dead", reason=f"models_exhausted: {delivery.kind}")
    verdict = decide(
        delivery.kind,
        attempt=attempt,
        retry=actor.retry if isinstance(actor, Actor) else Retry(),
        why=delivery.why,
        snoozes=delivery.lease.snoozes,
        waited=timedelta(milliseconds=delivery.memo.get("waited_ms", 0)),
        wait=delivery.retry_after,
    )
    if delivery.kind == "moved":
        return verdict._replace(reason=f"model: {delivery.why}")
    if delivery.kind in {"review", "waiting"}:
        return verdict._replace(reason=redact(str(exception))[:MESSAGE_LIMIT])
    return verdict


def _told(exception: BaseException, delivery: Delivery, attempt: int, verdict: Verdict, frames: str) -> bytes:
    if delivery.kind in _NO_FAILURE:
        return b""
    frames = frames or "".join(traceback.format_exception(exception))
    return orjson.dumps(
        {
            "attempt": attempt,
            "kind": delivery.kind,
            "why": delivery.why,
            "type": type(exception).__name__,
            "message": redact(str(exception))[:MESSAGE_LIMIT],
            "field": exception.field if isinstance(exception, InvalidInput) else None,
            "traceback": redact(frames)[-TRACEBACK_LIMIT:],
            "at_ms": time.time_ns() // 1_000_000,
            "next": verdict.state,
            "model": delivery.run.used_model or None if delivery.run else None,
        }
    )
