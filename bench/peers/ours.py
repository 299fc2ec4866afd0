"""Dramaturg, started by its own command, with everything switched on."""

from __future__ import annotations

import sys
from collections.abc import Sequence

name = "ours"
importing = "import pipeline, bench.peers.ours_jobs"


def version() -> str:
    from importlib.metadata import version as installed

    return f"dramaturg {installed('dramaturg')}"


def worker(processes: int, threads: int) -> Sequence[str]:
    """The command that works on all the jobs."""
    tree = ["--processes", str(processes), "--threads", str(threads)]
    return [sys.executable, "-m", "pipeline.cli", "worker", "bench.peers.ours_jobs", *tree]


def send(actor: str, numbers: Sequence[int]) -> None:
    """Send one by one."""
    from bench.peers.jobs import BODY
    from bench.peers.ours_jobs import ACTORS, Job

    chosen = ACTORS[actor]
    for number in numbers:
        chosen.send(Job(number=number, **BODY))


def send_many(actor: str, numbers: Sequence[int]) -> None:
    """Send in the way made for many at once."""
    from bench.peers.jobs import BODY
    from bench.peers.ours_jobs import ACTORS, Job

    chosen = ACTORS[actor]
    chosen.send_many([Job(number=number, **BODY) for number in numbers])
