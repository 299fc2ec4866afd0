"""A backlog of no-op jobs worked off by two processes of eight threads."""

from __future__ import annotations

import time

from bench.machine import busy_seconds, cpu_seconds, family, memory_mib
from bench.site import Site
from bench.size import Size

_SHARE = 0.3  # of the jobs must be left when the second process starts, or the whole time is taken


def measure(site: Site, size: Size) -> dict[str, list[float]]:
    """Jobs a second from the moment at which both processes work; processor time and round trips a job."""
    site.send("noop", size.drain_jobs, many=True)
    redis_before, trips_before, busy_before = site.redis_cpu_seconds(), site.round_trips(), busy_seconds()
    began = time.monotonic()
    workers = site.workers()
    site.wait_for(size.drain_jobs, patience=60)
    pids = family(workers.pid)
    worker_cpu, memory = cpu_seconds(pids), memory_mib(pids)
    redis_cpu = site.redis_cpu_seconds() - redis_before
    busy, elapsed = busy_seconds() - busy_before, time.monotonic() - began
    round_trips = site.round_trips() - trips_before
    jobs = site.marks()
    site.kill(workers)
    working = max({entry.pid: entry.at for entry in reversed(jobs)}.values())  # when the last process did its first job
    within = sum(entry.at > working for entry in jobs)
    if within < _SHARE * len(jobs):
        working, within = jobs[0].at, len(jobs) - 1
    return {
        "jobs_per_s": [within / ((jobs[-1].at - working) / 1e9)],
        "redis_us": [redis_cpu / len(jobs) * 1e6],
        "worker_us": [(worker_cpu - _starting_cpu(site)) / len(jobs) * 1e6],
        "round_trips": [round_trips / len(jobs)],
        "memory_mib": [memory],
        "others_percent": [(busy - worker_cpu - redis_cpu) / elapsed * 100],
    }


def _starting_cpu(site: Site) -> float:
    workers = site.workers()
    site.wait_until_ready(workers)
    return cpu_seconds(family(workers.pid))
