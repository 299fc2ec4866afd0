"""Metrics: what runs, how long it waits and takes, what it costs; for Prometheus, right with many processes.

Whoever measures calls ``count`` or ``observe``: a tuple is put aside, and nothing else happens on the way of a run.
What is exported stands in ``catalogue.py``.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.metrics.calls import called, graded, moved, refused
from pipeline.metrics.supervised import FOLDER, adopt, forget_process, prepare, slot_here
from pipeline.metrics.tally import attempt_ended, committed, count, keep, keeps, observe
from pipeline.metrics.ticks import fired

__all__ = [
    "FOLDER",
    "adopt",
    "attempt_ended",
    "called",
    "committed",
    "count",
    "exposition",
    "fired",
    "forget_process",
    "graded",
    "keep",
    "keeps",
    "leads",
    "moved",
    "observe",
    "prepare",
    "refused",
    "slot_here",
]


def exposition(accept: str, folder: Path | None, redis_url: str | None, namespace: str) -> tuple[str, bytes]:
    """Give the content type and the body of ``/metrics``: see ``scraped.py``."""
    from pipeline.metrics.scraped import exposition as answer

    return answer(accept, folder, redis_url, namespace)


def leads(is_leader: bool) -> None:
    """Tell whether this process is the scheduler that leads."""
    if keeps():
        from pipeline.metrics.register import register

        here = register()
        here.set("dramaturg_scheduler_leader", float(is_leader))
        here.flush()  # a scheduler has no thread for it, and comes by here every second
