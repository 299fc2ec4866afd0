"""From the call of ``send`` to the first line of the job, on an idle queue: two processes of eight threads."""

from __future__ import annotations

from bench.site import Sent, Site
from bench.size import Size

_DISCARDED = 5  # connecting is not starting


def measure(site: Site, size: Size) -> dict[str, list[float]]:
    """Milliseconds when jobs come about every 60 ms (warm), and after pauses of two seconds (cold)."""
    workers = site.workers()
    site.wait_until_ready(workers)
    warm = site.send("noop", size.warm_samples + _DISCARDED, every=0.06)
    site.wait_for(1 + len(warm.at))
    cold = site.send("noop", size.cold_samples + 1, every=2.0)
    site.wait_for(1 + len(warm.at) + len(cold.at))
    return {"warm_ms": delays(site, warm)[_DISCARDED:], "cold_ms": delays(site, cold)[1:]}


def delays(site: Site, sent: Sent) -> list[float]:
    """Milliseconds from sending to starting, in the order of sending."""
    started: dict[int, int] = {}
    for entry in site.marks():
        started.setdefault(entry.number, entry.at)
    return [(started[number] - at) / 1e6 for number, at in sent.at.items()]
