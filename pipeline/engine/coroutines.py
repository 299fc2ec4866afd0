"""Runs the coroutine of an async actor on the process's event loop, while its thread waits here.

The thread waits in short slices, so that an interrupt lands within a moment. The coroutine is cancelled then, and the
thread stays until it has ended: an attempt is over when nothing of it runs any more.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from dramatiq.asyncio import get_event_loop_thread

from pipeline.errors import Interrupted

P = ParamSpec("P")
R = TypeVar("R")

#: How long a waiting thread may be deaf to an exception that is raised in it.
_SLICE = timedelta(milliseconds=100)


def on_loop(fn: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
    """Make a coroutine function callable from a worker's thread; raises ``RuntimeError`` where no worker runs."""

    @functools.wraps(fn)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        thread = get_event_loop_thread()
        if thread is None:
            raise RuntimeError("an async actor runs in a worker: there is no event loop here")
        return _wait(thread.loop, fn(*args, **kwargs))

    return call


def _wait(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, R]) -> R:
    ended = threading.Event()
    tasks: list[asyncio.Task[R]] = []

    def begin() -> None:
        task = loop.create_task(coroutine)
        tasks.append(task)
        task.add_done_callback(lambda _: ended.set())

    loop.call_soon_threadsafe(begin)
    try:
        _until(ended)
    except BaseException:
        loop.call_soon_threadsafe(lambda: tasks[0].cancel())  # noqa: PLW0108 - there is no task before ``begin`` ran
        _until(ended)
        if not tasks[0].cancelled():
            tasks[0].exception()  # looked at: what it raised while it was cancelled is of no concern
        raise
    try:
        return tasks[0].result()
    except asyncio.CancelledError as error:
        raise Interrupted("the event loop of this worker is closing") from error


def _until(ended: threading.Event) -> None:
    while not ended.wait(_SLICE.total_seconds()):
        pass
