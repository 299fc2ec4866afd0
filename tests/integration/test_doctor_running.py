"""What the doctor says of a system that runs, or should: each defect is found, and a healthy one is in order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
import redis

from pipeline.blobs import Blobs
from pipeline.doctor.running import check_running
from pipeline.engine import keys
from pipeline.engine.connection import connect
from pipeline.engine.records import NewRun
from pipeline.engine.server_health import check_health
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.finding import Finding
from pipeline.settings import Settings
from tests.support.redis_server import RedisServer

NS = "doctored"
DAY_MS = 86_400_000


class Patient:
    """A deployment in Redis, as its parts would have written it."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.store = Store(connect(url), NS)
        self.client: redis.Redis = self.store.client
        self.values = Values(Blobs(home))
        self.settings = Settings(home=home, namespace=NS)

    def now_ms(self) -> int:
        seconds, micros = self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def key(self, name: str) -> str:
        return f"{keys.prefix(NS)}{name}"

    def worker(self, name: str, *, silent_ms: int = 0, **told: object) -> None:
        facts = {"queues": {"mail": {"slots": 2, "limit": 10.0}}, "host": "one", "version": "1.0", "threads": 2}
        self.client.zadd(keys.workers(NS), {name: self.now_ms() - silent_ms})
        self.client.hset(self.key("serving"), name, orjson.dumps(facts | {"code": "aaaa", "ahead_ms": 3} | told))

    def send(self, count: int = 1, queue: str = "mail", **more: object) -> list[str]:
        runs = [
            NewRun(f"{queue}-{more}-{number}", "mail.send", queue, b"{}", **more)  # type: ignore[arg-type] # as given
            for number in range(count)
        ]
        return self.store.enqueue(runs)

    def set(self, run_id: str, **fields: object) -> None:
        self.client.hset(keys.run(NS, run_id), mapping=fields)  # type: ignore[arg-type] # strings and numbers

    def ill(self) -> dict[str, list[Finding]]:
        """Everything but what is in order, by its check."""
        found: dict[str, list[Finding]] = {}
        for finding in check_running(self.store, self.settings):
            if finding.level != "ok":
                assert finding.mend, finding
                found.setdefault(finding.check, []).append(finding)
        return found


@pytest.fixture
def patient(redis_url: str, home: Path) -> Iterator[Patient]:
    """A deployment at an empty Redis."""
    made = Patient(redis_url, home)
    yield made
    made.client.close()


def test_a_system_in_order_gives_no_warning(patient: Patient) -> None:
    """Two workers of one code, runs in line and in hand, an old dead run, a short pause."""
    patient.worker("w1")
    patient.worker("w2")
    patient.send(5)
    patient.client.zadd(keys.finished(NS, "dead"), {"old": patient.now_ms() - 3 * DAY_MS})
    patient.set("old", actor="mail.send", reason="permanent", state="dead")
    patient.client.hset(keys.paused(NS), "queue:slow", patient.now_ms() - 60_000)
    assert patient.ill() == {}


def test_nothing_at_all_is_in_order_too(patient: Patient) -> None:
    """Before the first run nobody has to be at work."""
    assert patient.ill() == {}


def test_work_without_workers_is_an_error(patient: Patient) -> None:
    """And a queue that no worker serves is, though others work."""
    run, *_ = patient.send(3)
    assert patient.ill()["workers.alive"][0].level == "warning"
    patient.set(run, queued_ms=patient.now_ms() - 90_000)
    [found] = patient.ill()["workers.alive"]
    assert found.level == "error"
    assert "3 runs wait, the oldest for 90 s" in found.what
    patient.worker("w1", queues={"other": {"slots": 1, "limit": 5}})
    [found] = patient.ill()["queues.served"]
    assert found.level == "error"
    assert "--queues mail" in found.mend


def test_workers_that_fell_silent_or_differ_are_told(patient: Patient) -> None:
    """A silent one, two versions, two codes, a clock that is wrong; one of an older version tells nothing of itself."""
    patient.worker("w1")
    patient.worker("w2", version="2.0", code="bbbb", host="two", ahead_ms=-90_000)
    patient.worker("w3", silent_ms=60_000)
    patient.client.zadd(keys.workers(NS), {"older": patient.now_ms()})
    ill = patient.ill()
    assert set(ill) == {"workers.silent", "workers.version", "workers.code", "clock.workers"}
    assert "1 with aaaa, 1 with bbbb" in ill["workers.code"][0].what
    assert "two" in ill["clock.workers"][0].what
    assert "90.0 s behind" in ill["clock.workers"][0].what


def test_runs_that_hang_or_wait_too_long_are_named(patient: Patient) -> None:
    """Far beyond the limit, held by nobody, due and in no line, parked, and old in line."""
    patient.worker("w1")
    now_ms = patient.now_ms()
    hanging, abandoned, late, parked, old = patient.send(5)
    for run in (hanging, abandoned, late, parked):
        patient.client.zrem(keys.ready_group(NS, "mail", "2:"), run)
    patient.set(hanging, state="running", worker="w1", started_ms=now_ms - 3_600_000)
    patient.client.zadd(keys.leases(NS), {hanging: now_ms + 5_000, abandoned: now_ms - 120_000})
    patient.client.zadd(keys.delayed(NS), {late: now_ms - 120_000})
    patient.client.sadd(keys.parked(NS), "mail.gone")
    patient.client.zadd(keys.parked_actor(NS, "mail.gone"), {parked: 1})
    patient.set(old, queued_ms=now_ms - 2 * DAY_MS)
    ill = patient.ill()
    assert set(ill) == {"runs.stuck", "runs.abandoned", "runs.late", "runs.parked", "queues.age"}
    assert f"dramaturg runs cancel {hanging}" in ill["runs.stuck"][0].mend
    assert "2 days" in ill["queues.age"][0].what


def test_what_piles_up_is_told(patient: Patient) -> None:
    """Fresh dead runs by group, old reviews, an open breaker, a spent budget, an unread feed, a long pause."""
    patient.worker("w1")
    now_ms = patient.now_ms()
    for number, reason in enumerate(["timeout", "timeout", "permanent: no"]):
        patient.client.zadd(keys.finished(NS, "dead"), {f"d{number}": now_ms - number})
        patient.set(f"d{number}", actor="mail.send", reason=reason, state="dead")
    patient.client.zadd(keys.review(NS), {"r": now_ms - 2 * DAY_MS})
    patient.client.hset(keys.paused(NS), "group:acme", now_ms - DAY_MS)
    patient.client.hset(
        keys.breaker(NS, "crm"), mapping={"state": "open", "since_ms": now_ms, "until_ms": now_ms + DAY_MS}
    )
    patient.client.zadd(patient.key("breaker_names"), {"crm": now_ms + DAY_MS})
    settings = {"per_ms": 0, "micros": 5, "by": "", "then": "stop"}
    patient.client.hset(keys.policies(NS, "budgets"), "declared:all", orjson.dumps(settings))
    patient.client.hset(keys.budget(NS, "all", 0), "micros", 5)
    patient.client.set(patient.key("ended:runs"), 200_000)
    patient.client.hset(patient.key("ended:cut"), mapping={"runs": 7, "from_ms": 1, "until_ms": 2})
    ill = patient.ill()
    assert set(ill) == {"dead.count", "reviews.age", "queues.paused", "breakers.open", "budgets.left", "stats.feed"}
    assert "2 mail.send (timeout), 1 mail.send (permanent)" in ill["dead.count"][0].what
    assert "queues resume --group acme" in ill["queues.paused"][0].mend
    assert len(ill["stats.feed"]) == 2


def test_schedules_that_nobody_fires_are_told(patient: Patient) -> None:
    """Without a leader, and behind the times with one; a pause that was forgotten."""
    patient.worker("w1")
    now_ms = patient.now_ms()
    declared = orjson.dumps({"schedule": "s", "actor": "a", "times": "every 5m", "timezone": "UTC"})
    for name, last_ms in (("on.time", now_ms), ("behind", now_ms - 3_600_000)):
        patient.client.zadd(keys.schedules(NS), {name: now_ms})
        patient.client.hset(
            keys.schedule(NS, name), mapping={"declared": declared, "times": "every 5m UTC", "last_ms": last_ms}
        )
    [found] = patient.ill()["schedules.leader"]
    assert found.level == "error"
    patient.client.hset(keys.schedulers(NS), "set", f"{now_ms + 5_000} host:1:abc")
    ill = patient.ill()
    assert [finding.what.split()[2] for finding in ill["schedules.late"]] == ["behind"]
    patient.client.hset(keys.schedule(NS, "behind"), "paused_ms", now_ms - 30 * DAY_MS)
    assert set(patient.ill()) == {"schedules.paused"}


def test_it_takes_seconds_where_much_is_kept(patient: Patient) -> None:
    """Twenty thousand runs in a hundred groups: what is looked at is bounded, whatever is there."""
    for group in range(100):
        patient.send(200, group=f"g{group}", delay_ms=60_000 if group % 2 else 0)
    began = time.monotonic()
    patient.ill()
    assert time.monotonic() - began < timedelta(seconds=3).total_seconds()


def test_the_server_is_asked_for_more_than_whether_it_is_fit() -> None:
    """Memory without bound, a file that nobody syncs and a user that may not do what is needed are told."""
    with RedisServer(tcp=True, config={"appendfsync": "no"}) as server, server.client() as client:
        store = Store(client, NS)
        told = {finding.check: finding for finding in check_health(store, server.url) if finding.level != "ok"}
        assert set(told) == {"redis.memory", "redis.aof"}
        client.execute_command("ACL", "SETUSER", "few", "on", "nopass", "~*", "&*", "+@all", "-zadd", "-publish")
        with connect(server.url.replace("redis://", "redis://few:x@")) as few:
            found = check_health(Store(few, NS), server.url)
            [rights] = [finding for finding in found if finding.check == "redis.rights" and finding.level == "error"]
        assert "PUBLISH, ZADD" in rights.what
