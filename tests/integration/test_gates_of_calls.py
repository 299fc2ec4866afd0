"""What stands before a call of a model: limits of calls and tokens, and budgets; reserved first, settled later."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from pipeline.budget import Budget
from pipeline.engine import keys
from pipeline.engine.gates import Refused, Reserved
from pipeline.limit import Limit
from tests.support.gated import NS, Fleet
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)
DOLLAR = 1_000_000


@pytest.fixture
def fleet(redis_client: redis.Redis) -> Fleet:
    """Scripts on an empty Redis, with one run that has started."""
    made = Fleet(redis_client)
    made.send(3)
    assert made.start(3) == ["r1", "r2", "r3"]
    return made


def taken(fleet: Fleet, name: str, budget: Budget) -> dict[str, int]:
    seconds, micros = fleet.client.time()
    return fleet.seen.spent(name, budget.config(), seconds * 1000 + micros // 1000)


def refused_for(fleet: Fleet, duration: timedelta) -> None:
    """Ask for a start all the while, in vain."""
    begun = fleet.client.time()

    def over() -> bool:
        assert fleet.start() == []
        seconds, micros = fleet.client.time()
        return seconds - begun[0] + (micros - begun[1]) / 1e6 >= duration.total_seconds()

    eventually(over)


def test_a_lost_reply_reserves_once(fleet: Fleet) -> None:
    """The same call asked for again gets the same answer, and takes nothing a second time."""
    budget = Budget("b", usd=1, per=None)
    fleet.declare(budget, Limit("few", concurrency=1, on="call"), Limit("rate", rate=1, burst=2, on="call"))
    fleet.declare(Limit("tpm", tokens=2000, per=timedelta(hours=1), on="call"))
    asking = fleet.asking("r1", tokens=200, micros=700_000)
    answer = fleet.reserve(asking)
    assert isinstance(answer, Reserved), "and again: Fleet.reserve asks twice"
    assert taken(fleet, "b", budget)["held_micros"] == 700_000
    fleet.settle(asking, reserved=answer, tokens=200, micros=700_000)
    assert taken(fleet, "b", budget) == {"micros": 700_000, "tokens": 200, "held_micros": 0, "held_tokens": 0}
    other = fleet.asking("r2", tokens=0, micros=0)
    assert isinstance(fleet.gates.reserve(other), Reserved), "the second permit of the burst is still there"


def test_what_is_refused_takes_nothing_of_anything(fleet: Fleet) -> None:
    """Limits, tokens and budgets are taken all or not at all, and it says for what and how long to wait."""
    budget = Budget("b", usd=1, per=None)
    fleet.declare(budget, Limit("few", concurrency=1, on="call"), Limit("rate", rate=1, burst=3, on="call"))
    first = fleet.asking("r1")
    held = fleet.reserve(first)
    assert isinstance(held, Reserved)
    for _ in range(5):
        answer = fleet.gates.reserve(fleet.asking("r2"))
        assert isinstance(answer, Refused)
        assert (answer.gate, answer.then) == ("l:few", "wait")
        assert 0 < answer.wait_ms <= 1000
    assert taken(fleet, "b", budget)["held_micros"] == 100
    fleet.settle(first, reserved=held, micros=40)
    assert taken(fleet, "b", budget) == {"micros": 40, "tokens": 0, "held_micros": 0, "held_tokens": 0}
    assert isinstance(fleet.gates.reserve(fleet.asking("r2")), Reserved)


def test_a_call_of_a_lost_lease_is_not_made(fleet: Fleet) -> None:
    """Whoever lost the run asks in vain, and takes nothing."""
    fleet.declare(Limit("few", concurrency=5, on="call"))
    late = fleet.asking("r1")
    fleet.die("r1")
    assert fleet.gates.reserve(late) is None
    assert fleet.seen.in_use("few") == 0


def test_a_budget_is_never_overspent_however_many_ask(fleet: Fleet) -> None:
    """What is reserved counts as spent until it is settled."""
    budget = Budget("b", usd=0.001, per=None)
    fleet.declare(budget)
    held = [(asking, fleet.reserve(asking)) for asking in [fleet.asking("r1", micros=300) for _ in range(5)]]
    assert [isinstance(answer, Reserved) for _, answer in held] == [True, True, True, False, False]
    refused = held[3][1]
    assert isinstance(refused, Refused)
    assert refused.then == "wait", "others hold it, and may give some back"
    for asking, answer in held[:3]:
        assert isinstance(answer, Reserved)
        fleet.settle(asking, reserved=answer, micros=200)
    assert taken(fleet, "b", budget)["micros"] == 600
    assert isinstance(fleet.reserve(fleet.asking("r1", micros=400)), Reserved)
    assert isinstance(fleet.reserve(fleet.asking("r1", micros=1)), Refused)


@pytest.mark.parametrize(
    ("then", "per", "expected"), [("wait", 1, "wait"), ("stop", 1, "stop"), ("wait", None, "stop")]
)
def test_when_it_is_spent_runs_wait_for_the_next_period_or_stop(
    fleet: Fleet, then: str, per: int | None, expected: str
) -> None:
    """And where no period follows there is nothing to wait for."""
    budget = Budget("b", usd=1, per=None if per is None else timedelta(hours=per), then=then)  # type: ignore[arg-type] # parametrized
    fleet.declare(budget)
    fleet.call("r1", micros=950_000)
    answer = fleet.reserve(fleet.asking("r1", micros=60_000))
    assert isinstance(answer, Refused)
    assert (answer.gate, answer.then) == ("m:b", expected)
    if expected == "wait":
        assert 0 < answer.wait_ms <= 3_600_001


def test_a_budget_begins_anew_with_its_period(fleet: Fleet) -> None:
    """And what was reserved before midnight is settled to the day it was reserved in."""
    budget = Budget("b", usd=1, per=timedelta(milliseconds=200))
    fleet.declare(budget)
    fleet.call("r1", micros=DOLLAR)

    def again() -> bool:
        asking = fleet.asking("r1", micros=DOLLAR)
        return isinstance(fleet.gates.reserve(asking), Reserved)

    eventually(again, SECOND)


def test_a_call_above_the_whole_budget_never_waits(fleet: Fleet) -> None:
    """No period will ever allow it; nor what nobody knows the price of."""
    fleet.declare(Budget("b", usd=1))
    for micros, gate in ((DOLLAR + 1, "m:b"), (-1, "u:b")):
        answer = fleet.reserve(fleet.asking("r1", micros=micros))
        assert isinstance(answer, Refused)
        assert (answer.then, answer.gate) == ("stop", gate)


def test_each_tenant_flow_actor_and_model_has_a_budget_of_its_own(fleet: Fleet) -> None:
    """What one has spent is not the other's."""
    for by in ("group", "flow", "actor", "model"):
        fleet.declare(Budget(by, tokens=1000, by=by, per=None))  # type: ignore[arg-type] # one of the four
    one = fleet.asking("r1", "m1", tokens=1000, group="g1", flow="f1", actor="a1")
    assert isinstance(fleet.reserve(one), Reserved)
    other = fleet.asking("r1", "m2", tokens=1000, group="g2", flow="f2", actor="a2")
    assert isinstance(fleet.reserve(other), Reserved)
    for same in ({"group": "g1"}, {"flow": "f1"}, {"actor": "a1"}):
        where = {"group": "g3", "flow": "f3", "actor": "a3"} | same
        answer = fleet.reserve(fleet.asking("r2", "m3", tokens=1, **where))
        assert isinstance(answer, Refused)
        assert answer.gate.startswith(f"m:{next(iter(same))}=")


@pytest.mark.parametrize("goes_on", [False, True])
def test_what_the_dead_had_reserved_is_free_when_their_lease_has_ended(fleet: Fleet, goes_on: bool) -> None:
    """Though the run itself goes on elsewhere: the call died with its worker."""
    fleet.declare(Budget("b", usd=1, per=None), Limit("few", concurrency=1, on="call"))
    assert isinstance(fleet.reserve(fleet.asking("r1", micros=900_000)), Reserved)
    assert isinstance(fleet.reserve(fleet.asking("r2", micros=900_000)), Refused)
    fleet.die("r1", swept=goes_on)
    if goes_on:
        assert fleet.start() == ["r1"]
    asking = fleet.asking("r2", micros=900_000)
    answer = fleet.reserve(asking)
    assert isinstance(answer, Reserved)
    fleet.settle(asking, reserved=answer, micros=900_000)
    assert taken(fleet, "b", Budget("b", usd=1, per=None))["held_micros"] == 0


def test_what_the_dead_had_reserved_is_not_shown_for_ever(fleet: Fleet) -> None:
    """Though nobody was short of it."""
    budget = Budget("b", usd=1, per=None)
    fleet.declare(budget)
    assert isinstance(fleet.reserve(fleet.asking("r1", micros=300_000)), Reserved)
    fleet.die("r1")
    fleet.call("r2", micros=10)
    eventually(lambda: taken(fleet, "b", budget)["held_micros"] == 0, SECOND)


def test_a_tokens_limit_is_corrected_when_the_call_is_over(fleet: Fleet) -> None:
    """What was estimated too high is given back, what was too low is owed."""
    fleet.declare(Limit("tpm", tokens=10_000, per=timedelta(minutes=1), on="call"))
    first = fleet.asking("r1", tokens=1000)
    held = fleet.reserve(first)
    assert isinstance(held, Reserved)
    second = fleet.gates.reserve(fleet.asking("r2", tokens=500))
    assert isinstance(second, Refused)
    assert 2900 < second.wait_ms <= 3000, "half of the burst of a tenth is back in three seconds"
    fleet.settle(first, reserved=held, tokens=100)
    assert isinstance(fleet.reserve(fleet.asking("r2", tokens=500)), Reserved)
    third = fleet.asking("r3", "n", tokens=400)
    got = fleet.reserve(third)
    assert isinstance(got, Reserved)
    fleet.settle(third, reserved=got, tokens=1400)
    owed = fleet.gates.reserve(fleet.asking("r1", tokens=1))
    assert isinstance(owed, Refused)
    assert 3500 < owed.wait_ms <= 3610, "a thousand more than it was to take, less what is left of the burst"


def test_a_tokens_limit_expects_what_such_calls_took_so_far(fleet: Fleet) -> None:
    """What they might take at most is ten times as much, and would leave most of the limit unused."""
    fleet.declare(Limit("tpm", tokens=10_000, per=timedelta(hours=1), on="call"))
    first = fleet.asking("r1", tokens=1000)
    held = fleet.reserve(first)
    assert isinstance(held, Reserved)
    assert held.tokens == 1000
    fleet.settle(first, reserved=held, tokens=100)
    at_once = [fleet.reserve(fleet.asking("r1", tokens=1000)) for _ in range(10)]
    assert [isinstance(answer, Reserved) for answer in at_once] == [True] * 9 + [False]
    other = fleet.gates.reserve(fleet.asking("r1", tokens=1000, actor="b"))
    assert isinstance(other, Refused), "of another actor's calls nothing is known"


def test_runs_do_not_start_only_to_find_that_no_call_is_left(fleet: Fleet) -> None:
    """Those whose models are all out of calls wait in line, others start; when a call is left they go on at once."""
    fleet.declare(Limit("few", concurrency=1, by="model", on="call"))
    asking = fleet.asking("r1", "m1")
    held = fleet.reserve(asking)
    assert isinstance(held, Reserved)
    waits = fleet.send(1, gates="c:m1")
    assert fleet.start(9) == []
    assert [row["gate"] for row in fleet.seen.blocked()] == ["l:few=m1"]
    either = fleet.send(1, gates="c:m1|m2")
    assert fleet.start(9) == either
    fleet.settle(asking, reserved=held, tokens=100)
    assert fleet.start(9) == waits
    fleet.declare(Limit("tpm", tokens=10_000, per=timedelta(hours=1), by="group", on="call"))
    large = fleet.asking("r2", "m3", tokens=2000, group="g")
    assert isinstance(fleet.reserve(large), Reserved)
    fleet.send(1, gates="c:m4", group="g")
    other = fleet.send(1, gates="c:m4", group="h")
    assert fleet.start(9) == other
    assert [row["gate"] for row in fleet.seen.blocked()] == ["l:tpm=g"]


def test_a_line_before_a_limit_of_calls_that_moves_tires_nobody(fleet: Fleet) -> None:
    """One that does not move does."""
    fleet.declare(Limit("few", concurrency=1, on="call"))
    ids = fleet.send(4, gates="c:m", patience_ms=300)
    for run in ids[:2]:
        asking = fleet.asking("r1")
        held = fleet.reserve(asking)
        assert isinstance(held, Reserved)
        assert fleet.start() == []
        refused_for(fleet, timedelta(milliseconds=200))
        fleet.settle(asking, reserved=held)
        assert fleet.starts(1, SECOND) == [run]
        fleet.end(run)
    assert isinstance(fleet.reserve(fleet.asking("r1")), Reserved)
    eventually(lambda: fleet.start() == [] and fleet.state(ids[3]) == "dead waited_too_long: l:few", 2 * SECOND)


def test_a_call_larger_than_the_burst_is_made_and_owes_the_rest(fleet: Fleet) -> None:
    """It waits until nothing is owed, not for ever."""
    fleet.declare(Limit("tpm", tokens=1000, per=timedelta(minutes=1), on="call"))
    assert isinstance(fleet.reserve(fleet.asking("r1", tokens=700)), Reserved)
    answer = fleet.gates.reserve(fleet.asking("r2", tokens=1))
    assert isinstance(answer, Refused)
    assert 35_000 < answer.wait_ms <= 42_000


def test_limits_of_calls_count_by_provider_and_by_model(fleet: Fleet) -> None:
    """Two models of one provider share what is counted by provider."""
    fleet.declare(Limit("p", concurrency=2, by="provider", on="call"), Limit("m", concurrency=1, by="model", on="call"))
    assert isinstance(fleet.reserve(fleet.asking("r1", "openai:x")), Reserved)
    one = fleet.gates.reserve(fleet.asking("r2", "openai:x"))
    assert isinstance(one, Refused)
    assert one.gate == "l:m=openai:x"
    assert isinstance(fleet.reserve(fleet.asking("r2", "openai:y")), Reserved)
    two = fleet.gates.reserve(fleet.asking("r3", "openai:z"))
    assert isinstance(two, Refused)
    assert two.gate == "l:p=openai"
    for model in ("http://127.0.0.1:1/v1#x", "http://127.0.0.1:1/v1#y"):
        assert isinstance(fleet.reserve(fleet.asking("r3", model)), Reserved)
    assert fleet.seen.in_use("p=http://127.0.0.1:1/v1") == 2


def test_the_calls_of_a_run_are_kept_with_it(fleet: Fleet) -> None:
    """Each once, in order."""
    for model in ("m1", "m2"):
        fleet.call("r1", model=model, tokens=5)
    found = fleet.client.lrange(keys.calls(NS, "r1"), 0, -1)
    assert [row.split(b'"model":"')[1][:2] for row in found] == [b"m1", b"m2"]
