"""Actors that send something outside, and actors whose drafts are graded; the ledger is the outside world."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel

from pipeline import Grade, Retry, Run, Transient, actor
from tests.actors.plain import QUICK
from tests.support import ledger

#: What a worker that is killed at random may cost a run, and no more.
PATIENT = Retry(attempts=5, base=QUICK.base, cap=QUICK.cap)


class Mail(BaseModel):
    """A message to send; ``knows`` is what the other side can do about one that was sent twice."""

    to: str
    knows: Literal["lookup", "key", "nothing"] = "nothing"
    #: Where the worker dies, the first time: before the other side did it, or after.
    dies: Literal["", "before", "after"] = ""
    #: What goes wrong, the first time: an answer that never comes, though the other side did it.
    times_out: bool = False
    seconds: float = 0
    #: How long the answer takes, after the other side did it.
    lingers: float = 0


class Receipt(BaseModel):
    """What the other side gives back."""

    number: str


@actor(name="test.mail", retry=PATIENT)
def mail(letter: Mail, run: Run) -> str:
    """Send one message, once."""
    lookup: dict[str, Callable[[str], Receipt | None]] = {"lookup": find}
    receipt = run.effect(
        deliver, letter, run.id, key="mail", lookup=lookup.get(letter.knows), idempotent=letter.knows == "key"
    )
    return receipt.number


@actor(name="test.hasty_mail", retry=PATIENT, timeout=timedelta(seconds=1))
def hasty_mail(letter: Mail, run: Run) -> str:
    """Send one message, once, and in a second."""
    return run.effect(deliver, letter, run.id, key="mail").number


def deliver(letter: Mail, run_id: str, *, idempotency_key: str) -> Receipt:
    """Be the other side: it recognises a key if it knows keys, and does everything else as often as it is told."""
    world = ledger.here()
    first = not world.entries(what="called", run=run_id)
    world.record("called", run_id, key=idempotency_key)
    time.sleep(letter.seconds)
    if letter.dies == "before" and first:
        _die()
    if letter.knows != "key" or find(idempotency_key, run_id) is None:
        world.record("mailed", run_id, key=idempotency_key)
    until = time.monotonic() + letter.lingers
    while time.monotonic() < until:
        time.sleep(0.02)
    if letter.dies == "after" and first:
        _die()
    if letter.times_out and first:
        raise TimeoutError("no answer")
    return Receipt(number=idempotency_key)


def find(key: str, run_id: str | None = None) -> Receipt | None:
    """Be the other side when it is asked what became of a call."""
    known = ledger.here().entries(what="mailed", run=run_id)
    return Receipt(number=key) if any(entry.key == key for entry in known) else None


class Essay(BaseModel):
    """What to write about, and how good the first drafts are; the last one's worth is that of all others too."""

    topic: str
    worths: list[float] = [0.5]
    stumbles: int = 0


class Draft(BaseModel):
    """A draft."""

    text: str
    worth: float = 0.0


@actor(name="test.essay", retry=QUICK)
def essay(wanted: Essay, run: Run) -> str:
    """Write until it is good enough, or a person says so."""
    draft = run.gate(write, wanted, run, check=appraise)
    if run.attempt <= wanted.stumbles:
        raise Transient("stumbled after the gate")
    return f"{draft.text} ({run.attempt})"


def write(wanted: Essay, run: Run) -> Draft:
    """Write the next draft; what comes back is worth what the essay says."""
    number = len(ledger.here().entries(what="draft", run=run.id))
    ledger.record("draft", run.id, step=run.model, key=run.feedback)
    return Draft(text=f"{wanted.topic} by {run.model}", worth=wanted.worths[min(number, len(wanted.worths) - 1)])


def appraise(draft: Draft) -> Grade:
    """Grade a draft by what it is worth."""
    return Grade(draft.worth, feedback=f"worth {draft.worth}")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()  # the signal is on its way: nothing may follow
