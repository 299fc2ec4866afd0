"""How an actor of the cast writes down what it does, in the ledger that no engine can undo."""

from __future__ import annotations

from typing import cast

from pipeline import Run, current_run
from pipeline.engine.delivery import Delivery
from tests.support import ledger


def present() -> Run:
    """Give the run this thread works on."""
    run = current_run.get()
    assert run is not None, "only an actor, or a step of one, takes notes"
    return run


def fence_of(run: Run) -> int:
    """Give the token of the lease a run works under; actors have no use for it, their examiners do."""
    return cast("Delivery", run.journal).lease.fence


def note(what: str, step: str = "") -> None:
    """Write that this happened in the present run; an effect's key is the same in every attempt."""
    run = present()
    key = f"{run.id}/{step}" if what in {"effect", "tried"} else ""
    ledger.record(what, run.id, step=step, attempt=run.attempt, fence=fence_of(run), key=key)
