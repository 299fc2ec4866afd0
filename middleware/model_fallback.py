"""Moves a run along its chain of models when the one it used failed it; neither an attempt nor a failure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dramatiq.middleware import Middleware

from pipeline import metrics
from pipeline.chain import OF_A_MODEL, OFFLINE, after_failure, move_on
from pipeline.engine.delivery import Delivery
from pipeline.errors import ContextOverflow, Kind
from pipeline.health import ACCOUNT
from pipeline.llm.catalogue import window
from pipeline.run import Run

#: What a provider says of a name that it does not know: another model is another name.
_UNKNOWN = "no such model"

#: Kinds of failure that a model which is out of order raises as well as one that is not.
_PASSING: frozenset[Kind] = frozenset({"transient", "timeout"})


class ModelFallback(Middleware):
    """Reads ``delivery.kind`` and ``why``; turns them into *moved* or *parked* where another model, or waiting, helps.

    What is wrong with the model's answer moves the run on for good, and is remembered. A model that is limited for
    long, behind an open breaker, or has no account is passed over for as long as it is: the next attempt asks the first
    that is free, and waits for the earliest if none is.
    """

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del broker, result
        delivery: Delivery = message
        run = delivery.run
        if exception is None or run is None or run.used_model in {"", OFFLINE}:
            return
        if delivery.kind in OF_A_MODEL or delivery.why == _UNKNOWN:
            if len(run.models) > 1:
                _move(delivery, run, exception)
        elif (
            delivery.kind in _PASSING
            or delivery.kind == "rate_limited"
            or (delivery.kind == "parked" and delivery.why.startswith("b:"))
            # One that stands alone is not waited for: whoever set the key is owed the answer at once.
            or (delivery.kind == "permanent" and delivery.why in ACCOUNT and len(run.models) > 1)
        ):
            _pass_over(delivery, run)


def _move(delivery: Delivery, run: Run, exception: BaseException) -> None:
    assert delivery.kind is not None
    here = run.here
    tokens = exception.tokens if isinstance(exception, ContextOverflow) else None
    if delivery.why == _UNKNOWN:
        moved = move_on(here, run.models, _UNKNOWN)
    else:
        moved = after_failure(here, run.models, delivery.kind, window=window, tokens=tokens)
    if moved is None:
        delivery.exhausted = True
        return
    run.stand(moved)
    again = moved.at == here.at
    if not again:
        metrics.moved(run.models[here.at], run.models[moved.at], delivery.kind)
    told = f"again after {delivery.kind}" if again else f"{moved.moves[-1].reason}, now {run.models[moved.at]}"
    delivery.kind, delivery.why = "moved", f"{run.models[here.at]}: {told}"


def _pass_over(delivery: Delivery, run: Run) -> None:
    left = run.models[run.place.at :]
    if len(left) == 1 and delivery.kind == "parked":
        return  # it says itself for how long
    waits = run.journal.waits(left)
    here = waits[left.index(run.used_model)]
    if delivery.kind == "rate_limited" and (here <= run.models.wait or len(left) == 1):
        delivery.retry_after = here or delivery.retry_after
    elif here <= timedelta(0) and delivery.kind != "parked":
        return  # it is there for the others: what failed is this one call
    elif min(waits) <= timedelta(0):
        metrics.moved(run.used_model, left[waits.index(min(waits))], delivery.kind or "")
        delivery.kind, delivery.why = "moved", f"{run.used_model}: {delivery.why or delivery.kind}"
    else:
        delivery.kind, delivery.retry_after = "parked", min(waits)
