"""Stock Dramatiq 2.2 with its RedisBroker, started by its own command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

name = "stock"
importing = "import dramatiq, dramatiq.brokers.redis"


def version() -> str:
    import dramatiq

    return f"dramatiq {dramatiq.__version__}"


def worker(processes: int, threads: int) -> Sequence[str]:
    """The command that works on all the jobs."""
    tree = ["--processes", str(processes), "--threads", str(threads)]
    return [sys.executable, "-m", "dramatiq", "bench.peers.stock_jobs", "--path", ".", *tree]


def send(actor: str, numbers: Sequence[int]) -> None:
    """Send one by one."""
    from bench.peers.jobs import BODY
    from bench.peers.stock_jobs import ACTORS

    chosen = ACTORS[actor]
    for number in numbers:
        chosen.send(number, BODY)


def send_many(actor: str, numbers: Sequence[int]) -> None:
    """Send in the way made for many at once: a group."""
    import dramatiq

    from bench.peers.jobs import BODY
    from bench.peers.stock_jobs import ACTORS

    chosen = ACTORS[actor]
    dramatiq.group(chosen.message(number, BODY) for number in numbers).run()  # type: ignore[no-untyped-call] # Dramatiq's
