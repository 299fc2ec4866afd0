"""Sending from one process, nobody working: one by one, and many in one call."""

from __future__ import annotations

from bench.site import Site
from bench.size import Size


def measure(site: Site, size: Size) -> dict[str, list[float]]:
    """Jobs a second of either way, and the processor time a job."""
    before = site.redis_cpu_seconds()
    single = site.send("noop", size.send_jobs)
    between = site.redis_cpu_seconds()
    many = site.send("noop", size.send_jobs * 2, many=True)
    after = site.redis_cpu_seconds()
    return {
        "one_per_s": [size.send_jobs / single.seconds],
        "many_per_s": [size.send_jobs * 2 / many.seconds],
        "one_sender_us": [single.cpu / size.send_jobs * 1e6],
        "many_sender_us": [many.cpu / size.send_jobs / 2 * 1e6],
        "one_redis_us": [(between - before) / size.send_jobs * 1e6],
        "many_redis_us": [(after - between) / size.send_jobs / 2 * 1e6],
    }
