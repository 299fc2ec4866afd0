"""A worker in this process, on a Redis of its own, for the examples: a deployment has ``dramaturg worker`` instead."""

import atexit
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_broker: list[Any] = []
_inspector: list[Any] = []


def project() -> Any:
    """Give the broker: settings and a private Redis in a folder that is gone afterwards, and the policy file beside."""
    if not _broker:
        folder = tempfile.TemporaryDirectory(prefix="policies-")
        atexit.register(folder.cleanup)
        os.environ.setdefault("DRAMATURG_HOME", folder.name)
        os.environ.setdefault("DRAMATURG_POLICIES", str(Path(__file__).with_name("policies.toml")))
        from pipeline import logs
        from pipeline.app import broker

        logs.configure("critical")  # an example prints what it shows, and nothing else
        _broker.append(broker)
    return _broker[0]


@contextmanager
def worker() -> Iterator[Any]:
    """Run a worker of four threads, unless one runs, and give an inspector of its runs."""
    import dramatiq

    from pipeline.inspector import Inspector

    if _inspector:
        yield _inspector[0]
        return
    broker = project()
    running = dramatiq.Worker(broker, worker_threads=4, worker_timeout=100)
    running.start()
    _inspector.append(Inspector(broker.store, broker.values))
    try:
        yield _inspector[0]
    finally:
        _inspector.clear()
        running.stop()


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait until something is so, and give it."""
    ends = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > ends:
            raise TimeoutError("it did not come to that")
        time.sleep(0.01)
    return found


def story(inspector: Any, run_id: str) -> str:
    """Wait for the end of a run, and tell what happened to it."""
    inspector.wait(run_id)
    told = []
    for event in inspector.events(run_id, follow=False):
        reason = event.data.get("reason")
        told.append(f"{event.event} ({reason})" if reason else event.event)
    return ", ".join(told)
