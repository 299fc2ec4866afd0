"""Actors that work in steps, and write down each one."""

from __future__ import annotations

import time

from pydantic import BaseModel

from pipeline import Run, actor
from tests.actors.notes import note
from tests.actors.plain import QUICK


class Walk(BaseModel):
    """How long each step takes, in seconds; ``start`` is what they count up from."""

    seconds: float = 0
    start: int = 0
    #: Fail this often after the second step.
    stumbles: int = 0


def first(walk: Walk) -> int:
    """Take the first step."""
    return _step("first", walk, walk.start)


def second(walk: Walk, so_far: int) -> int:
    """Take the second step."""
    return _step("second", walk, so_far)


def third(walk: Walk, so_far: int) -> int:
    """Take the third step."""
    return _step("third", walk, so_far)


def lap(number: int, walk: Walk) -> int:
    """Take one of many equal steps."""
    return _step(f"lap[{number}]", walk, number)


@actor(name="test.walk", retry=QUICK)
def walk(request: Walk, run: Run) -> int:
    """Three steps, each one adding one."""
    note("started")
    done = run.step(second, request, run.step(first, request))
    if run.attempt <= request.stumbles:
        raise ConnectionError("stumbled after the second step")
    return run.step(third, request, done)


class Laps(BaseModel):
    """How many equal steps to take, and how."""

    count: int
    walk: Walk = Walk()


@actor(name="test.laps", retry=QUICK)
def laps(request: Laps, run: Run) -> int:
    """Many equal steps, reported one by one."""
    note("started")
    return len(run.each(lap, range(request.count), request.walk))


class Report(BaseModel):
    """How many reports to make, and how far apart."""

    count: int
    pause_s: float = 0


@actor(name="test.reporter", retry=QUICK)
def reporter(request: Report, run: Run) -> int:
    """Report progress far more often than anyone can read."""
    for number in range(request.count):
        run.progress("counting", 100 * (number + 1) / request.count, f"{number + 1}")
        time.sleep(request.pause_s)
    return request.count


def _step(name: str, walk: Walk, so_far: int) -> int:
    note("entered", name)
    time.sleep(walk.seconds)
    note("step", name)
    return so_far + 1
