"""What a metric is, and the buckets that histograms have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Who measures: ``process`` counts what happens in it; ``redis`` is read from Redis, and exported by one process at a
#: time; ``both`` is what workers counted and, in series of their own with the label ``counted="redis"``, what happened
#: in Redis without one: their sum is all of it; ``scrape`` is what the one who answers knows of itself.
Source = Literal["process", "redis", "both", "scrape"]


@dataclass(frozen=True)
class Metric:
    """One metric; ``labels`` in the order in which their values are given."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    source: Source = "process"


#: How long something waits: a run, a call, a late tick.
WAITS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 30, 60, 300, 900, 3600)
#: How long runs, attempts and steps take.
DURATIONS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
#: How long calls of models take, as OpenTelemetry has it, and four times as long.
CALLS = tuple(0.01 * 2**n for n in range(16))
#: Tokens of a call, as OpenTelemetry has it.
TOKENS = tuple(float(4**n) for n in range(14))
#: How long calls of Redis take.
SHORT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1)
#: How late an event loop is.
LAGS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)
#: Scores from 0 to 1.
SCORES = tuple(n / 10 for n in range(1, 11))
#: The labels of a call of a model, as OpenTelemetry has it.
CALL = (
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "gen_ai_response_model",
    "error_type",
)
