"""For tests of actors: run one here, without Redis and without a worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import orjson

from pipeline import ids
from pipeline.actor import Actor, Call
from pipeline.run import Run

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass
class MemoryJournal:
    """A run's journal in memory: set ``stopping``, ``cancelled`` or ``lost`` to see what the actor does about it."""

    steps: dict[str, bytes] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    stopping: bool = False
    cancelled: bool = False
    lost: bool = False

    def load_steps(self) -> dict[str, bytes]:
        """Give the steps saved so far."""
        return dict(self.steps)

    def confirm(self) -> None:
        """Nobody else can take the run."""

    def save_step(self, name: str, value: bytes) -> None:
        """Remember a finished step."""
        self.steps[name] = value

    def report(self, progress: bytes) -> None:
        """Keep a report."""
        self.reports.append(orjson.loads(progress))


@dataclass(frozen=True)
class InlineRun(Generic[Out]):
    """What came of an actor that was run here."""

    result: Out
    journal: MemoryJournal


def run_inline(
    actor: Actor[In, Out],
    payload: In | None = None,
    *,
    model: str = "offline",
    attempt: int = 1,
    journal: MemoryJournal | None = None,
) -> InlineRun[Out]:
    """Run an actor as a worker would: the payload is checked and goes through JSON, and so does the result.

    Pass the ``journal`` of an earlier call to resume after its finished steps. Raises what the actor raises, and
    ``InvalidInput`` for a payload that does not fit.
    """
    kept = journal or MemoryJournal()
    run = Run(kept, run_id=ids.new(), actor=actor.actor_name, queue=actor.queue_name, attempt=attempt, models=(model,))
    call = Call(actor.validate(orjson.loads(orjson.dumps(actor.encode(payload)))), run)
    actor(call)
    run.flush()
    result: Out = actor.result_shape.validate_json(call.result)
    return InlineRun(result, kept)
