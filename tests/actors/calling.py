"""Actors that call a provider with a client of their own, and let whatever it raises through."""

from __future__ import annotations

from typing import Any

from pipeline import Rule, actor
from tests.actors.notes import note
from tests.actors.plain import QUICK


@actor(name="test.call", retry=QUICK)
def call(url: str) -> Any:
    """Ask, and give the answer."""
    import httpx2

    note("started")
    return httpx2.post(url, json={"model": "m"}, timeout=10).raise_for_status().json()


@actor(
    name="test.call_ruled",
    retry=QUICK,
    rules=[
        Rule("permanent", "gone for good", status=503, code="service_unavailable"),
        Rule("transient", "comes back", status=404),
    ],
)
def call_ruled(url: str) -> Any:
    """Ask, and give the answer; what the statuses mean is known better here."""
    return call.fn(url)
