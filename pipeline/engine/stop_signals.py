"""The signals that stop a supervisor, or have it replace its children."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_signals(post: Callable[[signal.Signals], object]) -> Iterator[None]:
    """Post SIGTERM for SIGTERM and SIGINT, and SIGHUP, which from a terminal means that it is gone, and is SIGTERM.

    In any other thread than the main one nothing is posted, and no handler is touched.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    hangup = signal.SIGTERM if _has_terminal() else signal.SIGHUP
    meanings = {signal.SIGTERM: signal.SIGTERM, signal.SIGINT: signal.SIGTERM, signal.SIGHUP: hangup}

    def handle(number: int, _frame: FrameType | None) -> None:
        post(meanings[signal.Signals(number)])

    before = {number: signal.signal(number, handle) for number in meanings}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: set by a library in C


def _has_terminal() -> bool:
    try:
        return os.isatty(0)
    except OSError:
        return False
