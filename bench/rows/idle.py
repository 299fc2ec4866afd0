"""Two processes of eight threads with nothing to do."""

from __future__ import annotations

import time

from bench.machine import cpu_seconds, family, memory_mib
from bench.site import Site
from bench.size import Size


def measure(site: Site, size: Size) -> dict[str, list[float]]:
    """Percent of a core, commands a second that reach Redis, and memory."""
    workers = site.workers()
    site.wait_until_ready(workers)
    pids = family(workers.pid)
    before, began = cpu_seconds(pids), time.monotonic()
    commands = site.commands_in(size.idle_seconds)
    elapsed = time.monotonic() - began
    return {
        "cpu_percent": [(cpu_seconds(pids) - before) / elapsed * 100],
        "commands_per_s": [len(commands) / elapsed],
        "memory_mib": [memory_mib(pids)],
    }
