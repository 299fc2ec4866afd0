"""Workers killed with a job in hand, one idle survivor: seconds until the job starts again."""

from __future__ import annotations

import random
import time

from bench.site import Site
from bench.size import Size
from tests.support.processes import Process

_AT_ONCE = 5


def measure(site: Site, size: Size) -> dict[str, list[float]]:
    """Seconds from the kill to the second start; stock gets one kill, and its whole patience if that was in vain."""
    if site.peer.name == "stock":
        return {"again_s": _round(site, 1, size.kill_patience)}
    delays: list[float] = []
    while len(delays) < size.kills:
        delays += _round(site, min(_AT_ONCE, size.kills - len(delays)), 60.0)
    return {"again_s": delays}


def _round(site: Site, victims: int, patience: float) -> list[float]:
    chance = random.Random(site.sent)
    busy: list[tuple[Process, int]] = []
    for _ in range(victims):
        worker = site.workers(processes=1, threads=1)
        number, before = site.sent, len(site.marks())
        site.send("victim", 1)
        site.wait_for(before + 1)
        busy.append((worker, number))
    survivor = site.workers(processes=1, threads=8)
    time.sleep(2)  # it has started and found nothing to do
    killed_at: dict[int, int] = {}
    for worker, number in busy:
        time.sleep(chance.uniform(0.0, 1.5))  # at another moment of its lease
        site.kill(worker)
        killed_at[number] = time.monotonic_ns()
    again: dict[int, int] = {}
    deadline = time.monotonic() + patience
    while len(again) < victims and time.monotonic() < deadline:
        time.sleep(0.02)
        for entry in site.marks():
            if entry.at > killed_at.get(entry.number, entry.at):
                again.setdefault(entry.number, entry.at)
    site.kill(survivor)
    return [(again[number] - at) / 1e9 if number in again else patience for number, at in killed_at.items()]
