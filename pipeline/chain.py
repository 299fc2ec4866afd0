"""Chain: where a run stands in its chain of models, and why it moved there; kept as a checkpoint of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from pipeline.errors import Kind, Parked
from pipeline.models import Models

#: Under this name a run remembers its place; no function can have it.
CHECKPOINT = "~model"

#: Kinds of failure that are a model's own: another one may do better.
OF_A_MODEL: frozenset[Kind] = frozenset({"quality", "content", "context_overflow"})

#: What the last model of a chain may be: it asks nobody, so it is always there.
OFFLINE = "offline"


class Move(BaseModel):
    """One step along a chain."""

    model_config = ConfigDict(frozen=True)

    model: str
    to: str
    reason: str


class Place(BaseModel):
    """Where a run stands: the models before ``at`` are done with, ``bad`` answers came from the one there."""

    model_config = ConfigDict(frozen=True)

    at: int = 0
    bad: int = 0
    moves: tuple[Move, ...] = ()


def move_on(place: Place, models: Sequence[str], reason: str, *, to: int | None = None) -> Place | None:
    """Give the place one model further, or at number ``to``; none at the end of the chain."""
    at = place.at + 1 if to is None else to
    if at >= len(models):
        return None
    return Place(at=at, moves=(*place.moves, Move(model=models[place.at], to=models[at], reason=reason)))


def after_failure(
    place: Place,
    models: Models,
    kind: Kind,
    *,
    window: Callable[[str], int | None] = lambda _: None,
    tokens: int | None = None,
) -> Place | None:
    """Give the place after an attempt failed with a kind that is the model's own; none if no model is left.

    A bad answer moves on after ``models.tries`` of them. What does not fit moves at once to the first model whose
    ``window`` holds ``tokens``; a window that is not known may.
    """
    if kind == "quality" and place.bad + 1 < models.tries:
        return place.model_copy(update={"bad": place.bad + 1})
    if kind == "context_overflow":
        here = window(models[place.at])
        for at in range(place.at + 1, len(models)):
            room = None if models[at] == OFFLINE else window(models[at])
            if room is None or room > max(tokens or 0, here or 0):
                return move_on(place, models, kind, to=at)
        return None
    return move_on(place, models, kind)


def choose(place: Place, models: Sequence[str], waits: Sequence[timedelta]) -> int:
    """Give the number of the first model from ``place`` on that needs no wait; ``waits`` has one for each of them.

    Raises ``Parked`` with the shortest wait when all are away.
    """
    for number, wait in enumerate(waits):
        if wait <= timedelta(0):
            return place.at + number
    shortest = min(waits)
    raise Parked(shortest, f"no model of the chain can be asked now: {', '.join(models[place.at :])}")
