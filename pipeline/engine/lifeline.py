"""How a worker process notices that its supervisor is gone.

Every child holds the reading end of a pipe whose writing end only the supervisor has. When the supervisor dies, however
it dies, the child reads the end of the file and stops by itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta

import structlog

#: The environment variable that tells a child which descriptor to read.
LIFELINE = "DRAMATURG_SUPERVISOR_FD"

#: The variable that tells a child which of the supervisor's places it has, from 0; whoever replaces it has the same.
SLOT = "DRAMATURG_WORKER_SLOT"

_log = structlog.get_logger(__name__)


def watch_supervisor(on_gone: Callable[[], object], *, grace: timedelta) -> bool:
    """Call ``on_gone`` when the supervisor of this process dies, and end the process ``grace`` later at the latest.

    Returns whether this process has a supervisor. To be called once, early.
    """
    name = os.environ.pop(LIFELINE, None)  # what this process starts is not the supervisor's
    if name is None:
        return False
    lifeline = int(name)
    os.set_inheritable(lifeline, False)

    def wait() -> None:
        while os.read(lifeline, 1):
            pass
        _log.warning("supervisor_gone")
        killer = threading.Timer(grace.total_seconds(), os._exit, args=(1,))
        killer.daemon = True
        killer.start()
        on_gone()

    threading.Thread(target=wait, name="supervisor-watch", daemon=True).start()
    return True
