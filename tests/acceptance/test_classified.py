"""The kind of a failure, from what an actor's own client raises to what becomes of the run (F3, F4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from pipeline import RunFailed
from pipeline.testing import Answer, SimulatedProvider, no_such_model, rate_limited, unavailable
from tests.actors.calling import call, call_ruled
from tests.chaos.stage import Stage

SOON = timedelta(seconds=15)


@pytest.fixture
def provider() -> Iterator[SimulatedProvider]:
    """A provider that the worker's actors ask."""
    with SimulatedProvider() as running:
        yield running


def starts(crew: Stage, run: str) -> list[float]:
    """Give when each attempt of a run began."""
    return [entry.at for entry in crew.ledger.entries(what="started", run=run)]


def test_a_raw_429_waits_as_long_as_it_says_and_costs_no_attempt(crew: Stage, provider: SimulatedProvider) -> None:
    """Four of them, of three attempts; then the answer."""
    provider.on("m", *[rate_limited(0.5)] * 4, Answer("yes"))
    handle = call.send(f"{provider.url}/chat/completions")
    assert handle.result(SOON)["choices"][0]["message"]["content"] == "yes"
    began = starts(crew, handle.id)
    assert len(began) == 5
    assert all(after - before >= 0.48 for before, after in pairwise(began))


def test_a_status_that_no_try_mends_ends_the_run_at_once(crew: Stage, provider: SimulatedProvider) -> None:
    """With the reason in a word."""
    provider.on("m", no_such_model())
    handle = call.send(f"{provider.url}/chat/completions")
    with pytest.raises(RunFailed) as failure:
        handle.result(SOON)
    assert failure.value.reason == "permanent: no such model"
    assert len(starts(crew, handle.id)) == 1


def test_the_rules_of_an_actor_come_first(crew: Stage, provider: SimulatedProvider) -> None:
    """What passes for others is the end here, and the other way round."""
    provider.on("m", no_such_model(), Answer("yes"))
    handle = call_ruled.send(f"{provider.url}/chat/completions")
    assert handle.result(SOON)
    assert len(starts(crew, handle.id)) == 2
    provider.on("m", unavailable())
    handle = call_ruled.send(f"{provider.url}/chat/completions")
    with pytest.raises(RunFailed) as failure:
        handle.result(SOON)
    assert failure.value.reason == "permanent: gone for good"
    shown = (crew.inspector.show(handle.id) or {})["errors"]
    assert [(error["kind"], error["why"]) for error in shown] == [("permanent", "gone for good")]
