"""Waiting with a deadline for something that another process or thread will do."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


def eventually(
    condition: Callable[[], T],
    timeout: timedelta = timedelta(seconds=10),
    *,
    every: timedelta = timedelta(milliseconds=10),
) -> T:
    """The first true answer of ``condition``; fails the test with its last answer when ``timeout`` is over."""
    deadline = time.monotonic() + timeout.total_seconds()
    while not (answer := condition()):
        if time.monotonic() > deadline:
            name = getattr(condition, "__qualname__", repr(condition))
            message = f"{name} still answered {answer!r} after {timeout.total_seconds():g} s"
            raise AssertionError(message)
        time.sleep(every.total_seconds())
    return answer
