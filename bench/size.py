"""How much is measured: enough to publish, or just enough to see that it works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """The numbers of jobs and samples of every row."""

    repeats: int = 3
    drain_jobs: int = 40_000
    send_jobs: int = 20_000
    warm_samples: int = 300
    cold_samples: int = 10
    critical_samples: int = 100
    deep_backlog: int = 1_000_000
    half_jobs: int = 600
    kills: int = 20
    idle_seconds: float = 10.0
    imports: int = 7
    #: How long a peer that gives no bound is waited for after a kill.
    kill_patience: float = 90.0


FULL = Size()
QUICK = Size(
    repeats=1,
    drain_jobs=10_000,
    send_jobs=5_000,
    warm_samples=60,
    cold_samples=3,
    critical_samples=30,
    deep_backlog=50_000,
    half_jobs=120,
    kills=4,
    idle_seconds=4.0,
    imports=3,
    kill_patience=30.0,
)
