"""For tests of actors: run one here, against models that do as they are told, without Redis and without a worker."""

from __future__ import annotations

from pipeline.testing.behaviours import (
    Answer,
    Cut,
    Faltering,
    Half,
    Hang,
    Refusal,
    Trickle,
    Truncated,
    low_quality,
    malformed,
    wrong_shape,
)
from pipeline.testing.call import Call
from pipeline.testing.clock import StillClock
from pipeline.testing.exchange import Behaviour, Exchange
from pipeline.testing.inline import InlineRun, run_inline
from pipeline.testing.journal import MemoryJournal
from pipeline.testing.provider import SimulatedProvider
from pipeline.testing.scripts import Mixed, Outage
from pipeline.testing.simulated_run import SimulatedRun
from pipeline.testing.simulation import Simulation
from pipeline.testing.statuses import (
    Status,
    bad_gateway,
    bad_key,
    broken_json,
    context_overflow,
    filtered,
    no_json,
    no_such_model,
    out_of_quota,
    overloaded,
    rate_limited,
    server_error,
    unavailable,
)

__all__ = [
    "Answer",
    "Behaviour",
    "Call",
    "Cut",
    "Exchange",
    "Faltering",
    "Half",
    "Hang",
    "InlineRun",
    "MemoryJournal",
    "Mixed",
    "Outage",
    "Refusal",
    "SimulatedProvider",
    "SimulatedRun",
    "Simulation",
    "Status",
    "StillClock",
    "Trickle",
    "Truncated",
    "bad_gateway",
    "bad_key",
    "broken_json",
    "context_overflow",
    "filtered",
    "low_quality",
    "malformed",
    "no_json",
    "no_such_model",
    "out_of_quota",
    "overloaded",
    "rate_limited",
    "run_inline",
    "server_error",
    "unavailable",
    "wrong_shape",
]
