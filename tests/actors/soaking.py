"""An actor that does a little of everything and leaves nothing behind: for the soak."""

from __future__ import annotations

import hashlib
import tempfile
import time

from pydantic import BaseModel

from pipeline import Permanent, Run, Transient, actor
from tests.actors.plain import QUICK, echo

_MEGABYTE = 1024 * 1024


class Sponge(BaseModel):
    """Which of many it is: some fail once, some for good, some have children."""

    number: int


@actor(name="test.soak", retry=QUICK)
def soak(sponge: Sponge, run: Run) -> str:
    """Fill a megabyte of memory and of a file, remember a step, and give back what it came to."""
    if sponge.number % 50 == 1 and run.attempt == 1:
        raise Transient("the first time goes wrong")
    if sponge.number % 200 == 2:
        raise Permanent("this one never goes well")
    filled = run.step(_fill, sponge.number)
    if sponge.number % 100 == 3:
        run.gather(echo, [f"{sponge.number}-{child}" for child in range(3)])
    run.progress("soaked", 100, "")
    return filled


@actor(name="test.breathe", retry=QUICK)
def breathe(seconds: float) -> None:
    """Take its time, and write nothing down about it."""
    time.sleep(seconds)


def _fill(number: int) -> str:
    block = number.to_bytes(8, "big") * (_MEGABYTE // 8)
    with tempfile.NamedTemporaryFile() as file:
        file.write(block)
        file.seek(0)
        return hashlib.sha256(file.read()).hexdigest()


__all__ = ["breathe", "echo", "soak"]
