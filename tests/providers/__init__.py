"""Simulated providers of language models, for tests: a real server on the loopback address that does as it is told."""

from __future__ import annotations

from tests.providers.behaviours import (
    Answer,
    Behaviour,
    Cut,
    Hang,
    Refusal,
    Status,
    Trickle,
    Truncated,
    bad_gateway,
    bad_key,
    context_overflow,
    no_json,
    no_such_model,
    out_of_quota,
    overloaded,
    rate_limited,
    server_error,
    unavailable,
)
from tests.providers.exchange import Call
from tests.providers.readers import honest, inventive, obedient
from tests.providers.simulated import SimulatedProvider

__all__ = [
    "Answer",
    "Behaviour",
    "Call",
    "Cut",
    "Hang",
    "Refusal",
    "SimulatedProvider",
    "Status",
    "Trickle",
    "Truncated",
    "bad_gateway",
    "bad_key",
    "context_overflow",
    "honest",
    "inventive",
    "no_json",
    "no_such_model",
    "obedient",
    "out_of_quota",
    "overloaded",
    "rate_limited",
    "server_error",
    "unavailable",
]
