"""What stands before a run: limits of starts, and the lanes that wait there; straight on the scripts."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import redis

from pipeline.breaker import Breaker
from pipeline.engine import keys
from pipeline.engine.records import Commit
from pipeline.limit import Limit
from tests.support.gated import NS, Fleet, most_within
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)


@pytest.fixture
def fleet(redis_client: redis.Redis) -> Fleet:
    """Scripts on an empty Redis."""
    return Fleet(redis_client)


def started(fleet: Fleet, ids: list[str]) -> list[int]:
    return [fleet.started_ms(run) for run in ids]


@pytest.mark.parametrize(("rate", "burst"), [(100, 1), (100, 3), (30, 1), (250, 6)])
def test_a_rate_lets_no_more_start_in_any_window_than_it_says(fleet: Fleet, rate: int, burst: int) -> None:
    """A window of a tenth of a second holds a tenth of the rate and the burst less one, wherever it begins."""
    fleet.declare(Limit("x", rate=rate, burst=burst))
    fleet.send(40, gates="l:x")
    times = started(fleet, fleet.starts(40))
    window = 100
    assert most_within(times, window) <= burst + -(-window * rate // 1000) - 1
    assert most_within(times, 1) <= burst
    spread = (40 - burst) * 1000 / rate
    assert spread - 1 <= times[-1] - times[0] <= spread + 1000, "nor fewer, but for what this machine took"


def test_a_burst_is_what_was_not_used_and_no_more(fleet: Fleet) -> None:
    """After a pause three start at once and the fourth waits for its time."""
    fleet.declare(Limit("x", rate=2, burst=3))
    fleet.send(5, gates="l:x")
    assert len(fleet.start(5)) == 3
    assert fleet.due_ms is not None
    assert 0 < fleet.due_ms <= 500, "it says when to come back"


def test_a_concurrency_limit_counts_what_runs_and_gives_back_what_ended(fleet: Fleet) -> None:
    """However a run ends, the next one starts in its place at once."""
    fleet.declare(Limit("x", concurrency=2))
    ids = fleet.send(9, gates="l:x")
    assert fleet.start(9) == ids[:2]
    assert fleet.start(9) == []
    for at, state in enumerate(("completed", "dead", "cancelled", "retrying", "snoozed", "review")):
        fleet.end(ids[at], state=state, delay_ms=10**9)
        assert fleet.start(9) == [ids[at + 2]], state
        assert fleet.seen.in_use("x") == 2
    fleet.end(ids[6], state="queued")
    assert fleet.start(9) == [ids[6]], "what was given back is first again"


def test_a_dead_holders_permit_is_free_when_its_lease_has_ended(fleet: Fleet) -> None:
    """Nobody need have noticed that it died."""
    fleet.declare(Limit("x", concurrency=2))
    ids = fleet.send(4, gates="l:x")
    assert fleet.start(4) == ids[:2]
    fleet.die(ids[0], swept=False)
    fleet.client.zadd(keys.gates(NS), {"l:x": 1})  # the time to look again has come
    assert fleet.start(4) == [ids[2]]
    assert fleet.seen.in_use("x") == 2
    fleet.die(ids[1])
    assert fleet.start(4) == [ids[0]], "the sweep puts both back in their places, and gives a permit back"
    fleet.end(ids[0], ids[2])
    assert fleet.start(4) == [ids[1], ids[3]]
    fleet.end(ids[1], ids[3])
    assert fleet.seen.in_use("x") == 0


def test_a_worker_that_only_seemed_dead_takes_no_permit_from_its_successor(fleet: Fleet) -> None:
    """The late end of the first start leaves the permit of the second alone."""
    fleet.declare(Limit("x", concurrency=1))
    ids = fleet.send(2, gates="l:x")
    assert fleet.start(2) == ids[:1]
    former = fleet.leases[ids[0]]
    fleet.die(ids[0])
    assert fleet.start(2, worker="w2") == ids[:1]
    fleet.leases[ids[0]], present = former, fleet.leases[ids[0]]
    with pytest.raises(AssertionError):
        fleet.end(ids[0])
    assert fleet.seen.in_use("x") == 1
    assert fleet.start(2) == []
    fleet.leases[ids[0]] = present
    fleet.end(ids[0])
    assert fleet.start(2) == ids[1:]


def test_several_limits_are_taken_all_or_not_at_all(fleet: Fleet) -> None:
    """What one limit refuses uses nothing of the others."""
    fleet.declare(Limit("rate", rate=1, burst=5), Limit("few", concurrency=1), Limit("many", concurrency=100))
    ids = fleet.send(4, gates="l:rate l:many l:few")
    assert fleet.start(4) == ids[:1]
    for _ in range(5):
        fleet.client.zadd(keys.gates(NS), {"l:few": 1})
        assert fleet.start(4) == []
    assert fleet.seen.in_use("many") == 1
    fleet.end(ids[0])
    assert fleet.start(4) == ids[1:2]
    fleet.end(ids[1])
    assert fleet.start(4) == ids[2:3], "the rate still had its burst: refusals took nothing of it"


def test_a_limit_whose_name_ends_like_a_breaker_is_not_taken_for_it(fleet: Fleet) -> None:
    """The attempt is told to the breaker before it, and to no other that is spelled within another gate."""
    fleet.declare(Limit("web:x", concurrency=9), Breaker("crm", minimum=1), Breaker("x", minimum=1))
    [run] = fleet.send(gates="l:web:x b:crm")
    fleet.start()
    lease = fleet.leases[run]
    assert fleet.store.commit([Commit(run, lease.fence, "dead", reason="transient", health="fail")]) == [1]
    assert fleet.breaker("crm") == "open"
    assert fleet.breaker("x") == "closed"


def test_a_limit_by_key_counts_every_key_for_itself(fleet: Fleet) -> None:
    """One user's limit holds up no other user, and may be set for one alone."""
    fleet.declare(Limit("user", concurrency=1, by="user"))
    fleet.set("limits", "set:user=vip", Limit("user", concurrency=3, by="user"))
    for user in ("ann", "bob", "vip"):
        fleet.send(4, gates=f"l:user={user}")
    begun = Counter(fleet.client.hget(keys.run(NS, run), "gates").decode() for run in fleet.start(20))
    assert begun == {"l:user=ann": 1, "l:user=bob": 1, "l:user=vip": 3}


def test_what_no_limit_holds_up_passes_what_waits(fleet: Fleet) -> None:
    """Runs behind a shut gate are out of the way of everybody else, of their own group too."""
    fleet.declare(Limit("x", concurrency=1))
    held = fleet.send(3, gates="l:x", group="g")
    free = fleet.send(3, group="g")
    assert set(fleet.start(9)) == {held[0], *free}


def test_a_gate_that_nobody_declared_lets_nothing_through(fleet: Fleet) -> None:
    """It fails closed, until a worker says what it is."""
    ids = fleet.send(1, gates="l:unheard")
    assert fleet.start() == []
    fleet.declare(Limit("unheard", concurrency=1))
    assert fleet.start() == ids


def test_lanes_come_back_in_the_order_of_their_turns(fleet: Fleet) -> None:
    """Each group in turn gets the one permit, the last one sent included."""
    fleet.declare(Limit("x", concurrency=1))
    for group in ("a", "b", "c"):
        fleet.send(3, gates="l:x", group=group)
    order = []
    for _ in range(9):
        (run,) = fleet.starts(1)
        assert fleet.start(9) == [], "all of them wait"
        order.append(fleet.client.hget(keys.run(NS, run), "group").decode())
        fleet.end(run)
    assert sorted(order[:3]) == sorted(order[3:6]) == sorted(order[6:]) == ["a", "b", "c"]


def test_a_lane_that_another_gate_holds_up_leaves_room_for_the_next(fleet: Fleet) -> None:
    """At once, however many of them there are before it."""
    fleet.declare(Limit("x", concurrency=1), Limit("user", concurrency=1, by="user"))
    holders = fleet.send(12, gates="", group="h")
    for number in range(12):
        fleet.send(2, gates=f"l:user={number}", group=f"a{number}")
    assert set(fleet.start(24)) >= set(holders)
    (first,) = fleet.send(1, gates="l:x")
    assert fleet.start(1) == [first]
    for number in range(12):
        fleet.send(1, gates=f"l:x l:user={number}", group=f"a{number}")
    (last,) = fleet.send(1, gates="l:x", group="z")
    assert fleet.start(9) == []
    fleet.end(first)
    assert fleet.starts(1, SECOND) == [last]


def test_weights_count_at_a_gate_too(fleet: Fleet) -> None:
    """Who has twice the share gets the permit twice as often."""
    fleet.client.hset(f"{{{NS}}}:weight", "b", 2)
    fleet.declare(Limit("x", concurrency=1))
    for group in ("a", "b"):
        fleet.send(20, gates="l:x", group=group)
    order = []
    for _ in range(18):
        (run,) = fleet.starts(1)
        order.append(fleet.client.hget(keys.run(NS, run), "group").decode())
        fleet.end(run)
    assert 5 <= order.count("a") <= 7


@pytest.mark.parametrize("want", [1, 8])
def test_a_group_with_many_lines_has_one_share(fleet: Fleet, want: int) -> None:
    """A tenant's users with a limit each are served together as often as a tenant without, and take turns."""
    fleet.declare(Limit("user", concurrency=100, by="user"))
    for user in range(10):
        fleet.send(10, gates=f"l:user={user}", group="many")
    fleet.send(40, group="plain")
    fleet.send(40, gates="l:user=z", group="one")
    begun: Counter[str] = Counter()
    users: Counter[str] = Counter()
    while sum(begun.values()) < 96:
        for run in fleet.start(want):
            group, gates = fleet.client.hmget(keys.run(NS, run), "group", "gates")
            begun[group.decode()] += 1
            users[gates.decode() if group == b"many" else ""] += 1
            fleet.end(run)
    assert all(28 <= begun[group] <= 38 for group in ("many", "plain", "one")), begun
    del users[""]
    assert max(users.values()) - min(users.values()) <= 2, users
    while fleet.start(50):
        pass
    assert not fleet.client.exists(f"{{{NS}}}:turns:q"), "what nobody needs any more is left"


def test_a_higher_tier_is_first_at_a_gate_too(fleet: Fleet) -> None:
    """Whoever came before."""
    fleet.declare(Limit("x", concurrency=1))
    (low, *_), (high,) = fleet.send(3, gates="l:x", tier=3, group="g"), fleet.send(1, gates="l:x", tier=0)
    (first,) = fleet.start(1)
    fleet.end(first)
    assert [first, *fleet.start(1)] == [high, low]


def test_a_limit_is_changed_while_it_is_in_force(fleet: Fleet) -> None:
    """What was set by hand is over what the code says, at once, until it is taken back."""
    fleet.declare(Limit("x", concurrency=1))
    ids = fleet.send(6, gates="l:x")
    assert fleet.start(9) == ids[:1]
    fleet.gates.put("limits", "x", Limit("x", concurrency=4).config())
    assert fleet.start(9) == ids[1:4]
    fleet.gates.put("limits", "x", None)
    fleet.end(ids[0])
    assert fleet.start(9) == []


def test_a_slow_rate_made_faster_owes_nothing_of_its_slowness(fleet: Fleet) -> None:
    """Who would have waited an hour waits as long as the new rate says."""
    fleet.declare(Limit("x", rate=1, per=timedelta(hours=1), burst=1))
    ids = fleet.send(3, gates="l:x")
    assert fleet.start(3) == ids[:1]
    fleet.gates.put("limits", "x", Limit("x", rate=50, burst=1).config())
    assert fleet.starts(2, SECOND) == ids[1:]


def test_patience_ends_in_a_dead_run_that_says_what_it_waited_for(fleet: Fleet) -> None:
    """All of a line whose gate stays shut, not one after another; and none that has just come."""
    fleet.declare(Limit("x", concurrency=1))
    (holder,) = fleet.send(1, gates="l:x")
    assert fleet.start() == [holder]
    impatient = fleet.send(3, gates="l:x", patience_ms=150)
    assert fleet.start(9) == []

    def all_dead() -> bool:
        fleet.client.zadd(keys.gates(NS), {"l:x": 1})
        assert fleet.start(9) == []
        return {fleet.state(run) for run in impatient} == {"dead waited_too_long: l:x"}

    eventually(all_dead, timedelta(milliseconds=600))
    (late,) = fleet.send(1, gates="l:x", patience_ms=60_000)
    assert fleet.start(9) == []
    assert fleet.state(late) == "queued"
    fleet.end(holder)
    assert fleet.start(9) == [late]


def test_a_long_line_that_moves_tires_nobody(fleet: Fleet) -> None:
    """Waiting behind others is no waiting for a gate that is shut."""
    fleet.declare(Limit("x", rate=20, burst=1))
    ids = fleet.send(8, gates="l:x", patience_ms=200)
    assert fleet.starts(8) == ids


def test_nothing_is_left_behind_when_all_is_done(fleet: Fleet) -> None:
    """No lane, no gate and no permit of runs that have ended stays in Redis."""
    fleet.declare(Limit("x", concurrency=2, rate=1000), Limit("u", concurrency=1, by="u"))
    for number in range(12):
        fleet.send(1, gates=f"l:x l:u={number % 3}", group=str(number % 2))
    for _ in range(12):
        fleet.end(*fleet.starts(1))
    kept = ("blocked", "held", "permits", "rate", "ready:q:", "gates", "shut")

    def left() -> list[str]:
        assert fleet.start(9) == []
        return [
            key for key in (name.decode().split(":", 1)[1] for name in fleet.client.keys("*")) if key.startswith(kept)
        ]

    eventually(lambda: not left())
