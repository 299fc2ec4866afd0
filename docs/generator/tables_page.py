"""The pages of events and states, of failures and what follows them, and of the metrics."""

from __future__ import annotations

from datetime import timedelta

from docs.generator.markdown import code, page, table
from pipeline import duration
from pipeline.classification import table as rules
from pipeline.errors import KINDS
from pipeline.events import EVENTS, FINAL, FLOW_EVENTS, STATES
from pipeline.metrics.catalogue import CATALOGUE
from pipeline.retry import Retry
from pipeline.verdict import decide


def events_page() -> str:
    """Write what a run may be and what may happen to it."""
    return page(
        "States and events",
        "The states of a run. Nothing leaves a final one by itself.",
        table(
            ["state", "final", "meaning"],
            ([code(name), "final" if name in FINAL else "", told] for name, told in STATES.items()),
        ),
        "## Events of a run",
        "Each has `id` (its number in the run's log: pass it to go on from there), `run`, `event`, `at_ms` (Unix time "
        "of Redis) and `data`, with these fields; one with a `?` may be missing. [Events](../events.md) has the rest.",
        table(["event", "meaning: fields of data"], ([code(name), told] for name, told in EVENTS.items())),
        "## Events of a flow",
        table(["event", "meaning: fields of data"], ([code(name), told] for name, told in FLOW_EVENTS.items())),
    )


def failures_page() -> str:
    """Write every kind of failure, what follows it, and the table that gives an exception its kind."""
    kinds = []
    for kind in KINDS:
        verdict = decide(kind, attempt=1, retry=Retry(), wait=None, chance=0.0)
        wait = f" after {duration.spell(verdict.delay)}" if verdict.delay > timedelta(0) else ""
        kinds.append([code(kind), f"{verdict.state}{wait}", "yes" if verdict.spends else "no"])
    return page(
        "Failures",
        "Every failed attempt gets one kind, and the kind decides what follows. This is what follows the first failure "
        "under the default policy, with the longest wait that its dice may give.",
        table(["kind", "the run is then", "an attempt is spent"], kinds),
        "## What is of which kind",
        "Asked from the top; an actor's own rules come before all of them "
        "([What a failure counts as](../policies/classification.md)). `dramaturg policies --errors` prints it too.",
        table(["kind", "why", "when"], ([code(row["kind"]), row["why"], code(row["when"])] for row in rules())),
    )


def metrics_page() -> str:
    """Write every metric with its kind, labels and buckets."""
    rows = []
    for metric in CATALOGUE.values():
        buckets = ", ".join(f"{edge:g}" for edge in metric.buckets)
        told = f"{metric.help} (buckets: {buckets})" if buckets else metric.help
        rows.append([code(metric.name), metric.kind, ", ".join(map(code, metric.labels)), told])
    return page(
        "Metrics",
        "What `/metrics` answers; [Metrics](../metrics.md) says who answers it and how to ask.",
        table(["metric", "kind", "labels", "meaning"], rows),
    )
