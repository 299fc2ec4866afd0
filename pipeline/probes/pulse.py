"""Probes of a process that is one by itself: the scheduler, the web server, the one for webhooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.probes.checks import Answer, Check, Question, ask, routes
from pipeline.probes.metrics_page import metrics_route
from pipeline.probes.serving import serve
from pipeline.probes.settings import ProbesSettings, Process
from pipeline.probes.systemd import Systemd

if TYPE_CHECKING:
    from pipeline.engine.store import Store

#: A main loop that has not turned for so long is not alive.
SILENCE = timedelta(seconds=30)

_NO_CHECKS: Mapping[str, Check] = MappingProxyType({})


class Pulse:
    """What the main loop of a process says of itself."""

    def __init__(self) -> None:
        self._systemd = Systemd()
        self._beat_at = time.monotonic()
        self._started = False
        self._stopping: Callable[[], bool] = lambda: False

    def beat(self) -> None:
        """Say that the loop turned; the first time, that the process has come up."""
        self._beat_at = time.monotonic()
        self._started = True
        self._systemd.ready()
        self._systemd.alive()

    async def beat_soon(self) -> None:
        """Do as ``beat``: what uvicorn wants for its ``callback_notify``."""
        self.beat()

    def stops_when(self, stopping: Callable[[], bool]) -> None:
        """Have asked, at each probe, whether the process has begun to stop."""
        self._stopping = stopping

    def loop(self) -> str | None:
        """Say whether the main loop stands still; one that is stopping turns no more, and is not expected to."""
        silent = time.monotonic() - self._beat_at
        if silent < SILENCE.total_seconds() or self._stopping():
            return None
        return f"the main loop has not turned for {silent:.0f} s"

    def draining(self) -> str | None:
        """Say whether the process has begun to stop."""
        return "it is stopping: it takes nothing new" if self._stopping() else None

    def starting(self) -> str | None:
        """Say whether the process has not come up yet."""
        return None if self._started else "it is starting"

    def end(self) -> None:
        """Tell whoever started the process that it stops."""
        self._systemd.stopping()


@contextmanager
def probing(
    process: Process,
    store: Store,
    redis_url: str,
    *,
    live: Mapping[str, Check] = _NO_CHECKS,
    ready: Mapping[str, Check] = _NO_CHECKS,
) -> Iterator[Pulse]:
    """Answer probes while the block runs, at the port of this kind of process; its main loop beats the pulse.

    ``live`` and ``ready`` are checks beside those that every process has. Raises ``SettingsError`` where the port was
    set and cannot be had.
    """
    from pipeline.engine.redis_watch import RedisWatch

    settings = ProbesSettings.load()
    pulse, watch = Pulse(), RedisWatch(store)
    alive = {"loop": pulse.loop, **live}
    able = {"starting": pulse.starting, "draining": pulse.draining, "redis": watch.check, **ready}
    answers: dict[Question, Callable[[], Answer]] = {
        "livez": lambda: ask(alive),
        "readyz": lambda: ask(alive | able),
        "startupz": lambda: ask({"starting": pulse.starting}),
    }
    served = {**routes(answers), "/metrics": metrics_route(None, redis_url, store.namespace)}
    server = serve(process, [served], settings)
    if server is not None:
        watch.start()
    try:
        yield pulse
    finally:
        pulse.end()
        watch.stop()
        if server is not None:
            server.close()
