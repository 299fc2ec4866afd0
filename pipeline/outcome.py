"""Outcome: what became of another node of a flow, good or bad; and how a node's inputs are put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict

from pipeline.errors import Permanent

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker

T = TypeVar("T")


class Outcome(BaseModel, Generic[T]):
    """A result, or the reason why there is none."""

    model_config = ConfigDict(frozen=True)

    state: str
    #: The run it was, if it was a run of its own.
    run: str = ""
    value: T | None = None
    reason: str = ""
    message: str = ""

    @property
    def completed(self) -> bool:
        """Whether there is a result."""
        return self.state == "completed"


def gather(broker: PipelineBroker, given: Any, inputs: dict[str, Any]) -> Any:
    """Put a payload together from what was given and from the results of the runs it names.

    Raises ``Permanent`` when a result that is needed is not there, ``Unavailable`` when Redis does not answer.
    """
    payload = dict(given or {})
    for into, source in inputs.items():
        values = [_value(broker, run_id, outcome=source["outcome"]) for run_id in source["runs"]]
        value = values if source["many"] else values[0]
        if not into:
            return value
        payload[into] = value
    return payload


def _value(broker: PipelineBroker, run_id: str, *, outcome: bool) -> Any:
    [(state, stored, reason, message)] = broker.store.results([run_id])
    value = orjson.loads(broker.values.unpack(stored)) if state == "completed" and stored is not None else None
    if outcome:
        return {"state": state or "removed", "value": value, "reason": reason, "message": message}
    if state != "completed":
        raise Permanent(f"the result of run {run_id} is not there: it is {state or 'removed'}")
    return value
