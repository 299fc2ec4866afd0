"""Run an actor here, without Redis and without a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from pipeline.actor import Actor
from pipeline.call import Call
from pipeline.classification import classify
from pipeline.declaration import DECLARED
from pipeline.errors import Failure, Moved, Waiting
from pipeline.models import Models
from pipeline.run import Run, current_run
from pipeline.testing.journal import MemoryJournal

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)
class InlineRun(Generic[Out]):
    """What came of an actor that was run here."""

    result: Out
    journal: MemoryJournal


def run_inline(
    actor: Actor[In, Out],
    payload: In | None = None,
    *,
    model: str | Sequence[str] = "offline",
    attempt: int = 1,
    journal: MemoryJournal | None = None,
    children: bool = True,
) -> InlineRun[Out]:
    """Run an attempt of an actor as a worker would: payload and result are checked and go through JSON.

    Several models are a chain. The ``children`` that it gathers are run here too, one after another, an attempt each;
    without, it ends in ``Waiting`` until ``journal`` says what became of them. Pass the journal of an earlier call to
    resume after its finished steps. Raises what the actor raises, and ``InvalidInput`` for a payload that does not fit.
    """
    kept = journal or MemoryJournal()
    models = Models(*([model] if isinstance(model, str) else model))
    told = actor.encode(payload)
    while True:
        run = Run(
            kept, run_id=kept.run_id, actor=actor.actor_name, queue=actor.queue_name, attempt=attempt, models=models
        )
        try:
            return InlineRun(attempt_here(actor, told, run), kept)
        except Moved:
            continue  # its place in the chain is remembered: it starts over with the model it moved to
        except Waiting:
            waiting = [one for one in kept.children if one not in kept.ends]
            if not (children and waiting):
                raise
            for child in waiting:
                _run_child(kept, child, models)


def attempt_here(actor: Actor[Any, Out], payload: Any, run: Run) -> Out:
    """Run one attempt of a run; its payload as JSON values, its result as its type. Raises what the actor raises."""
    call = Call(actor.validate(orjson.loads(orjson.dumps(payload))), run)
    before = current_run.set(run)
    try:
        actor(call)
    finally:
        current_run.reset(before)
    run.flush()
    result: Out = actor.result_shape.validate_json(call.result)
    return result


def _run_child(parent: MemoryJournal, run_id: str, models: Models) -> None:
    child = parent.children[run_id]
    actor = DECLARED[child.actor]
    args = orjson.loads(child.message)["args"]
    try:
        payload = actor.validate(args[0] if args else None)
        done = run_inline(actor, payload, model=models, journal=MemoryJournal(clock=parent.clock))
    except Exception as error:  # noqa: BLE001 - as a worker does: whatever it is, it has a kind
        found = classify(error, getattr(actor, "rules", ()))
        message = str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {error}"
        parent.fail(run_id, reason=found.kind, message=message)
    else:
        parent.ends[run_id] = ("completed", actor.result_shape.dump_json(done.result), "", "")
