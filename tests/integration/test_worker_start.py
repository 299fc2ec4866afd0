"""A worker that cannot write down its policies does not stand there and do nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import dramatiq
import pytest

from pipeline.blobs import Blobs
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.connection import connect
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.errors import Unavailable


def test_a_worker_without_redis_ends_at_its_start(tmp_path: Path) -> None:
    """It says so, and leaves no thread behind that would keep the process alive."""
    before = set(threading.enumerate())
    broker = PipelineBroker(Store(connect(f"unix://{tmp_path}/none"), "test"), Values(Blobs(tmp_path)))
    broker.declare_queue("q")
    with pytest.raises(Unavailable):
        dramatiq.Worker(broker, worker_threads=1).start()
    broker.close()
    assert set(threading.enumerate()) <= before
