"""What the fault tests share: a stage at an empty Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.stage import Stage, stage


@pytest.fixture
def here(redis_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A stage: worker processes, a ledger and a sender around an empty Redis."""
    with stage(redis_url, tmp_path) as set_up:
        yield set_up
