"""Handles: what a sender holds of the run or the flow it started."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from pipeline.errors import PipelineError
from pipeline.events import Event
from pipeline.inspector import Inspector

if TYPE_CHECKING:
    from pipeline.actor import Actor
    from pipeline.engine.broker import PipelineBroker

Out = TypeVar("Out")


class RunFailed(PipelineError):  # noqa: N818 - says what happened
    """The run ended without a result; ``state`` is dead or cancelled, ``reason`` says why."""

    def __init__(self, run_id: str, state: str, reason: str, errors: list[dict[str, Any]]) -> None:
        last = f": {errors[-1]['message']}" if errors else ""
        super().__init__(f"run {run_id} is {state} ({reason}){last}")
        self.run_id = run_id
        self.state = state
        self.reason = reason
        self.errors = errors


class RunHandle(Generic[Out]):
    """A run that was accepted."""

    def __init__(self, run_id: str, actor: Actor[Any, Out], broker: PipelineBroker) -> None:
        self.id = run_id
        self._actor = actor
        self._broker = broker

    def __repr__(self) -> str:
        return f"<run {self.id} of {self._actor.actor_name}>"

    @property
    def _inspector(self) -> Inspector:
        return Inspector(self._broker.store, self._broker.values)

    def state(self) -> str | None:
        """Give its state, or none once retention has removed it."""
        return self._inspector.state(self.id)

    def result(self, timeout: timedelta | None = None) -> Out:
        """Wait for its result. Raises ``RunFailed`` if it ended without one, ``TimeoutError`` after ``timeout``."""
        state = self._inspector.wait(self.id, timeout)
        if state != "completed":
            shown = self._inspector.show(self.id) or {}
            raise RunFailed(self.id, state, shown.get("reason", ""), shown.get("errors", []))
        return cast("Out", self._actor.result_shape.validate_json(self._inspector.result(self.id) or b"null"))

    def events(self, after: str = "", timeout: timedelta | None = None) -> Iterator[Event]:
        """Give its events as they happen, from the first or from the one after id ``after``, until it ended."""
        return self._inspector.events(self.id, after=after, timeout=timeout)

    def cancel(self) -> str | None:
        """Ask it to stop: 'cancelled', 'asked' if it is running, its final state if it ended, none if unknown."""
        return self._inspector.cancel(self.id)
