"""The code of yesterday: what the code of today renames, removes, or takes apart differently."""

from __future__ import annotations

import time

from pydantic import BaseModel

from pipeline import Run, actor
from tests.actors.notes import note
from tests.actors.plain import QUICK


class Bill(BaseModel):
    """Who is to pay, and how much."""

    name: str
    amount: int


@actor(name="test.bill", queue="shop", retry=QUICK)
def bill(request: Bill, run: Run) -> str:
    """Write a bill."""
    return f"{request.name} owes {run.step(price, request.amount)}"


def price(amount: int) -> int:
    """Say what it costs."""
    note("step", "price")
    return amount


@actor(name="test.parcel", queue="shop", retry=QUICK)
def parcel(seconds: float, run: Run) -> str:
    """Pack and send, in three steps."""
    return " ".join([run.step(pack, seconds), run.step(seal, seconds), run.step(post, seconds)])


def pack(seconds: float) -> str:
    """Put things in."""
    return _done("pack", seconds)


def seal(seconds: float) -> str:
    """Close it."""
    return _done("seal", seconds)


def post(seconds: float) -> str:
    """Send it."""
    return _done("post", seconds)


@actor(name="test.telegram", queue="shop", retry=QUICK)
def telegram(text: str, run: Run) -> str:
    """Send what nobody sends any more."""
    time.sleep(0.02)
    return f"{text} stop"


@actor(name="test.letter", queue="shop", retry=QUICK)
def letter(seconds: float, run: Run) -> str:
    """Stamp and send; what a stamp is will be said otherwise."""
    return f"{run.step(stamp, seconds)} {run.step(drop, seconds)} {run.step(fetch, seconds)}"


def stamp(seconds: float) -> str:
    """Put a stamp on it."""
    return _done("stamp", seconds)


def drop(seconds: float) -> str:
    """Put it in the box."""
    return _done("drop", seconds)


def fetch(seconds: float) -> str:
    """Have it taken from the box."""
    return _done("fetch", seconds)


def _done(step: str, seconds: float) -> str:
    note("entered", step)
    time.sleep(seconds)
    note("step", step)
    return f"{step}ed"
