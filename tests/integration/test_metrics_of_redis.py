"""The figures that are read from Redis: what they count, who exports them, and how little of Redis they need."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from pipeline import metrics
from pipeline.breaker import Breaker
from pipeline.budget import Budget
from pipeline.engine import keys
from pipeline.engine.export import Exporter
from pipeline.engine.records import NewRun
from pipeline.limit import Limit
from pipeline.metrics.scraped import rows_of
from tests.support.command_line import CommandHere
from tests.support.gated import NS, Fleet
from tests.support.waiting import eventually

#: What a metric says for some label values.
Found = dict[tuple[str, ...], float]


@pytest.fixture
def fleet(redis_client: redis.Redis) -> Fleet:
    """The engine's scripts at an empty Redis."""
    return Fleet(redis_client)


def announce(fleet: Fleet, worker: str = "w", *, queues: tuple[str, ...] = ("q",), slots: int = 4) -> None:
    """Let a worker be heard of, and say what it serves."""
    fleet.store.renew(worker, [], lease_ms=1000)
    told = {"queues": {queue: {"slots": slots, "limit": 600} for queue in queues}}
    names = ["actor a", "model m", *(f"queue {queue}" for queue in queues)]
    fleet.store.script("export_announce")(worker, orjson.dumps(told), *names)


def figures(fleet: Fleet) -> dict[str, Found]:
    """Give the figures by metric and label values, as they are exported."""
    found: dict[str, Found] = {}
    for name, labels, value in rows_of(Exporter(fleet.store, "").look()):
        found.setdefault(name.removeprefix("dramaturg_"), {})[labels] = value
    return found


def test_runs_are_told_by_queue_and_state(fleet: Fleet) -> None:
    """Each run is in one state: in line, at a gate, waiting for its time, under way, or for somebody."""
    fleet.declare(Limit("slow", concurrency=1))
    announce(fleet)
    [going, again, asleep, asked] = fleet.send(4)
    fleet.start(4)
    fleet.end(again, state="retrying", delay_ms=60_000)
    fleet.end(asleep, state="snoozed", delay_ms=60_000)
    fleet.end(asked, state="review")
    fleet.send(3)
    fleet.send(2, delay_ms=60_000)
    fleet.send(3, queue="gated", gates="l:slow")
    assert len(fleet.start(3, queues=("gated",))) == 1
    fleet.send(1, actor="nobody", queue="odd")
    fleet.start(1, queues=("odd",))
    fleet.send(1, needs=1)

    runs = figures(fleet)["queue_runs"]

    def of(queue: str) -> dict[str, float]:
        return {state: number for (name, state), number in runs.items() if name == queue and number}

    assert of("q") == {
        "queued": 3,
        "running": 1,
        "retrying": 1,
        "snoozed": 1,
        "review": 1,
        "delayed": 2,
        "waiting": 1,
    }
    assert of("gated") == {"running": 1, "held": 2}
    assert of("odd") == {"parked": 1}
    assert figures(fleet)["limiter_rejected_total"] == {("slow",): 1}, "a line is held up once, not each of its runs"
    del going


def test_ages_are_those_of_what_may_start_and_of_what_is_under_way(fleet: Fleet) -> None:
    """Time that a run was told to wait does not count; what is due and that nobody puts in line does."""
    [due, late, held] = fleet.send(3)
    fleet.start(1)
    now_ms = int(time.time() * 1000)
    fleet.client.hset(keys.run(NS, late), mapping={"queued_ms": now_ms - 90_000, "due_ms": now_ms - 30_000})
    fleet.client.hset(keys.run(NS, due), "started_ms", now_ms - 40_000)
    found = figures(fleet)
    assert found["queue_oldest_due_age_seconds"]["q",] == pytest.approx(30, abs=3)
    assert found["queue_max_attempt_age_seconds"]["q",] == pytest.approx(40, abs=3)
    [alone] = fleet.send(1, queue="unserved", delay_ms=60_000)
    fleet.client.zadd(keys.delayed(NS), {alone: now_ms - 20_000})
    assert figures(fleet)["queue_oldest_due_age_seconds"]["unserved",] == pytest.approx(20, abs=3)
    del held


def test_a_queue_that_nobody_serves_is_seen(fleet: Fleet) -> None:
    """Also when a worker served it that was not heard of for a while; and when the queue was never served."""
    announce(fleet, "one")
    announce(fleet, "two", queues=("q", "second"), slots=2)
    fleet.send(1, queue="forgotten")
    found = figures(fleet)
    assert found["queue_workers"] == {("q",): 2, ("second",): 1, ("forgotten",): 0}
    assert found["queue_concurrency_limit"] == {("q",): 6, ("second",): 2, ("forgotten",): 0}
    assert found["queue_time_limit_seconds"] == {("q",): 600, ("second",): 600}
    fleet.client.zincrby(keys.workers(NS), -16_000, "two")
    assert figures(fleet)["queue_workers"] == {("q",): 1, ("second",): 0, ("forgotten",): 0}
    fleet.store.script("export_announce")("one", "")
    assert figures(fleet)["queue_workers"]["q",] == 0


def test_breakers_budgets_and_pauses_are_told(fleet: Fleet) -> None:
    """By the names that were declared; of a budget for each tenant, what the shortest has left, and no tenant."""
    fleet.declare(Breaker("crm"), Budget("day", usd=1), Budget("tenants", tokens=1000, by="group"))
    announce(fleet)
    fleet.gates.pause("queue:q")
    fleet.gates.open_breaker("crm", 60_000)
    [run] = fleet.send(1, queue="calls", group="acme")
    fleet.start(1, queues=("calls",))
    asked = fleet.asking(run, tokens=250, micros=400_000, group="acme")
    fleet.reserve(asked)
    found = figures(fleet)
    assert found["queue_paused"] == {("q",): 1, ("calls",): 0}
    assert found["breaker_state"]["crm",] == 2
    assert found["llm_budget_remaining_ratio"] == {("day",): 0.6, ("tenants",): 0.75}


def test_what_happens_without_a_workers_commit_is_counted(fleet: Fleet) -> None:
    """Runs of dead workers, crash loops, and runs that are cancelled or too late before anybody has them."""
    announce(fleet)
    [died, looping, cancelled] = fleet.send(3)
    fleet.start(2)
    fleet.die(died)
    fleet.client.hset(keys.run(NS, looping), "starts", 3)
    fleet.die(looping)
    fleet.store.cancel_run(cancelled)
    [strange] = fleet.send(1, actor="strange")
    fleet.store.cancel_run(strange)
    found = figures(fleet)
    assert found["recovered_runs_total"] == {("q", "lease_expired"): 1}
    assert found["quarantined_runs_total"] == {("a", "crash_loop"): 1}
    assert found["runs_total"] == {("a", "q", "dead"): 1, ("a", "q", "cancelled"): 1, ("other", "q", "cancelled"): 1}
    assert found["dead_runs"] == {("a", "crash_loop"): 1}


def test_a_schedule_that_is_not_understood_takes_no_other_figure_with_it(fleet: Fleet) -> None:
    """It was declared by newer code, say: all but its next time is told."""
    begin = int(datetime(2030, 1, 1, tzinfo=UTC).timestamp() * 1000)
    for name, times in (("nightly", "0 3 * * *"), ("strange", "at full moon")):
        told = orjson.dumps({"times": times, "timezone": "UTC"})
        fleet.store.script("declare_schedules")(1, name, told, f"{times} UTC", begin)
    found = figures(fleet)
    assert set(found["schedule_next_timestamp_seconds"]) == {("nightly",)}
    assert set(found["schedule_paused"]) == {("nightly",), ("strange",)}


def test_a_schedule_tells_its_next_time_and_its_last_success(fleet: Fleet) -> None:
    """The success is remembered when the run itself is gone; a scheduler that is away leaves the next time behind."""
    begin = int(datetime(2030, 1, 1, tzinfo=UTC).timestamp() * 1000)
    told = orjson.dumps({"times": "0 3 * * *", "timezone": "UTC"})
    fleet.store.script("declare_schedules")(1, "nightly", told, "0 3 * * * UTC", begin)
    run = NewRun(id="tick", actor="a", queue="q", message=b'{"m":1}')
    upto = begin + 3 * 3_600_000
    fleet.store.script("fire_schedule")("nightly", "clock", begin, upto, 0, 1, upto, *run.words())
    fleet.start(1)
    fleet.end("tick")
    found = figures(fleet)
    assert found["schedule_next_timestamp_seconds"]["nightly",] == upto / 1000 + 86_400
    succeeded = found["schedule_last_success_timestamp_seconds"]["nightly",]
    assert succeeded == pytest.approx(time.time(), abs=60)
    fleet.store.discard_run("tick")
    assert figures(fleet)["schedule_last_success_timestamp_seconds"]["nightly",] == succeeded


def test_one_exports_until_it_gives_up_or_its_lease_ends(fleet: Fleet, redis_url: str) -> None:
    """So that a sum over all that are scraped counts nothing twice; who comes after it exports at once."""
    first, second = Exporter(fleet.store, "first"), Exporter(fleet.store, "second")
    assert first.elected(timedelta(milliseconds=300)) is not None
    assert second.elected() is None
    assert eventually(second.elected, timedelta(seconds=5)) is not None
    assert first.elected() is None
    second.give_up()
    assert first.elected() is not None
    del redis_url


def test_large_indexes_are_sampled_and_add_up(fleet: Fleet) -> None:
    """Ten thousand delayed runs of two queues: their number is exact, their shares nearly, and Redis hardly notices."""
    many = [
        NewRun(id=f"d{n}", actor="a", queue=f"q{n % 4 == 0:d}", message=b"{}", delay_ms=10**7) for n in range(9_000)
    ]
    fleet.store.enqueue(many)
    before = fleet.client.info("commandstats")
    runs = figures(fleet)["queue_runs"]
    after = fleet.client.info("commandstats")
    assert runs["q0", "delayed"] + runs["q1", "delayed"] == pytest.approx(9_000, abs=2)
    assert runs["q1", "delayed"] == pytest.approx(2_250, rel=0.4)
    calls = sum(after[name]["calls"] - before.get(name, {"calls": 0})["calls"] for name in after)
    assert calls < 1_000, "of ten thousand runs some hundreds are looked at"


def test_of_many_lines_the_oldest_run_is_found_with_time(fleet: Fleet) -> None:
    """It may be in any of a thousand groups' lines; once it is found it is told until it starts."""
    for tenant in range(600):
        fleet.send(1, group=f"t{tenant}")
    oldest = fleet.send(1, group="patient")[0]
    fleet.client.hincrby(keys.run(NS, oldest), "queued_ms", -500_000)
    exporter = Exporter(fleet.store, "one")

    def age() -> float:
        found = exporter.elected()
        assert found is not None
        rows = {(name, labels): value for name, labels, value in rows_of(found)}
        assert rows["dramaturg_queue_runs", ("q", "queued")] in {600, 601}
        return rows["dramaturg_queue_oldest_due_age_seconds", ("q",)]

    eventually(lambda: age() >= 500, timedelta(seconds=10))
    assert min(age() for _ in range(15)) >= 500
    fleet.store.cancel_run(oldest)
    assert age() < 100


def test_a_redis_that_is_away_is_told_and_the_rest_stays(tmp_path: Path) -> None:
    """Whoever is scraped answers with what it has."""
    metrics.prepare(tmp_path / "files")
    kind, body = metrics.exposition("text/plain", tmp_path / "files", "redis://127.0.0.1:1", "away")
    told = {family.name: family.samples for family in text_string_to_metric_families(body.decode())}
    assert kind.startswith("text/plain")
    assert told["dramaturg_redis_up"][0].value == 0
    assert {sample.labels["reason"] for sample in told["dramaturg_worker_restarts"]} >= {"oom", "killed", "stuck"}


def test_the_command_prints_figures_and_one_number_for_an_autoscaler(fleet: Fleet, redis_url: str, home: Path) -> None:
    """Also as JSON; a queue that was never used has waited for nothing."""
    announce(fleet)
    [run] = fleet.send(1)
    fleet.client.hincrby(keys.run(NS, run), "queued_ms", -50_000)
    env = {"REDIS_URL": redis_url, "DRAMATURG_HOME": str(home), "DRAMATURG_NAMESPACE": NS}
    dramaturg = CommandHere(env)
    assert float(dramaturg("metrics", "--scale", "queue=q").stdout) == pytest.approx(50, abs=5)
    assert dramaturg("metrics", "--scale", "queue=never").stdout == "0\n"
    told = dramaturg("metrics", "--scale", "queue=q", "--json").json
    assert (told["queued"], told["running"], told["workers"], told["concurrency_limit"]) == (1, 0, 1, 4)
    page = dramaturg("metrics").stdout
    assert 'dramaturg_queue_runs{queue="q",state="queued"} 1.0' in page.splitlines()
    rows = dramaturg("metrics", "--json").json["metrics"]
    assert {"name": "dramaturg_queue_workers", "labels": {"queue": "q"}, "value": 1.0} in rows
    assert "queue=NAME" in dramaturg("metrics", "--scale", "q", code=2).stderr
