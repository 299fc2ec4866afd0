"""Jobs of half a second on 30 threads of one process."""

from __future__ import annotations

from bench.machine import family, memory_mib
from bench.site import Site
from bench.size import Size

_THREADS = 30


def measure(site: Site, size: Size) -> dict[str, list[float]]:
    """Percent by which the whole takes longer than it must, and the most jobs at once."""
    site.send("half", size.half_jobs, many=True)
    workers = site.workers(processes=1, threads=_THREADS)
    site.wait_for(2 * size.half_jobs)
    marks = site.marks()
    wall = (marks[-1].at - marks[0].at) / 1e9
    ideal = size.half_jobs / _THREADS * 0.5
    running = peak = 0
    for entry in marks:
        running += 1 if entry.kind == 1 else -1
        peak = max(peak, running)
    return {
        "over_percent": [(wall / ideal - 1) * 100],
        "wall_s": [wall],
        "peak": [float(peak)],
        "memory_mib": [memory_mib(family(workers.pid))],
    }
