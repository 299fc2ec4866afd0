"""Metering: a call of a model asks its breakers, limits and budgets first, and settles with them afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_UP, Decimal
from typing import TypeVar

from pipeline.errors import BudgetExceeded, Failure, LeaseLost, Parked, RateLimited
from pipeline.health import DOWN, Health, health_of
from pipeline.journal import Billed, Refusal
from pipeline.llm.catalogue import price
from pipeline.llm.telling import calling, taken, tell
from pipeline.run import Run, current_run

T = TypeVar("T")

#: A refusal that is over sooner is waited for here, with the thread; a longer one parks the run.
SHORT = timedelta(seconds=1)

#: For how long all runs pass over a provider whose key or account fails, and a model that is limited and does not say
#: for how long.
BROKEN = timedelta(minutes=5)
LIMITED = timedelta(seconds=5)

#: Failures in which the provider answered nothing, and so billed nothing.
_UNBILLED = frozenset({"rate_limited", "permanent", "context_overflow"})


@dataclass(slots=True)
class Used:
    """What a call took so far, by what the provider said; filled in while the call goes on."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    #: US dollars, if the provider or the price list says so.
    price: Decimal | None = None


def metered(model: str, call: Callable[[Used], T], *, bytes_in: int, tokens_out: int) -> T:
    """Make a call within the limits and budgets in force, and tell the breakers how it went.

    Outside of a run nothing is asked. ``bytes_in`` is what is sent, ``tokens_out`` the most that can come back:
    together they are the most the call can cost, which is reserved before and corrected after it.
    Raises ``Parked`` when the run has to wait, ``BudgetExceeded`` when it has to stop, and what the call raises.
    """
    run = current_run.get()
    if run is None:
        return call(Used())
    tokens_in = bytes_in // 2 + 200  # more than any tokenizer makes of a text
    most = price(model, tokens_in, tokens_out)
    micros = None if most is None else _micros(most)
    reserved = _reserve(run, model, tokens_in + tokens_out, micros)
    used, started, failure = Used(), time.monotonic(), None
    try:
        with calling(model, tokens_out) as span:
            try:
                return call(used)
            finally:
                span.note(taken(used.tokens_in, used.tokens_out, used.tokens_cached))
    except BaseException as error:
        failure = error
        raise
    finally:
        seconds = time.monotonic() - started
        health, wait = _health(failure)
        if failure is not None and not used.tokens_out and _may_be_billed(failure):
            used.tokens_in, used.tokens_out = max(used.tokens_in, bytes_in // 4), tokens_out
        cost = used.price if used.price is not None else price(model, used.tokens_in, used.tokens_out)
        billed = Billed(
            model=model,
            asked=run.models[0],
            reason=_why_this(run, model),
            outcome="ok" if failure is None else getattr(failure, "why", "") or type(failure).__name__,
            tokens_in=used.tokens_in,
            tokens_out=used.tokens_out,
            tokens_cached=used.tokens_cached,
            micros=0 if cost is None else _micros(cost),
            seconds=round(seconds, 3),
        )
        tell(billed)
        run.journal.settle(reserved, billed, health, wait)


def _reserve(run: Run, model: str, tokens: int, micros: int | None) -> str:
    while True:
        answer = run.journal.reserve(model, tokens, micros)
        if not isinstance(answer, Refusal):
            return answer
        run.check_cancelled()
        told = f"{model}: {answer.gate}"
        if answer.then == "stop":
            kind, _, budget = answer.gate.partition(":")
            if kind == "u":
                raise BudgetExceeded(f"{model}: its price is not known, and the budget {budget} is of money")
            raise BudgetExceeded(f"{model}: the budget {budget} does not allow this call")
        if answer.wait > SHORT or run.journal.stopping:
            parked = Parked(answer.wait, told)
            parked.why = answer.gate
            raise parked
        time.sleep(answer.wait.total_seconds())


def _why_this(run: Run, model: str) -> str:
    """Give why this model is used and not the first of the chain; nothing if it is the first."""
    if model == run.models[0]:
        return ""
    moves = run.place.moves
    return moves[-1].reason if moves and moves[-1].to == model else "the models before it cannot be asked"


def _health(error: BaseException | None) -> tuple[Health, timedelta]:
    if isinstance(error, RateLimited):
        return "limited", error.retry_after or LIMITED
    if error is not None and not isinstance(error, Failure):
        return "none", timedelta(0)
    health = health_of(None if error is None else error.kind, getattr(error, "why", ""))
    return health, BROKEN if health == "broken" else timedelta(0)


def _may_be_billed(error: BaseException) -> bool:
    status = getattr(error, "status", None)
    kind = getattr(error, "kind", None)
    return (
        status is None
        and kind not in _UNBILLED
        and getattr(error, "why", "") not in DOWN
        and not isinstance(error, LeaseLost)
    )


def _micros(dollars: Decimal) -> int:
    return int((dollars * 1_000_000).to_integral_value(rounding=ROUND_UP))
