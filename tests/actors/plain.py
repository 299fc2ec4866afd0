"""Actors that do one thing: answer, fail, wait, ask to wait."""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import timedelta

from pydantic import BaseModel

from pipeline import Cancelled, LeaseLost, Permanent, Retry, Run, Snooze, Transient, actor
from tests.actors.notes import note
from tests.support import ledger

#: Fast retries, so that a test need not wait for the real ones.
QUICK = Retry(attempts=3, base=timedelta(milliseconds=200), cap=timedelta(seconds=1))


class Nap(BaseModel):
    """How long to take, in seconds; ``tag`` comes back."""

    seconds: float = 0
    tag: str = ""


class Trouble(BaseModel):
    """How often to fail before it goes well, and what to say."""

    times: int = 1
    saying: str = "no luck"


@actor(name="test.echo", retry=QUICK)
def echo(text: str) -> str:
    """Give back what was given."""
    note("effect")
    return text


@actor(name="test.nap", retry=QUICK)
def nap(request: Nap, run: Run) -> str:
    """Take its time, in one piece."""
    note("started")
    time.sleep(request.seconds)
    note("effect")
    return request.tag


@actor(name="test.stumble", retry=QUICK)
def stumble(trouble: Trouble, run: Run) -> int:
    """Fail for a while, then succeed, and say which attempt that was."""
    note("started")
    if run.attempt <= trouble.times:
        raise Transient(trouble.saying)
    note("effect")
    return run.attempt


@actor(name="test.refuse", retry=QUICK)
def refuse(trouble: Trouble, run: Run) -> None:
    """Fail in a way that no other attempt can mend."""
    note("started")
    raise Permanent(trouble.saying)


@actor(name="test.doze", retry=QUICK)
def doze(times: int, run: Run) -> int:
    """Ask to wait a few times before it answers."""
    note("started")
    if len(ledger.here().entries(what="started", run=run.id)) <= times:
        raise Snooze(timedelta(milliseconds=100))
    return run.attempt


@actor(name="test.poison", retry=QUICK)
def poison(after: float, run: Run) -> None:
    """Kill the process that runs it, as a crashing C library or the OOM killer does."""
    note("started")
    time.sleep(after)
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()  # the signal is on its way: nothing may follow


@actor(name="test.spin", retry=QUICK)
def spin(seconds: float, run: Run) -> str:
    """Work in one long step that looks up now and then."""
    note("started")
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            run.check_cancelled()
            time.sleep(0.02)
    except (Cancelled, LeaseLost):
        note("heeded")
        raise
    return "done"


@actor(name="test.hog", retry=QUICK)
def hog(seconds: float, run: Run) -> str:
    """Keep every other thread of its process from running, as a call into C does that never lets go."""
    note("started")
    per_second = _pace()
    sum(range(int(per_second * seconds)))
    note("effect")
    return "done"


def _pace() -> float:
    begun = time.perf_counter()
    sum(range(3_000_000))
    return 3_000_000 / (time.perf_counter() - begun)
