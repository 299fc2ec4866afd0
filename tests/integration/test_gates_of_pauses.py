"""What is paused: nothing of it starts, and everything keeps its place; straight on the scripts."""

from __future__ import annotations

import pytest
import redis

from pipeline.limit import Limit
from tests.support.gated import Fleet


@pytest.fixture
def fleet(redis_client: redis.Redis) -> Fleet:
    """Scripts on an empty Redis."""
    return Fleet(redis_client)


@pytest.mark.parametrize("what", ["queue:q", "actor:a", "group:g"])
def test_what_is_paused_starts_nothing_until_it_is_resumed(fleet: Fleet, what: str) -> None:
    """What runs goes on; what is not part of it starts; and the order is kept."""
    (running,) = fleet.send(1, group="g")
    assert fleet.start() == [running]
    assert fleet.gates.pause(what)
    assert not fleet.gates.pause(what), "again changes nothing"
    held = fleet.send(4, group="g")
    other = fleet.send(1, actor="b", queue="q2", group="h")
    assert fleet.start(9, actors=("a", "b"), queues=("q", "q2")) == other
    assert list(fleet.gates.paused()) == [what]
    fleet.end(running)
    assert fleet.gates.resume(what)
    assert not fleet.gates.resume(what)
    assert fleet.start(9, actors=("a", "b"), queues=("q", "q2")) == held


def test_a_pause_holds_what_was_parked_by_another_one(fleet: Fleet) -> None:
    """An actor that is resumed starts nothing of a group, or a queue, that is paused."""
    fleet.gates.pause("actor:a")
    held, free = fleet.send(1, group="g"), fleet.send(1, group="h")
    elsewhere = fleet.send(1, queue="q2", group="h")
    assert fleet.start(9, queues=("q", "q2")) == []
    fleet.gates.pause("group:g")
    fleet.gates.pause("queue:q2")
    fleet.gates.resume("actor:a")
    assert fleet.start(9, queues=("q", "q2")) == free
    fleet.gates.resume("group:g")
    assert fleet.start(9, queues=("q", "q2")) == held
    fleet.gates.resume("queue:q2")
    assert fleet.start(9, queues=("q", "q2")) == elsewhere


def test_what_was_parked_keeps_its_place_before_a_gate(fleet: Fleet) -> None:
    """It was there before the others that wait."""
    fleet.declare(Limit("x", concurrency=1))
    early = fleet.send(2, gates="l:x")
    fleet.gates.pause("actor:a")
    assert fleet.start(9) == []
    fleet.gates.resume("actor:a")
    late = fleet.send(1, gates="l:x")
    for run in [*early, *late]:
        assert fleet.start(1) == [run]
        fleet.end(run)
