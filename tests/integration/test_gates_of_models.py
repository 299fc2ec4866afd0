"""Breakers of models and providers, shared by a fleet: what opens them, who probes, and how they come back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import redis

from pipeline.breaker import Breaker
from pipeline.engine import keys
from pipeline.engine.gates import Refused
from tests.support.gated import NS, Fleet, most_within
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)
HOUR = 3_600_000
#: Opens after four calls, and stays open until a test lets its time pass.
STERN = Breaker(minimum=4, open_for=timedelta(hours=1), ramp=timedelta(seconds=1))


@pytest.fixture
def fleet(redis_client: redis.Redis) -> Fleet:
    """Scripts on an empty Redis, with a stern breaker and four runs that have started."""
    made = Fleet(redis_client)
    made.declare(STERN)
    made.send(4)
    assert len(made.start(4)) == 4
    return made


def fail(fleet: Fleet, model: str = "m", times: int = 4) -> dict[str, str]:
    told: dict[str, str] = {}
    for _ in range(times):
        changed = fleet.call("r1", "fail", model)
        assert isinstance(changed, dict)
        told |= changed
    return told


def pass_time(fleet: Fleet, name: str = "m", **fields: Any) -> None:
    """Let the time a breaker stays open be over."""
    fleet.client.hset(f"{{{NS}}}:breaker:{name}", mapping=fields or {"until_ms": 1})
    for gate in fleet.client.zrange(keys.gates(NS), 0, -1):
        fleet.client.zadd(keys.gates(NS), {gate: 1})


def test_it_opens_at_the_rate_of_failures_and_not_before_its_minimum(fleet: Fleet) -> None:
    """Of few calls nothing follows, and of many but few failures neither."""
    assert fail(fleet, times=3) == {}
    assert fleet.call("r1", "ok") == {}
    assert fleet.breaker() == "closed", "three of four is enough, but a success opens nothing"
    assert fleet.call("r1", "fail") == {"m": "open"}
    for _ in range(6):
        fleet.call("r1", "ok", "n")
    assert fail(fleet, "n", times=5) == {}
    assert fail(fleet, "n", times=1) == {"n": "open"}


@pytest.mark.parametrize("health", ["none", "limited"])
def test_what_says_nothing_about_health_is_not_counted(fleet: Fleet, health: str) -> None:
    """A wrong payload and a limit are no outage."""
    for _ in range(10):
        fleet.call("r1", health)  # type: ignore[arg-type] # one of them
    assert fleet.breaker() == "closed"
    assert fail(fleet) == {"m": "open"}, "nor does it hide one"


def test_a_slow_answer_counts_as_a_failure(fleet: Fleet) -> None:
    """It takes as long as the breaker says is slow."""
    changed = [fleet.call("r1", "ok", seconds=181) for _ in range(4)]
    assert changed[-1] == {"m": "open"}


def test_while_it_is_open_no_call_and_no_start_passes(fleet: Fleet) -> None:
    """And whoever asks hears for how long."""
    fail(fleet)
    answer = fleet.call("r2")
    assert isinstance(answer, Refused)
    assert answer.gate == "b:m"
    assert HOUR - 60_000 < answer.wait_ms <= HOUR
    fleet.send(2, gates="c:m")
    assert fleet.start(4) == []
    assert [(row["gate"], row["lanes"]) for row in fleet.seen.blocked()] == [("c:m", 1)]


def test_one_probe_at_a_time_in_the_whole_fleet(fleet: Fleet) -> None:
    """By starts and by calls alike; a probe that fails shuts it again for its time."""
    fail(fleet)
    ids = fleet.send(5, gates="c:m")
    pass_time(fleet)
    assert fleet.start(5) == ids[:1]
    assert fleet.breaker() == "half"
    assert fleet.start(5, worker="w2") == []
    other = fleet.call("r2")
    assert isinstance(other, Refused)
    assert fleet.call(ids[0], "fail") == {"m": "open"}
    assert fleet.breaker() == "open"
    pass_time(fleet)
    assert fleet.call("r2", "ok") == {"m": "recovering"}, "a call is a probe as well"


def test_a_dead_prober_frees_the_probe(fleet: Fleet) -> None:
    """When its lease has ended, or its run, without a word of how the call went."""
    fail(fleet)
    ids = fleet.send(3, gates="c:m")
    pass_time(fleet)
    assert fleet.start() == ids[:1]
    fleet.die(ids[0], swept=False)
    pass_time(fleet, holder=ids[0])
    assert fleet.start() == ids[1:2]
    fleet.end(ids[1])
    pass_time(fleet, holder=ids[1])
    assert fleet.start() == ids[2:]


def test_a_late_word_of_a_former_prober_changes_nothing(fleet: Fleet) -> None:
    """Only who has the probe says how it went."""
    fail(fleet)
    slow = fleet.asking("r2", "m")
    pass_time(fleet)
    held = fleet.reserve(slow)
    assert fleet.breaker() == "half"
    fleet.die("r2")
    assert not isinstance(fleet.reserve(fleet.asking("r3", "m")), Refused)
    assert fleet.settle(slow, "fail", reserved=held) == {}  # type: ignore[arg-type] # it was reserved
    assert fleet.breaker() == "half"
    assert fleet.call("r3", "ok") == {"m": "recovering"}


def test_they_come_back_a_few_at_first_then_more(fleet: Fleet) -> None:
    """Ten a second, then twice as many every fifth of the ramp; and after it as many as want to."""
    fleet.declare(Breaker(minimum=4, open_for=timedelta(hours=1), ramp=timedelta(seconds=2)))
    fail(fleet)
    ids = fleet.send(120, gates="c:m")
    pass_time(fleet)
    assert fleet.start(120) == ids[:1]
    assert fleet.call(ids[0]) == {"m": "recovering"}
    begun = fleet.starts(119)
    times = [fleet.started_ms(run) for run in begun]
    assert begun == ids[1:], "in their order"
    since = int(fleet.seen.breakers(["m"])[0]["since_ms"])
    for fifth in range(5):
        inside = [at for at in times if since + fifth * 400 <= at < since + (fifth + 1) * 400]
        assert len(inside) <= 4 * 2**fifth + 1, f"fifth {fifth}"
    assert most_within([at for at in times if at < since + 2000], 100) <= 18
    assert fleet.call(begun[-1]) in ({"m": "closed"}, {})
    eventually(lambda: fleet.call(begun[-1]) == {"m": "closed"} or fleet.breaker() == "closed", 5 * SECOND)


def test_who_was_let_in_need_not_wait_a_second_time(fleet: Fleet) -> None:
    """A start that passed while it recovers makes its call at once."""
    fleet.declare(Breaker(minimum=4, open_for=timedelta(hours=1), ramp=timedelta(minutes=10)))
    fail(fleet)
    ids = fleet.send(3, gates="c:m")
    pass_time(fleet)
    assert fleet.start() == ids[:1]
    fleet.call(ids[0])
    for run in fleet.starts(2):
        assert fleet.call(run) == {}
    fleet.call(ids[1])
    assert isinstance(fleet.call(ids[1]), Refused), "but once"


def test_failures_while_it_recovers_open_it_again(fleet: Fleet) -> None:
    """As many as it takes."""
    fail(fleet)
    pass_time(fleet)
    fleet.call("r2")
    assert fleet.breaker() == "recovering"

    def opened() -> bool:
        fleet.call("r1", "fail")
        return fleet.breaker() == "open"

    eventually(opened, 5 * SECOND)


def test_a_limited_model_is_asked_again_when_it_said(fleet: Fleet) -> None:
    """Nobody asks it before, and it is not open."""
    fleet.call("r1", "limited", wait_ms=300)
    answer = fleet.call("r2")
    assert isinstance(answer, Refused)
    assert 0 < answer.wait_ms <= 300
    assert fleet.breaker() == "closed"
    eventually(lambda: fleet.call("r2") == {}, 5 * SECOND)


def test_a_broken_key_shuts_the_provider_and_all_its_models(fleet: Fleet) -> None:
    """To those that have another, for the time it was given, or until it works; other providers are not concerned."""
    assert fleet.call("r1", "broken", "openai:x", wait_ms=HOUR) == {"openai": "broken"}
    waits = fleet.gates.waits_ms("r2", ["openai:x", "openai:y", "anthropic:x"])
    assert HOUR - 60_000 < waits[0] <= HOUR
    assert HOUR - 60_000 < waits[1] <= HOUR
    assert waits[2] == 0
    assert fleet.call("r2", model="openai:y") == {}, "who has no other asks it all the same"
    assert fleet.gates.waits_ms("r2", ["openai:x", "openai:y"]) == [0, 0]


def test_a_server_that_is_down_shuts_all_its_models(fleet: Fleet) -> None:
    """A model that fails shuts itself alone."""
    for health, shut in (("fail", False), ("down", True)):
        server = f"http://{health}:1/v1"
        for _ in range(4):
            fleet.call("r1", health, f"{server}#x")  # type: ignore[arg-type] # one of them
        waits = fleet.gates.waits_ms("r2", [f"{server}#x", f"{server}#y"])
        assert waits[0] > 0
        assert (waits[1] > 0) is shut


def test_a_chain_passes_while_one_of_its_models_is_free(fleet: Fleet) -> None:
    """And waits for whichever is back first when none is."""
    fail(fleet, "m1")
    ids = fleet.send(2, gates="c:m1|m2")
    assert fleet.start() == ids[:1]
    fleet.call("r1", "limited", "m2", wait_ms=HOUR // 2)
    assert fleet.start() == []
    assert [row["gate"] for row in fleet.seen.blocked()] == ["c:m1|m2"]
    assert fleet.gates.waits_ms(ids[0], ["m1", "m2"])[1] <= HOUR // 2


@pytest.mark.parametrize("name", ["openai", "openai:x"])
def test_a_chain_goes_on_with_whichever_model_is_back(fleet: Fleet, name: str) -> None:
    """Be it the one that was to take longer."""
    for model, ms in (("openai:x", HOUR), ("anthropic:y", HOUR // 2)):
        fleet.gates.open_breaker(model, ms)
    fleet.gates.open_breaker("openai", HOUR)
    ids = fleet.send(3, gates="c:openai:x|anthropic:y")
    assert fleet.start(3) == []
    fleet.gates.close_breaker("openai:x" if name == "openai" else "openai")
    assert fleet.start(3) == []
    fleet.gates.close_breaker(name)
    assert fleet.start(3) == ids


@pytest.mark.parametrize("name", ["openai", "openai:x"])
def test_opened_and_closed_by_hand(fleet: Fleet, name: str) -> None:
    """What waits at it goes on at once, be it the model's breaker or its provider's."""
    fleet.gates.open_breaker(name, HOUR)
    ids = fleet.send(2, gates="c:openai:x")
    assert fleet.start(2) == []
    fleet.gates.close_breaker(name)
    assert fleet.start(2) == ids


def test_a_breaker_of_an_actor_stands_before_its_start(fleet: Fleet) -> None:
    """Open, it lets nobody in; then one; then all."""
    fleet.gates.open_breaker("mail", HOUR)
    ids = fleet.send(3, gates="b:mail")
    assert fleet.start(3) == []
    pass_time(fleet, "mail")
    assert fleet.start(3) == ids[:1]
    fleet.gates.close_breaker("mail")
    assert fleet.start(3) == ids[1:]


def test_an_outage_wears_out_the_patience_of_all_that_wait(fleet: Fleet) -> None:
    """Probes that fail meanwhile are no sign that it is over."""
    fail(fleet)
    ids = fleet.send(12, gates="c:m", patience_ms=200)
    assert fleet.start(4) == []

    ends = {"snoozed", "dead waited_too_long: c:m"}

    def worn_out() -> bool:
        pass_time(fleet)
        for run in fleet.start(4):
            fleet.call(run, "fail")
            fleet.end(run, state="snoozed", delay_ms=HOUR)
        return {fleet.state(run) for run in ids} == ends

    eventually(worn_out, 2 * SECOND, every=timedelta(milliseconds=50))
