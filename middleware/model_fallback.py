"""Moves a run along its chain of models when the one it used failed it; neither an attempt nor a failure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dramatiq.middleware import Middleware

from pipeline.chain import OF_A_MODEL, OFFLINE, Place, after_failure
from pipeline.engine.delivery import Delivery
from pipeline.errors import ContextOverflow
from pipeline.llm.catalogue import window
from pipeline.run import Run

#: What is wrong with the account and not with the input: all runs pass that provider over.
_ACCOUNT = frozenset({"auth", "quota", "no such model"})


class ModelFallback(Middleware):
    """Reads ``delivery.kind`` and ``why``; turns them into *moved* or *parked* while the chain has a model left.

    What is wrong with the model's answer moves the run on for good, and is remembered. A model that is limited, or
    behind an open breaker, is passed over for as long as it is: the next attempt asks the first that is free.
    """

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del broker, result
        delivery: Delivery = message
        run = delivery.run
        if exception is None or run is None or len(run.models) == 1 or run.used_model in {"", OFFLINE}:
            return
        if delivery.kind in OF_A_MODEL:
            _move(delivery, run, exception)
        elif _passed_over(delivery):
            waits = run.journal.waits(run.models[run.place.at :])
            if min(waits) <= timedelta(0):
                delivery.kind, delivery.why = "moved", f"{run.used_model}: {delivery.why or delivery.kind}"
            else:
                delivery.kind, delivery.retry_after = "parked", min(waits)


def _move(delivery: Delivery, run: Run, exception: BaseException) -> None:
    assert delivery.kind is not None
    here = run.place if run.models[run.place.at] == run.used_model else Place(at=run.models.index(run.used_model))
    tokens = exception.tokens if isinstance(exception, ContextOverflow) else None
    moved = after_failure(here, run.models, delivery.kind, window=window, tokens=tokens)
    if moved is None:
        delivery.exhausted = True
        return
    run.stand(moved)
    again = moved.at == here.at
    told = f"again after {delivery.kind}" if again else f"{delivery.kind}, now {run.models[moved.at]}"
    delivery.kind, delivery.why = "moved", f"{run.models[here.at]}: {told}"


def _passed_over(delivery: Delivery) -> bool:
    if delivery.kind == "parked":
        return delivery.why.startswith("b:")
    return delivery.kind == "rate_limited" or (delivery.kind == "permanent" and delivery.why in _ACCOUNT)
