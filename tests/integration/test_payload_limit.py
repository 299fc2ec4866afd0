"""The size of a payload is bounded by the setting that says so."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from pipeline import InvalidInput, actor
from pipeline.actor import bound
from pipeline.blobs import Blobs
from pipeline.declaration import bind
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.store import Store
from pipeline.engine.values import Values


@actor(name="limit.take")
def take(text: str) -> int:
    """Measure."""
    return len(text)


def test_the_limit_that_was_set_is_the_one_in_force(redis_client: redis.Redis, tmp_path: Path) -> None:
    """Above it a payload is refused by name and nothing is written; below it the run is accepted."""
    former = list(bound)
    bind(PipelineBroker(Store(redis_client), Values(Blobs(tmp_path)), payload_limit=2048))
    try:
        with pytest.raises(InvalidInput, match="at most 2,048") as refused:
            take.send("x" * 2048)
        assert refused.value.field == "payload"
        assert not redis_client.keys("*:run:*")
        assert take.send("x" * 1024).state() == "queued"
    finally:
        bound[:] = former
