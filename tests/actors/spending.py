"""Actors whose calls of models cost what their payload says; nobody is asked, but everything is metered."""

from __future__ import annotations

import time
from datetime import timedelta

from pydantic import BaseModel

from pipeline import Models, Retry, Run, actor
from pipeline.llm.metering import Used, metered
from tests.actors.asking import SMALL
from tests.actors.notes import note

#: A kill is nobody's fault here.
OFTEN = Retry(attempts=10, base=timedelta(milliseconds=100), cap=timedelta(milliseconds=200), waits=10_000)


class Spending(BaseModel):
    """How many calls to make, what each may take at most, and what it takes."""

    calls: int = 1
    bytes_in: int = 1_600
    most_out: int = 1_000
    tokens_in: int = 400
    tokens_out: int = 200
    seconds: float = 0


@actor(name="test.spend", retry=OFTEN, models=Models(SMALL), limits=[])
def spend(spending: Spending, run: Run) -> int:
    """Make the calls, each as a step; write down what each took when it is over."""
    note("started")
    return sum(run.each(one_call, [spending] * spending.calls, run))


def one_call(spending: Spending, run: Run) -> int:
    """Make one call."""

    def call(used: Used) -> int:
        note("asking")
        time.sleep(spending.seconds)
        used.tokens_in, used.tokens_out = spending.tokens_in, spending.tokens_out
        note("took", str(spending.tokens_in + spending.tokens_out))
        return spending.tokens_out

    return metered(run.model, call, bytes_in=spending.bytes_in, tokens_out=spending.most_out)
