"""What workers declare is in force for all of them, and no longer than one of them says so."""

from __future__ import annotations

import pytest
import redis

from pipeline import Breaker, Budget, Limit
from pipeline.engine import keys
from pipeline.engine.connection import connect
from pipeline.engine.declarations import Declarations
from pipeline.engine.gates import Gates, Kind
from pipeline.engine.store import Store

NS = "dramaturg"
STARTS = Limit("uploads", rate=5)
CALLS = Limit("calls", rate=5, on="call")
DAY = Budget("day", usd=5)
SHELF = Breaker("shelf")


@pytest.fixture
def store(redis_url: str) -> Store:
    """The store of an empty Redis."""
    return Store(connect(redis_url), NS)


def in_force(store: Store) -> set[str]:
    kinds: tuple[Kind, ...] = ("limits", "breakers", "budgets")
    return {name for kind in kinds for name in Gates(store).policies(kind)}


def swept(client: redis.Redis, store: Store, *workers: str) -> None:
    """Let a sweep have happened now, and these workers be heard of."""
    store.sweep("w1", lease_ms=8000)
    seconds, micros = client.time()
    for worker in workers:
        client.zadd(keys.workers(NS), {worker: int(seconds) * 1000 + int(micros) // 1000})


def test_what_one_worker_still_declares_stays(store: Store) -> None:
    """Two deployments, or two versions of one in a rolling deploy: what either says is in force."""
    said = Declarations(store)
    said.declare("old", [CALLS], [SHELF], [DAY])
    said.declare("new", [CALLS], [], [])
    assert in_force(store) == {"declared:calls", "declared:shelf", "declared:day"}
    assert sorted(said.withdraw("old")) == ["breakers shelf", "budgets day"]
    assert in_force(store) == {"declared:calls"}


def test_a_worker_that_starts_again_says_all_anew(store: Store) -> None:
    """What was in its file before and is gone from it is in force no more."""
    said = Declarations(store)
    said.declare("w", [CALLS], [], [DAY])
    assert said.declare("w", [CALLS], [], []) == ["budgets day"]
    assert in_force(store) == {"declared:calls"}


def test_a_limit_of_starts_outlives_its_declaration(store: Store) -> None:
    """Runs were sent under it, and a limit that nobody describes would let none of them through."""
    said = Declarations(store)
    said.declare("old", [STARTS, CALLS], [], [])
    said.declare("new", [], [SHELF], [])
    assert said.withdraw("old") == ["limits calls"]
    assert in_force(store) == {"declared:uploads", "declared:shelf"}


def test_with_the_last_worker_nothing_goes(store: Store) -> None:
    """Between the old workers and the new ones nothing runs, and what is shown is what was in force."""
    said = Declarations(store)
    said.declare("only", [CALLS], [], [DAY])
    assert said.withdraw("only") == []
    assert said.declare("next", [CALLS], [], []) == ["budgets day"]


def test_what_was_set_by_hand_is_nobodys_to_take_back(store: Store) -> None:
    """It stays over what is declared, and after it."""
    said, gates = Declarations(store), Gates(store)
    said.declare("old", [], [], [DAY])
    gates.put("budgets", "day", Budget("day", usd=1).config())
    said.declare("new", [CALLS], [], [])
    said.withdraw("old")
    assert in_force(store) == {"set:day", "declared:calls"}


def test_a_worker_that_was_killed_is_forgotten_after_a_while(store: Store, redis_client: redis.Redis) -> None:
    """It cannot withdraw; ten minutes after it was last heard of its word is gone with it."""
    said = Declarations(store)
    said.declare("killed", [], [], [DAY])
    swept(redis_client, store)
    said.declare("new", [CALLS], [], [])
    assert "declared:day" in in_force(store)
    what = redis_client.hget(f"{{{NS}}}:declared_by", "killed")
    at_ms, _, names = what.partition(b"\n")
    redis_client.hset(f"{{{NS}}}:declared_by", "killed", b"%d\n%s" % (int(at_ms) - 601_000, names))
    assert said.declare("new", [CALLS], [], []) == ["budgets day"]


def test_nobody_is_taken_for_dead_who_could_not_be_heard(store: Store, redis_client: redis.Redis) -> None:
    """While no sweep was done Redis was away, and every worker looks as if it were gone."""
    said = Declarations(store)
    said.declare("live", [], [], [DAY])
    what = redis_client.hget(f"{{{NS}}}:declared_by", "live")
    at_ms, _, names = what.partition(b"\n")
    redis_client.hset(f"{{{NS}}}:declared_by", "live", b"%d\n%s" % (int(at_ms) - 601_000, names))
    assert said.declare("new", [CALLS], [], []) == []
    swept(redis_client, store, "live")
    assert said.declare("new", [CALLS], [], []) == []
    assert "declared:day" in in_force(store)
