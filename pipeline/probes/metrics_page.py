"""What is answered at ``/metrics``."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import structlog

from pipeline.probes.checks import Page, Route

#: Figures are collected for one client at a time; another waits so long for its turn.
_TURN = timedelta(seconds=5)

log = structlog.get_logger(__name__)


def metrics_route(folder: Path | None, redis_url: str | None, namespace: str) -> Route:
    """Give what answers with the figures of the processes that write to ``folder``, or of this process."""
    turn = threading.Lock()

    def route(accept: str) -> Page:
        from pipeline.metrics import exposition

        if not turn.acquire(timeout=_TURN.total_seconds()):
            return Page(503, "text/plain", b"others are being answered\n")
        try:
            kind, body = exposition(accept, folder, redis_url, namespace)
        except Exception:
            log.exception("metrics_failed")
            return Page(500, "text/plain", b"the figures cannot be collected: see the log\n")
        finally:
            turn.release()
        return Page(200, kind, body)

    return route
