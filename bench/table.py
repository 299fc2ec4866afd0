"""The rows of the table: what is measured, how many samples become one figure, and which figure is promised."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bench.rows import drain, idle, importing, latency, parallel, priority, recovery, sending
from bench.site import Site
from bench.size import Size

Samples = dict[str, list[float]]


@dataclass(frozen=True)
class Line:
    """One line of the table out of the samples called ``key``; ``promise`` is about ours, or ours divided by stock."""

    key: str
    text: str
    unit: str
    shown: Literal["median", "p50", "p99", "max"] = "median"
    at_most: float | None = None
    at_least: float | None = None
    times_stock: float | None = None

    @property
    def budget(self) -> str:
        if self.times_stock is not None:
            return f"≥ {self.times_stock:g} x stock"
        if self.at_most is not None:
            return f"≤ {self.at_most:,g}"
        return f"≥ {self.at_least:,g}" if self.at_least is not None else ""

    def figure(self, samples: list[float]) -> float:
        """The one number that the samples come to."""
        if not samples:
            return math.nan
        if self.shown == "max":
            return max(samples)
        if self.shown == "p99":
            return sorted(samples)[min(len(samples) - 1, math.ceil(0.99 * len(samples)) - 1)]
        return statistics.median(samples)

    def kept(self, ours: float, stock: float) -> bool | None:
        """Whether the promise holds; None when there is none, or nothing to judge it by."""
        if math.isnan(ours):
            return None
        if self.times_stock is not None:
            return None if math.isnan(stock) else ours >= self.times_stock * stock
        if self.at_most is not None:
            return ours <= self.at_most
        return ours >= self.at_least if self.at_least is not None else None


@dataclass(frozen=True)
class Row:
    """One measurement and the lines that come out of it."""

    name: str
    measure: Callable[[Site, Size], Samples]
    lines: tuple[Line, ...]
    repeated: bool = True


ROWS = (
    Row(
        "latency",
        latency.measure,
        (
            Line("warm_ms", "start of a job on an idle queue, p50", "ms", "p50", at_most=2),
            Line("warm_ms", "the same, p99", "ms", "p99", at_most=10),
            Line("cold_ms", "after a pause of 2 s, p50", "ms", "p50", at_most=2),
            Line("cold_ms", "after a pause of 2 s, worst", "ms", "max", at_most=10),
        ),
    ),
    Row(
        "drain",
        drain.measure,
        (
            Line("jobs_per_s", "no-op jobs drained, 2 processes x 8 threads", "jobs/s", times_stock=3),
            Line("round_trips", "round trips to Redis while draining, a job", "", at_most=2),
            Line("redis_us", "time of Redis while draining, a job", "us"),
            Line("worker_us", "time of the workers, a job", "us"),
            Line("memory_mib", "memory of the workers (PSS)", "MiB"),
            Line("others_percent", "everything else on the machine meanwhile", "% of a core"),
        ),
    ),
    Row(
        "sending",
        sending.measure,
        (
            Line("one_per_s", "`send` from one process", "jobs/s", at_least=10_000),
            Line("many_per_s", "`send_many` from one process", "jobs/s", at_least=40_000),
            Line("one_sender_us", "time of the sender a job sent alone", "us"),
            Line("many_sender_us", "time of the sender a job sent with many", "us"),
            Line("one_redis_us", "time of Redis a job sent alone", "us"),
            Line("many_redis_us", "time of Redis a job sent with many", "us"),
        ),
    ),
    Row(
        "priority",
        priority.shallow,
        (
            Line("shallow_ms", "critical behind 10,000 low ones, p50", "ms", "p50"),
            Line("shallow_ms", "the same, p99", "ms", "p99", at_most=20),
        ),
        repeated=False,
    ),
    Row(
        "deep",
        priority.deep,
        (
            Line("deep_ms", "critical behind 1,000,000 low ones, p50", "ms", "p50"),
            Line("deep_ms", "the same, p99", "ms", "p99", at_most=20),
        ),
        repeated=False,
    ),
    Row(
        "parallel",
        parallel.measure,
        (
            Line("over_percent", "600 jobs of 0.5 s on 30 threads, over the ideal 10 s", "%", at_most=2),
            Line("peak", "most of them at once", "jobs"),
        ),
    ),
    Row(
        "recovery",
        recovery.measure,
        (
            Line("again_s", "a killed worker's job starts again, median", "s", at_most=10),
            Line("again_s", "the same, worst", "s", "max", at_most=15),
        ),
        repeated=False,
    ),
    Row(
        "idle",
        idle.measure,
        (
            Line("cpu_percent", "an idle worker of 2 x 8", "% of a core", at_most=1),
            Line("commands_per_s", "its commands to Redis", "1/s", at_most=5),
            Line("memory_mib", "its memory (PSS)", "MiB"),
        ),
        repeated=False,
    ),
    Row(
        "importing",
        importing.measure,
        (
            Line("import_ms", "import of an app that only sends", "ms", at_most=300),
            Line("first_send_ms", "import and first send", "ms"),
        ),
        repeated=False,
    ),
)


def render(found: dict[str, dict[str, Samples]], peers: list[str]) -> str:
    """The Markdown table of ``found[row][peer]``; the range of the samples stands in brackets."""
    head = ["what", "budget", *peers, "ours / stock", "kept"]
    table = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in ROWS:
        if row.name not in found:
            continue
        for line in row.lines:
            samples = {peer: found[row.name].get(peer, {}).get(line.key, []) for peer in peers}
            figures = {peer: line.figure(values) for peer, values in samples.items()}
            ours, stock = figures.get("ours", math.nan), figures.get("stock", math.nan)
            ratio = f"{ours / stock:.2f}" if stock and not math.isnan(ours / stock) else ""
            kept = {True: "yes", False: "**no**", None: ""}[line.kept(ours, stock)]
            cells = [f"{line.text}{f', {line.unit}' if line.unit else ''}", line.budget]
            cells += [_cell(line, samples[peer], figures[peer]) for peer in peers]
            table.append("| " + " | ".join([*cells, ratio, kept]) + " |")
    return "\n".join(table)


def _cell(line: Line, samples: list[float], figure: float) -> str:
    if not samples:
        return "-"
    if line.shown == "median" and len(samples) > 1:
        return f"{_short(figure)} [{_short(min(samples))}-{_short(max(samples))}]"
    return f"{_short(figure)} (n={len(samples)})" if len(samples) > 1 else _short(figure)


def _short(value: float) -> str:
    if math.isnan(value):
        return "?"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
