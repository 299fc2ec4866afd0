"""What a scrape is answered: what the processes counted, and, from the one that is elected, what Redis knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.metrics.catalogue import CATALOGUE
from pipeline.metrics.labels import Names
from pipeline.metrics.supervised import restarts

if TYPE_CHECKING:
    from pipeline.engine.export import Figures

#: A metric's name, the values of its labels, and its value.
Row = tuple[str, tuple[str, ...], float]

#: Figures that are not added up where two names fall together: the highest counts, or the lowest.
_HIGHEST = ("_age_seconds", "_state", "_paused", "_timestamp_seconds", "_time_limit_seconds")
_LOWEST = ("_remaining_ratio",)


def exposition(accept: str, folder: Path | None, redis_url: str | None, namespace: str) -> tuple[str, bytes]:
    """Give the content type and the body of ``/metrics``, in the format that ``accept`` asks for.

    With a ``folder`` the metrics are those of its workers, without one those of this process. With a ``redis_url`` they
    hold what is read from Redis, if this process is the one that exports it; a Redis that does not answer is told as
    ``dramaturg_redis_up 0`` and nothing else.
    """
    from prometheus_client.exposition import choose_encoder

    encode, content_type = choose_encoder(accept)
    families = {family.name: family for family in _counted(folder)}
    for name, labels, value in _known_here(folder, redis_url, namespace):
        _put(families, name, labels, value)
    return content_type, encode(_Families(families.values()))


def page_of(rows: Iterable[Row]) -> str:
    """Give rows in the text format of Prometheus."""
    from prometheus_client import generate_latest

    families: dict[str, Any] = {}
    for name, labels, value in rows:
        _put(families, name, labels, value)
    return generate_latest(_Families(families.values())).decode()


def rows_of(figures: Figures) -> Iterator[Row]:
    """Give the figures of Redis under names that labels may have; those that fall together are one."""
    names = Names()
    for kind, known in figures.names.items():
        names.declare(kind, known)
    merged: dict[tuple[str, tuple[str, ...]], float] = {}
    for name, labels, value in figures.rows:
        key = (name, names.fold(name, CATALOGUE[name].labels, labels))
        before = merged.get(key)
        if before is None:
            merged[key] = value
        elif name.endswith(_HIGHEST):
            merged[key] = max(before, value)
        else:
            merged[key] = min(before, value) if name.endswith(_LOWEST) else before + value
    for (name, labels), value in merged.items():
        yield name, labels, value


def _counted(folder: Path | None) -> Iterable[Any]:
    if folder is not None:
        from prometheus_client.multiprocess import MultiProcessCollector

        # A file that a worker is just making has nothing in it yet.
        files = sorted(str(file) for file in folder.glob("*.db") if file.stat().st_size)
        return list(MultiProcessCollector.merge(files))  # type: ignore[no-untyped-call] # the library has no types here
    from pipeline.metrics.register import register

    here = register()
    here.flush()
    return here.registry.collect()


def _known_here(folder: Path | None, redis_url: str | None, namespace: str) -> Iterator[Row]:
    if folder is not None:
        for reason, number in restarts().items():
            yield "dramaturg_worker_restarts_total", (reason,), number
    if redis_url is None:
        return
    from pipeline.engine.export import exporter
    from pipeline.errors import Unavailable

    try:
        figures = exporter(redis_url, namespace).elected()
    except Unavailable:
        yield "dramaturg_redis_up", (), 0
        yield "dramaturg_exporter_leader", (), 0
        return
    yield "dramaturg_redis_up", (), 1
    yield "dramaturg_exporter_leader", (), figures is not None
    if figures is not None:
        yield from rows_of(figures)


def _put(families: dict[str, Any], name: str, values: tuple[str, ...], value: float) -> None:
    from prometheus_client.metrics_core import Metric as Family

    metric = CATALOGUE[name]
    called = name.removesuffix("_total") if metric.kind == "counter" else name
    family = families.get(called)
    if family is None:
        family = families[called] = Family(called, metric.help, metric.kind)
    labels = dict(zip(metric.labels, values, strict=True))
    if metric.source == "both":  # a series of its own: added to the process's, both would jump when another exports
        labels["counted"] = "redis"
    for at, sample in enumerate(family.samples):
        if sample.name == name and sample.labels == labels:
            family.samples[at] = sample._replace(value=sample.value + value)
            return
    family.add_sample(name, labels, float(value))


class _Families:
    """What prometheus-client writes out: families of samples, without the times at which series began."""

    def __init__(self, families: Iterable[Any]) -> None:
        self._families = sorted(families, key=lambda family: str(family.name))

    def collect(self) -> Iterator[Any]:
        """Give the families that hold anything, by name."""
        for family in self._families:
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            if family.samples:
                yield family
