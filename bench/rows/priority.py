"""Critical jobs sent behind a backlog of low ones of 10 ms in the same queue: two processes of eight threads."""

from __future__ import annotations

import time

from bench.rows.latency import delays
from bench.site import Site
from bench.size import Size

_SHALLOW = 10_000
_DISCARDED = 5  # connecting is not starting


def shallow(site: Site, size: Size) -> dict[str, list[float]]:
    """Milliseconds until a critical job starts, 10,000 low ones waiting."""
    return {"shallow_ms": _behind(site, _SHALLOW, size.critical_samples)}


def deep(site: Site, size: Size) -> dict[str, list[float]]:
    """The same with a million waiting; stock is left out, which would take 3 minutes to send and 10 to answer."""
    if site.peer.name == "stock":
        return {}
    return {"deep_ms": _behind(site, size.deep_backlog, size.critical_samples)}


def _behind(site: Site, backlog: int, samples: int) -> list[float]:
    site.send("low", backlog, many=True)
    site.workers()
    site.wait_for(200)
    sent = site.send("critical", samples + _DISCARDED, every=0.02)
    while sent.at.keys() - {entry.number for entry in site.marks()}:
        site.wait_for(len(site.marks()) + 1, patience=60)
        time.sleep(0.1)
    return delays(site, sent)[_DISCARDED:]
