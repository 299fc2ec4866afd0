"""One event loop a process, in a thread of its own, on which all calls to models run.

The clients of the providers belong to the loop they were first used on: a client that is shared by the loops of
several threads fails, and one made for each call leaks its sockets. A worker thread therefore hands its coroutine to
the one loop and waits here, in short slices, so that whatever stops the thread (a time limit, a shutdown) lands within
a moment and takes the call with it.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine, Hashable
from datetime import timedelta
from typing import Any, TypeVar

from pipeline.errors import Interrupted, Timeout

T = TypeVar("T")

#: How long a waiting thread may be deaf to an exception that another thread raises in it.
_SLICE = timedelta(milliseconds=100)
#: The loop enforces the deadline; only when it does not answer at all does the waiting thread give up by itself.
_GRACE = timedelta(seconds=5)


class LoopThread:
    """An event loop that runs in a daemon thread, and the clients that belong to it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._clients: dict[Hashable, Any] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._loop.run_forever, name="language-models", daemon=True)
        self._thread.start()

    def client(self, key: Hashable, build: Callable[[], T]) -> T:
        """Give the client under this key, built once for this loop."""
        with self._lock:
            if key not in self._clients:
                self._clients[key] = build()
            found: T = self._clients[key]
            return found

    def run(
        self, coroutine: Coroutine[Any, Any, T], *, timeout: timedelta, meanwhile: Callable[[], None] = lambda: None
    ) -> T:
        """Wait for the coroutine; it is cancelled at the timeout, or when an exception lands in this thread.

        ``meanwhile`` is called here ten times a second, and once when it has ended.
        """
        future = asyncio.run_coroutine_threadsafe(_within(timeout, coroutine), self._loop)
        try:
            for _ in range(int((timeout + _GRACE) / _SLICE) + 1):
                done, _pending = concurrent.futures.wait([future], timeout=_SLICE.total_seconds())
                meanwhile()
                if done:
                    return future.result()
            raise Timeout(f"the thread that talks to models did not answer for {_GRACE.total_seconds():g} s")
        except concurrent.futures.CancelledError:
            raise Interrupted("this process is closing its connections to models") from None
        finally:
            future.cancel()

    def close(self, *, timeout: timedelta = timedelta(seconds=5)) -> None:
        """Cancel what runs, close the clients and end the thread."""
        done = asyncio.run_coroutine_threadsafe(self._shut(), self._loop)
        concurrent.futures.wait([done], timeout=timeout.total_seconds())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout.total_seconds())
        if not self._thread.is_alive():
            self._loop.close()

    async def _shut(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        await asyncio.gather(*(client.close() for client in clients), return_exceptions=True)
        await self._loop.shutdown_default_executor()  # which looks host names up


async def _within(limit: timedelta, coroutine: Coroutine[Any, Any, T]) -> T:
    async with asyncio.timeout(limit.total_seconds()):
        return await coroutine


_lock = threading.Lock()
_current: LoopThread | None = None
_abandoned: list[LoopThread] = []


def current() -> LoopThread:
    """Give the loop of this process, started at its first use."""
    global _current  # noqa: PLW0603 - one loop a process is the point of this module
    with _lock:
        if _current is None:
            _current = LoopThread()
            atexit.register(close)
        return _current


def close() -> None:
    """End the loop of this process and its connections; the next call starts a new one."""
    global _current
    with _lock:
        ending, _current = _current, None
    if ending is not None:
        atexit.unregister(close)
        ending.close()


def _forget() -> None:
    """After a fork the thread exists in the parent only; its loop and sockets are the parent's to close."""
    global _current, _lock  # noqa: PLW0603 - the child starts with a lock nobody holds
    _lock = threading.Lock()
    if _current is not None:
        _abandoned.append(_current)  # kept, or its destructors would close what the parent still uses
        _current = None
        atexit.unregister(close)


os.register_at_fork(after_in_child=_forget)
