"""What the fault tests share: a stage at an empty Redis, and one with a worker that a whole module uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.stage import Stage, stage
from tests.support.redis_server import RedisServer


@pytest.fixture
def here(redis_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A stage: worker processes, a ledger and a sender around an empty Redis."""
    with stage(redis_url, tmp_path) as set_up:
        yield set_up


@pytest.fixture(scope="module")
def crew(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage with one worker of four threads, for tests that hurt neither."""
    if not redis_server.running:
        redis_server.start()
    with stage(redis_server.url, tmp_path_factory.mktemp("crew"), "crew") as set_up:
        set_up.worker(threads=4, env={"CANARY_API_KEY": CANARY})
        yield set_up


#: A secret that the crew's worker finds in its environment, and that must turn up nowhere.
CANARY = "canary-value-0123456789"
