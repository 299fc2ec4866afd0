"""One key, one run: what a second sending does, in each mode, also when many send and when replies are lost."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import redis

from pipeline.engine import keys
from pipeline.engine.records import NewRun
from pipeline.sending import Mode
from tests.actors.plain import Nap, nap
from tests.chaos.stage import Stage
from tests.support.gated import NS, Fleet
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)
HOUR_MS = 3_600_000


@pytest.fixture
def fleet(redis_client: redis.Redis) -> Fleet:
    """Scripts on an empty Redis."""
    return Fleet(redis_client)


def send(fleet: Fleet, run_id: str, mode: Mode, *, period_ms: int = HOUR_MS) -> str:
    """Send under one key; the payload says which sending it was."""
    timed = mode in {"throttle", "debounce"}
    (got,) = fleet.store.enqueue(
        [
            NewRun(
                id=run_id,
                actor="a",
                queue="q",
                message=f'{{"args":["payload {run_id[1:]}"],"message_id":"{run_id}"}}'.encode(),
                key="k",
                mode=mode,
                period_ms=period_ms if timed else 0,
                delay_ms=period_ms if mode == "debounce" else 0,
            )
        ]
    )
    return got


def message(fleet: Fleet, run_id: str) -> str:
    return str(fleet.client.hget(keys.run(NS, run_id), "message").decode())


def fall_due(fleet: Fleet) -> None:
    """Let the time of what is delayed come."""
    for run in fleet.client.zrange(keys.delayed(NS), 0, -1):
        fleet.client.zadd(keys.delayed(NS), {run: 1})


def test_return_gives_the_first_while_it_has_not_failed(fleet: Fleet) -> None:
    """A finished one is served, a dead or cancelled one is not."""
    assert [send(fleet, run, "return") for run in ("x1", "x2")] == ["x1", "x1"]
    fleet.start()
    assert send(fleet, "x3", "return") == "x1"
    fleet.end("x1")
    assert send(fleet, "x4", "return") == "x1"
    assert fleet.start() == []
    for state in ("dead", "cancelled"):
        fleet.store.discard_run("x1")
        first = send(fleet, f"{state}1", "return")
        assert fleet.start() == [first]
        fleet.end(first, state=state)
        assert send(fleet, f"{state}2", "return") == f"{state}2"
        assert fleet.start() == [f"{state}2"]
        fleet.end(f"{state}2")
        fleet.store.discard_run(f"{state}2")


def test_throttle_gives_one_a_period_however_it_ended(fleet: Fleet) -> None:
    """Though it is removed meanwhile; and the first after the period is a new one."""
    assert send(fleet, "x1", "throttle", period_ms=700) == "x1"
    fleet.start()
    fleet.end("x1", state="dead")
    assert send(fleet, "x2", "throttle", period_ms=700) == "x1"
    fleet.store.discard_run("x1")
    assert send(fleet, "x3", "throttle", period_ms=700) == "x1"
    assert fleet.start() == []
    eventually(lambda: send(fleet, "x4", "throttle") == "x4", 2 * SECOND)
    assert fleet.start() == ["x4"]


def test_debounce_starts_one_a_period_after_the_last_with_its_payload(fleet: Fleet) -> None:
    """Each sending puts it off; when it has started, the next is a run of its own."""
    assert send(fleet, "x1", "debounce") == "x1"
    first_due = int(fleet.client.hget(keys.run(NS, "x1"), "due_ms"))
    eventually(
        lambda: (
            send(fleet, "x2", "debounce") == "x1" and int(fleet.client.hget(keys.run(NS, "x1"), "due_ms")) > first_due
        )
    )
    assert message(fleet, "x1") == '{"args":["payload 2"],"message_id":"x1"}', "the id stays, the payload does not"
    assert fleet.start() == []
    fall_due(fleet)
    assert fleet.start() == ["x1"]
    assert send(fleet, "x3", "debounce") == "x3"


def test_replace_puts_the_new_payload_in_the_place_of_what_has_not_started(fleet: Fleet) -> None:
    """In its turn; one that has started stays as it is, though it waits for its next start, and a new one waits too."""
    send(fleet, "x1", "replace")
    fleet.send(1)
    assert send(fleet, "x2", "replace") == "x1"
    assert message(fleet, "x1") == '{"args":["payload 2"],"message_id":"x1"}'
    assert fleet.start(2) == ["x1", "r1"], "it has kept its turn"
    fleet.end("x1", state="queued")
    assert send(fleet, "x3", "replace") == "x3"
    assert send(fleet, "x4", "replace") == "x3"


@pytest.mark.parametrize("mode", ["replace", "debounce"])
def test_a_lost_reply_makes_no_second_run_though_the_first_has_started_meanwhile(fleet: Fleet, mode: Mode) -> None:
    """The sender asks again; its payload is on its way already."""
    assert send(fleet, "x1", mode) == "x1"
    assert send(fleet, "x2", mode) == "x1"
    fall_due(fleet)
    assert fleet.start() == ["x1"]
    assert send(fleet, "x2", mode) == "x1"
    fall_due(fleet)
    assert fleet.start() == []


@pytest.mark.parametrize("mode", ["return", "throttle", "debounce", "replace"])
def test_of_many_senders_at_once_one_makes_a_run(here: Stage, mode: Mode) -> None:
    """And all of them hear of the same."""
    period = timedelta(hours=1) if mode in {"throttle", "debounce"} else None
    got: list[str] = []

    def sender(number: int) -> None:
        got.extend(nap.send(Nap(tag=f"{number}.{n}"), key="k", mode=mode, period=period).id for n in range(10))

    threads = [threading.Thread(target=sender, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 80
    assert len(set(got)) == 1
    state = "snoozed" if mode == "debounce" else "queued"
    assert [row["id"] for row in here.inspector.list_runs(state if state == "queued" else "delayed")] == [got[0]]


def test_a_worker_does_what_was_sent_last(here: Stage) -> None:
    """Once, and in full."""
    handles = [nap.send(Nap(tag=str(n)), key="k", mode="debounce", period=0.3 * SECOND) for n in range(5)]
    here.worker(threads=2)
    assert {handle.id for handle in handles} == {handles[0].id}
    assert handles[0].result(10 * SECOND) == "4"
    assert here.ledger.count("effect") == 1
    again = nap.send(Nap(tag="5"), key="k", mode="debounce", period=0.1 * SECOND)
    assert again.id != handles[0].id
    assert again.result(10 * SECOND) == "5"
