"""An actor that starts many runs and waits for them, and the actor of those."""

from __future__ import annotations

import time
from datetime import timedelta

from pydantic import BaseModel

from pipeline import Cancelled, Permanent, Retry, Run, actor
from tests.actors.notes import note

#: A kill is nobody's fault here.
OFTEN = Retry(attempts=10, base=timedelta(milliseconds=100), cap=timedelta(milliseconds=200))


class Chunk(BaseModel):
    """One of many: how long it takes, and whether it fails for good."""

    number: int
    seconds: float = 0
    fails: bool = False


class Fan(BaseModel):
    """How many runs to start; every ``fails_every``-th fails."""

    count: int
    seconds: float = 0
    fails_every: int = 0


class Joined(BaseModel):
    """What came of them."""

    total: int
    numbers_sum: int
    missing: list[int]


@actor(name="test.chunk", retry=OFTEN)
def chunk(one: Chunk, run: Run) -> int:
    """Do one of many."""
    note("started")
    until = time.monotonic() + one.seconds
    try:
        while time.monotonic() < until:
            run.check_cancelled()
            time.sleep(min(0.02, one.seconds))
    except Cancelled:
        note("heeded")
        raise
    if one.fails:
        raise Permanent(f"chunk {one.number} cannot be read")
    note("effect")
    return one.number


@actor(name="test.fan", retry=OFTEN)
def fan(request: Fan, run: Run) -> Joined:
    """Start them all, wait, and put together what there is."""
    note("started")
    every = request.fails_every
    chunks = [
        Chunk(number=n, seconds=request.seconds, fails=every > 0 and n % every == every - 1)
        for n in range(request.count)
    ]
    outcomes = run.gather(chunk, chunks)
    return run.step(join, [outcome.value if outcome.value is not None else -1 for outcome in outcomes])


@actor(name="test.fan_out_twice", retry=OFTEN)
def fan_out_twice(request: Fan, run: Run) -> int:
    """Start runs that start runs."""
    note("started")
    return len(run.gather(fan, [request] * 2))


def join(numbers: list[int]) -> Joined:
    """Put them together, once."""
    note("effect", "join")
    missing = [position for position, number in enumerate(numbers) if number < 0]
    return Joined(total=len(numbers), numbers_sum=sum(n for n in numbers if n >= 0), missing=missing)
