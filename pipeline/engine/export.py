"""The figures that Redis knows and no process: depths, ages, states, schedules; exported by one process at a time."""

from __future__ import annotations

import atexit
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from pipeline.engine.store import Store

log = structlog.get_logger(__name__)

#: How long whoever exported last has the right to go on: longer than the time between two scrapes.
LEASE = timedelta(seconds=75)

#: Members of an index that are looked at in one call.
MOST = 400

#: What the entries of the hash ``tally`` are counted as; what stands there is all that a label needs.
_TALLIES = {
    "runs": "dramaturg_runs_total",
    "recovered": "dramaturg_recovered_runs_total",
    "quarantined": "dramaturg_quarantined_runs_total",
    "breaker": "dramaturg_breaker_transitions_total",
    "rejected": "dramaturg_limiter_rejected_total",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """What Redis knew at one moment: rows of a metric's name, label values and value; and the names it may speak of."""

    now_ms: int
    rows: tuple[tuple[str, tuple[str, ...], float], ...]
    names: dict[str, set[str]]


class Exporter:
    """Reads the figures, each time in one call; raises ``Unavailable`` when Redis does not answer."""

    def __init__(self, store: Store, who: str) -> None:
        self._store = store
        self._who = who
        self._figures = store.script("export_figures")

    def elected(self, lease: timedelta = LEASE) -> Figures | None:
        """Give the figures if this process is the one that exports them; none if another is."""
        reply = self._figures(self._who, lease // timedelta(milliseconds=1), MOST)
        return _read(reply) if reply[0] == 1 else None

    def look(self) -> Figures:
        """Give the figures, whoever exports them."""
        return _read(self._figures("", 0, MOST))

    def give_up(self) -> None:
        """Let another export from now on."""
        self._figures(self._who, 0, MOST)


@cache
def exporter(redis_url: str, namespace: str) -> Exporter:
    """Give the exporter of this process; it gives its lease up when the process ends."""
    from pipeline.engine.connection import connect
    from pipeline.engine.store import Store

    who = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(3).hex()}"
    made = Exporter(Store(connect(redis_url, name="dramaturg-metrics"), namespace), who)
    atexit.register(_give_up, made)
    return made


def _give_up(made: Exporter) -> None:
    with suppress(Unavailable):  # it ends by itself
        made.give_up()


def _read(reply: list[Any]) -> Figures:
    rows: list[tuple[str, tuple[str, ...], float]] = []
    names: dict[str, set[str]] = {"actor": set(), "queue": set(), "model": set()}
    for found in reply[2:]:
        figure, *words = (word.decode(errors="replace") for word in found)
        if figure == "name":
            names.setdefault(words[0], set()).add(words[1])
        elif figure == "tally":
            what, *labels = words[0].split("\x1f")
            if what in _TALLIES:
                rows.append((_TALLIES[what], tuple(labels), float(words[1])))
        elif figure == "schedule":
            rows += _next(*words)
        else:
            rows.append((f"dramaturg_{figure}", tuple(words[:-1]), float(words[-1])))
    # From 0 on: a counter that begins with 1 has not grown, as Prometheus sees it.
    rows += [("dramaturg_quarantined_runs_total", (actor, "crash_loop"), 0.0) for actor in names["actor"]]
    rows += [("dramaturg_recovered_runs_total", (queue, "lease_expired"), 0.0) for queue in names["queue"]]
    return Figures(reply[1], tuple(rows), names)


def _next(name: str, declared: str, times: str, last_ms: str) -> Iterator[tuple[str, tuple[str, ...], float]]:
    if not declared or not times or not last_ms:
        return
    told = orjson.loads(declared)
    try:
        tick = _next_tick(told["times"], told.get("timezone") or "UTC", int(last_ms))
    except ValueError as error:  # of code that is newer than this; the other figures are as good as ever
        log.warning("schedule_not_understood", schedule=name, error=str(error))
        return
    yield "dramaturg_schedule_next_timestamp_seconds", (name,), tick


@cache
def _calendar(times: str, zone: str) -> Any:
    from pipeline.calendar import Cron, Interval
    from pipeline.duration import read

    every = times.startswith("every ")
    return Interval(read(times.removeprefix("every "))) if every else Cron(times, zone)


def _next_tick(times: str, zone: str, last_ms: int) -> float:
    from pipeline.engine.schedules import from_ms

    return float(_calendar(times, zone).after(from_ms(last_ms)).timestamp())
