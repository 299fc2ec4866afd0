"""The code of today: a field has another name, an actor is new, one is gone, and one has other steps."""

from __future__ import annotations

import time
from typing import Any

from pydantic import BaseModel

from pipeline import Run, actor
from tests.actors.notes import note
from tests.actors.plain import QUICK


class Bill(BaseModel):
    """Who is to pay, and how much; the field was ``name`` once."""

    customer: str
    amount: int


def renamed(old: dict[str, Any]) -> dict[str, Any]:
    """Give a payload of version 1 its new field."""
    return {"customer": old["name"], "amount": old["amount"]}


@actor(name="test.bill", queue="shop", retry=QUICK, version=2, upgrades={1: renamed})
def bill(request: Bill, run: Run) -> str:
    """Write a bill."""
    return f"{request.customer} owes {run.step(price, request.amount)}"


def price(amount: int) -> int:
    """Say what it costs."""
    note("step", "price")
    return amount


@actor(name="test.parcel", queue="shop", retry=QUICK)
def parcel(seconds: float, run: Run) -> str:
    """Pack, weigh, close and send: a step is new, one has another name."""
    steps = [run.step(pack, seconds), run.step(weigh, seconds), run.step(lock, seconds), run.step(post, seconds)]
    return " ".join(steps)


def pack(seconds: float) -> str:
    """Put things in."""
    return _done("pack", seconds)


def weigh(seconds: float) -> str:
    """Look how heavy it is."""
    return _done("weigh", seconds)


def lock(seconds: float) -> str:
    """Close it."""
    return _done("lock", seconds)


def post(seconds: float) -> str:
    """Send it."""
    return _done("post", seconds)


@actor(name="test.greeting", queue="shop", retry=QUICK)
def greeting(text: str) -> str:
    """Say hello, which is new."""
    return f"hello {text}"


@actor(name="test.letter", queue="shop", retry=QUICK)
def letter(seconds: float, run: Run) -> str:
    """Stamp and send; a stamp is a price now."""
    return f"{run.step(stamp, seconds)} {run.step(drop, seconds)} {run.step(fetch, seconds)}"


def stamp(seconds: float) -> int:
    """Put a stamp on it."""
    _done("stamp", seconds)
    return 85


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
