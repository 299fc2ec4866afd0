"""Actors that do not look up by themselves: they compute, wait or block, and are stopped from outside."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
import time
from datetime import timedelta
from typing import cast

from pydantic import BaseModel

from pipeline import LeaseLost, Run, actor
from pipeline.engine.delivery import Delivery
from pipeline.llm import loop
from tests.actors.notes import note
from tests.actors.plain import QUICK

#: The limit of those that are meant to meet it.
LIMIT = timedelta(seconds=1)


class Block(BaseModel):
    """How to block, and for how long; ``attempts`` after the first end at once."""

    how: str = "call"
    seconds: float = 60


@actor(name="test.compute", retry=QUICK)
def compute(seconds: float, run: Run) -> str:
    """Keep the interpreter busy in one long step, without a look at anything."""
    run.step(count_up, seconds)
    note("effect")
    return "done"


def count_up(seconds: float) -> int:
    """Count in Python."""
    note("started")
    return _count(seconds)


@actor(name="test.shrug", retry=QUICK)
def shrug(seconds: float, run: Run) -> str:
    """Catch whatever comes in the first step, and go on to the next one."""
    note("started")
    try:
        _count(seconds)
    except Exception:  # noqa: BLE001 - what this actor is about
        note("shrugged")
    run.step(count_up, 0)
    note("effect")
    return "done"


@actor(name="test.dream", retry=QUICK)
async def dream(seconds: float, run: Run) -> str:
    """Wait in a coroutine, and tidy up when it ends."""
    note("started")
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.sleep(0.2)
        note("tidied")
    note("effect")
    return "done"


@actor(name="test.ask", retry=QUICK)
def ask(seconds: float, run: Run) -> str:
    """Wait for a model that does not answer."""
    note("started")
    loop.current().run(asyncio.sleep(seconds), timeout=timedelta(seconds=2 * seconds))
    note("effect")
    return "done"


@actor(name="test.block", retry=QUICK, timeout=LIMIT)
def block(request: Block, run: Run) -> str:
    """Block in C once, past every limit; the next attempt ends at once."""
    note("started")
    if run.attempt == 1:
        _BLOCKS[request.how](request.seconds)
        note("effect")
    return f"attempt {run.attempt}"


@actor(name="test.linger", retry=QUICK)
def linger(seconds: float, run: Run) -> str:
    """Block in C with no limit in sight."""
    note("started")
    time.sleep(seconds)
    note("effect")
    return "done"


@actor(name="test.overrun", retry=QUICK, timeout=LIMIT)
def overrun(seconds: float, run: Run) -> str:
    """Take longer than its limit in Python, after a step that is remembered."""
    note("started")
    run.step(count_up, 0)
    if run.attempt == 1:
        _count(seconds)
    return f"attempt {run.attempt}"


@actor(name="test.defy", retry=QUICK, timeout=LIMIT)
def defy(seconds: float, run: Run) -> str:
    """Block past the limit, ignore what is raised then, and write for a run that is another's by now."""
    note("started")
    if run.attempt > 1:
        return "in order"
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            time.sleep(until - time.monotonic())
        except BaseException:  # noqa: BLE001 - what this actor is about
            continue
    note("woke")
    try:
        cast("Delivery", run.journal).save_step("late", b"1")
    except LeaseLost:
        note("refused")
    return "too late"


def _count(seconds: float) -> int:
    counted, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        counted += 1
    return counted


def _hash(seconds: float) -> None:
    # One call that lets the other threads run and looks up only when it is done.
    begun = time.monotonic()
    hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 100_000)
    hashlib.pbkdf2_hmac("sha256", b"word", b"salt", int(100_000 * seconds / (time.monotonic() - begun)))


def _listen(seconds: float) -> None:
    # A read without a timeout from a peer that says nothing for a while.
    near, far = socket.socketpair()
    threading.Timer(seconds, far.close).start()
    near.recv(1)


_BLOCKS = {"call": time.sleep, "hash": _hash, "socket": _listen}
