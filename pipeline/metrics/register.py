"""The register: what was heard, added up and written to where a scrape finds it.

In a worker of a supervisor that is a few files of its slot, which its successor goes on with; elsewhere the memory of
this process. One thread writes (``flush``), a few times a second.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache
from typing import Any

from pipeline.metrics import tally
from pipeline.metrics.catalogue import CATALOGUE, Metric
from pipeline.metrics.labels import MOST_SETS, OTHER, Names

#: Steps that one actor may have in the labels, on average: each is 17 series.
STEPS_AN_ACTOR = 2

_WAIT = CATALOGUE["dramaturg_run_wait_seconds"].buckets
_TOOK = CATALOGUE["dramaturg_attempt_duration_seconds"].buckets


class _Observed:
    """Observations of one label set since the last flush: how many fell into each bucket, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Add one."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Register:
    """The metrics of this process, made of the catalogue; safe to use from all threads."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry

        self.registry = CollectorRegistry(auto_describe=False)
        self.names = Names()
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, tuple[str, ...]], float] = {}
        self._observed: dict[tuple[str, tuple[str, ...]], _Observed] = {}
        self._folded: dict[tuple[str, tuple[str, ...]], Any] = {}
        self._sets: dict[str, set[tuple[str, ...]]] = {}
        self._metrics = {
            name: _made(metric, self.registry)
            for name, metric in CATALOGUE.items()
            if metric.source in {"process", "both"}
        }

    def declare(self, *, actors: Iterable[str] = (), queues: Iterable[str] = (), models: Iterable[str] = ()) -> None:
        """Add names that labels may have."""
        with self._lock:
            fresh = [
                self.names.declare(kind, names)
                for kind, names in (("actor", actors), ("queue", queues), ("model", models))
            ]
            if any(fresh):
                self._folded.clear()

    def begin(self, actors: Iterable[tuple[str, str]]) -> None:
        """Begin what alerts look at with 0, for actors and their queues.

        A counter that begins with 1 has not grown, as Prometheus sees it.
        """
        with self._lock:
            for actor, queue in actors:
                for outcome in ("completed", "dead", "cancelled"):
                    self._child("dramaturg_runs_total", (actor, queue, outcome))
                self._child("dramaturg_attempts_total", (actor, queue, "ok"))
                self._child("dramaturg_retries_total", (actor, queue))
                self._child("dramaturg_fenced_writes_total", (actor,))

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        with self._lock:
            self._child(name, labels).set(value)

    def flush(self) -> None:
        """Add up what was heard, and write it down."""
        with self._lock:
            for attempt in tally.take(tally.attempts):
                self._attempt(attempt)
            for end in tally.take(tally.ends):
                self._end(end)
            for name, labels, value in tally.take(tally.said):
                self._say(name, labels, value)
            for (name, labels), by in self._counted.items():
                self._child(name, labels).inc(by)
            for (name, labels), seen in self._observed.items():
                self._child(name, labels).add(seen)
            self._counted.clear()
            self._observed.clear()

    def _attempt(self, attempt: tally.Attempt) -> None:
        actor, queue, kind, number, waited, seconds = attempt
        counted = self._counted
        ended = ("dramaturg_attempts_total", (actor, queue, kind))
        counted[ended] = counted.get(ended, 0) + 1
        pair = (actor, queue)
        if number > 1:
            again = ("dramaturg_retries_total", pair)
            counted[again] = counted.get(again, 0) + 1
        if waited >= 0:
            self._see("dramaturg_run_wait_seconds", pair, waited, _WAIT)
        self._see("dramaturg_attempt_duration_seconds", (actor,), seconds, _TOOK)

    def _end(self, end: tally.End) -> None:
        actor, queue, state, seconds = end
        key = ("dramaturg_runs_total", (actor, queue, state))
        self._counted[key] = self._counted.get(key, 0) + 1
        if seconds >= 0:
            self._see("dramaturg_run_duration_seconds", (actor,), seconds, _TOOK)

    def _say(self, name: str, labels: tuple[str, ...], value: float) -> None:
        metric = CATALOGUE[name]
        if metric.kind == "histogram":
            self._see(name, labels, value, metric.buckets)
        else:
            self._counted[name, labels] = self._counted.get((name, labels), 0) + value

    def _see(self, name: str, labels: tuple[str, ...], value: float, bounds: tuple[float, ...]) -> None:
        seen = self._observed.get((name, labels))
        if seen is None:
            seen = self._observed[name, labels] = _Observed(bounds)
        seen.add(value)

    def _child(self, name: str, labels: tuple[str, ...]) -> Any:
        child = self._folded.get((name, labels))
        if child is None:
            metric = self._metrics[name]
            child = metric.labels(*self._allowed(name, labels)) if CATALOGUE[name].labels else metric
            if len(self._folded) < 50 * MOST_SETS:
                self._folded[name, labels] = child
        return child

    def _allowed(self, name: str, labels: tuple[str, ...]) -> tuple[str, ...]:
        known = CATALOGUE[name].labels
        allowed = self.names.fold(name, known, labels)
        sets = self._sets.setdefault(name, set())
        if allowed in sets:
            return allowed
        if len(sets) >= self._most(known):
            return (OTHER,) * len(known)
        sets.add(allowed)
        return allowed

    def _most(self, labels: tuple[str, ...]) -> int:
        if "step" in labels:
            return STEPS_AN_ACTOR * max(1, len(self.names.known("actor")))
        if "error_type" in labels:
            return 6 * len(self.names.known("model"))
        return MOST_SETS + 10 * len(self.names.known("actor"))


_making = threading.Lock()


def register() -> Register:
    """Give this process's register; from now on it keeps what it is told."""
    with _making:
        return _register()


@cache
def _register() -> Register:
    tally.keep()
    return Register()


def _made(metric: Metric, registry: Any) -> Any:
    from prometheus_client import Counter, Gauge

    if metric.kind == "counter":
        return Counter(metric.name, metric.help, metric.labels, registry=registry)
    if metric.kind == "gauge":
        return Gauge(metric.name, metric.help, metric.labels, registry=registry, multiprocess_mode="livesum")
    return _histogram()(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)


@cache
def _histogram() -> Any:
    from prometheus_client import Histogram

    class Sums(Histogram):
        """A histogram that takes many observations at once."""

        def add(self, seen: _Observed) -> None:
            """Add what was observed since the last time."""
            self._sum.inc(seen.total)
            for bucket, number in zip(self._buckets, seen.counts, strict=True):
                if number:
                    bucket.inc(number)

    return Sums
