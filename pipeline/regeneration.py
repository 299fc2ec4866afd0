"""Regeneration: what the offline generator made in place of a model is made again, by a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import orjson

from pipeline.actor import Actor
from pipeline.chain import OFFLINE
from pipeline.engine import keys
from pipeline.errors import InvalidInput

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker


def regenerate(broker: PipelineBroker, owner: str) -> list[str]:
    """Make the degraded results of a run or a flow again, without falling back to the offline generator.

    A flow's nodes that were made from them are made again too. Gives the runs that begin anew; none if nothing of it is
    degraded. Raises ``KeyError`` for an id that is not there, and ``InvalidInput`` if a run is not at its end or its
    chain has no model.
    """
    store = broker.store
    ns = store.namespace
    nodes = store.read("hgetall", keys.flow(ns, owner))
    runs = [run_id.decode() for name, run_id in nodes.items() if name.startswith(b"run:")] if nodes else [owner]
    messages: dict[str, bytes] = {}
    for run_id in runs:
        message, degraded = store.read("hmget", keys.run(ns, run_id), "message", "degraded")
        if message is None:
            raise KeyError(run_id)
        if degraded is not None:
            messages[run_id] = _asking_models(broker, message)
    if messages and store.reopen(owner if nodes else "", "regenerated", messages, keep_steps=False) <= 0:
        raise InvalidInput(f"{owner}: a run of it has not ended, or was removed", field="id")
    return list(messages)


def _asking_models(broker: PipelineBroker, message: bytes) -> bytes:
    told = orjson.loads(message)
    actor = broker.actors.get(told["actor_name"])
    declared: Iterable[str] = (actor.models if isinstance(actor, Actor) else None) or broker.models
    models = [name for name in told["options"].get("models") or declared if name != OFFLINE]
    if not models:
        raise InvalidInput(f"{told['actor_name']}: its chain has no model but the offline generator", field="models")
    return orjson.dumps(told | {"options": told["options"] | {"models": models}})
