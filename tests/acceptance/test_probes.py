"""Probes of a real worker whose parts are really made ill, one after another: each illness is told from the others."""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from pipeline.declaration import bind
from tests.actors import ailing
from tests.actors.deaf import Block, block, compute, linger
from tests.chaos.stage import Stage, stage
from tests.support.probed import Told, ask, free_ports
from tests.support.processes import ROOT, Process, alive
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

SOON = timedelta(seconds=20)
THREADS = 8

#: How often a probe is asked while something is waited for.
EVERY = timedelta(milliseconds=100)


@dataclass
class Crew:
    """A supervisor with two workers, and where they answer."""

    here: Stage
    redis: RedisServer
    process: Process
    port: int

    def ask(self, question: str, slot: int | None = None) -> Told:
        return ask(self.port if slot is None else self.port + 1 + slot, f"/{question}")

    def failing(self, question: str, slot: int | None = None) -> dict[str, str]:
        return self.ask(question, slot).failing

    def workers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("readyz").json["workers"]
        return found

    def until_well(self) -> None:
        """Wait until both workers are ready."""
        eventually(
            lambda: self.ask("readyz").status and all(worker["ok"] for worker in self.workers()), SOON * 2, every=EVERY
        )

    def until_fails(self, slot: int, name: str, question: str = "readyz") -> str:
        """Wait until a worker says that this fails, and give why."""
        return str(eventually(lambda: self.failing(question, slot).get(name), SOON, every=EVERY))

    def slot_of(self, trouble: Callable[[int], object]) -> int:
        """Wait until one of the two is in trouble, and say which."""
        return eventually(lambda: [slot for slot in (0, 1) if trouble(slot)], SOON, every=EVERY)[0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """One crew for the whole module, with a Redis of its own that each test may hurt."""
    port = free_ports(3)
    with RedisServer(tcp=True) as server, stage(server.url, tmp_path_factory.mktemp("probed"), "probed") as here:
        bind(here.broker)
        env = here.env(DRAMATURG_PROBES_PORT=str(port), DRAMATURG_SHUTDOWN_GRACE="10")
        options = ("--processes", "2", "--threads", str(THREADS), ailing.__name__)
        process = here.running.worker(*options, env=env)
        eventually(lambda: ask(port, "/startupz").status == 503, SOON * 2)  # it answers before its workers are up
        yield Crew(here, server, process, port)


@pytest.fixture
def crew(whole: Crew) -> Crew:
    """The crew, once both workers are well."""
    if not whole.redis.running:
        whole.redis.start()
    whole.until_well()
    return whole


def test_a_crew_that_is_well_says_so_and_names_its_workers(crew: Crew) -> None:
    """Three questions, for the supervisor and for each worker; metrics of them all at the supervisor's port."""
    for slot in (None, 0, 1):
        for question in ("livez", "readyz", "startupz"):
            assert crew.ask(question, slot).status == 200
    assert [worker["slot"] for worker in crew.workers()] == [0, 1]
    assert all(alive(worker["pid"]) for worker in crew.workers())
    eventually(lambda: "dramaturg_worker_slots" in ask(crew.port, "/metrics").body, SOON)
    assert ask(crew.port + 1, "/metrics").status == 404


def test_what_the_page_asks_is_answered(crew: Crew) -> None:
    """Each command of the page, at the ports of this crew; the checks that it explains are those there are."""
    page = (ROOT / "docs" / "health.md").read_text("utf-8")
    lines = [line.removeprefix("$ ") for line in page.splitlines() if line.startswith("$ curl")]
    assert len(lines) == 4
    for line in lines:
        here = line.replace(":9191", f":{crew.port}").replace(":9192", f":{crew.port + 1}")
        done = subprocess.run(["bash", "-c", here], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done
        assert done.stdout == "200\n" or '"ok": true' in done.stdout or "dramaturg_redis_up 1.0" in done.stdout
    checks = set(ask(crew.port + 1, "/readyz").json["checks"])
    assert checks == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_a_redis_that_is_full_is_told(crew: Crew) -> None:
    """It refuses new writes: not ready, and alive."""
    with crew.redis.client() as client:
        client.config_set("maxmemory", 1)
        assert "memory is full" in crew.until_fails(0, "redis")
        assert crew.failing("readyz").keys() == {"workers"}
        assert crew.failing("livez") == crew.failing("livez", 0) == crew.failing("startupz", 0) == {}
        client.config_set("maxmemory", 0)


def test_a_redis_that_became_a_replica_is_told(crew: Crew) -> None:
    """It can be read, and refuses to be written."""
    with crew.redis.client() as client:
        client.replicaof("127.0.0.1", "1")
        assert "READONLY" in crew.until_fails(1, "redis")
        assert crew.failing("livez", 1) == {}
        client.replicaof("NO", "ONE")


def test_a_redis_that_hangs_delays_no_answer(crew: Crew) -> None:
    """Nothing waits for it: the answer is there at once, and says since when it is silent."""
    crew.redis.pause()
    try:
        assert "has not answered" in crew.until_fails(0, "redis")
        asked = [crew.ask(question, slot) for question in ("livez", "readyz") for slot in (None, 0) for _ in range(10)]
    finally:
        crew.redis.resume()
    assert statistics.median(told.seconds for told in asked) < 0.05
    assert {told.status for told in asked[:20]} == {200}  # alive all the while
    assert {told.status for told in asked[20:]} == {503}


def test_a_redis_that_is_away_is_told_and_comes_back(crew: Crew) -> None:
    """Not ready while it is away, ready again without a restart; its address is not in the answer."""
    pids = [worker["pid"] for worker in crew.workers()]
    crew.redis.stop()
    crew.until_fails(0, "redis")
    eventually(lambda: crew.failing("readyz", 0)["redis"] == "Redis cannot be reached", SOON)
    assert crew.failing("livez") == {}
    assert str(crew.redis.port) not in crew.ask("readyz").body
    crew.redis.start()
    crew.until_well()
    assert [worker["pid"] for worker in crew.workers()] == pids


def test_workers_that_compute_with_every_thread_are_answered_for_at_once(crew: Crew) -> None:
    """Sixteen threads that never rest hold up no probe, and make no worker seem dead."""
    runs = [compute.send(1.0) for _ in range(2 * THREADS)]
    eventually(lambda: "running" in crew.here.states([run.id for run in runs]).values(), SOON)
    asked = [crew.ask(question, slot) for _ in range(5) for question in ("livez", "readyz") for slot in (None, 0, 1)]
    assert {told.status for told in asked} == {200}
    assert statistics.median(told.seconds for told in asked) < 0.05
    assert set(crew.here.settle([run.id for run in runs], timedelta(seconds=60)).values()) == {"completed"}


def test_a_worker_that_is_stopped_by_a_signal_is_told_by_its_silence(crew: Crew) -> None:
    """SIGSTOP: it says nothing more; the other works on, and so does it when it goes on."""
    pid = crew.workers()[1]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "nothing was heard" in crew.until_fails(1, "loop")
        assert crew.failing("livez", 1) == {}  # half a minute may pass before it counts as dead
        assert crew.failing("readyz") == crew.failing("readyz", 0) == {}
    finally:
        os.kill(pid, signal.SIGCONT)
    crew.until_well()
    assert crew.workers()[1]["pid"] == pid


def test_a_thread_that_does_not_stop_at_its_limit_is_told(crew: Crew) -> None:
    """It blocks in C: its process is not alive as it should be, and is replaced once its neighbours have ended."""
    pids = [worker["pid"] for worker in crew.workers()]
    neighbours = [linger.send(7.0) for _ in range(2 * THREADS - 1)]
    stuck = block.send(Block(seconds=60))
    slot = crew.slot_of(lambda slot: "limits" in crew.failing("livez", slot))
    assert crew.failing("livez", slot).keys() == {"limits"}
    assert crew.failing("livez") == crew.failing("livez", 1 - slot) == {}
    eventually(lambda: crew.workers()[slot]["pid"] not in {pids[slot], None}, SOON, every=EVERY)
    assert crew.workers()[1 - slot]["pid"] == pids[1 - slot]
    ended = crew.here.settle([stuck.id, *(run.id for run in neighbours)], timedelta(seconds=60))
    assert set(ended.values()) == {"completed"}
    assert 'dramaturg_worker_restarts_total{reason="stuck"} 1.0' in ask(crew.port, "/metrics").body


def test_a_consumer_that_died_is_told_and_its_process_is_replaced(crew: Crew) -> None:
    """Nothing would be claimed any more: it says so while its runs end, and another process takes its place."""
    pids = [worker["pid"] for worker in crew.workers()]
    ailing.lose_consumer.send(2.0)
    slot = crew.slot_of(lambda slot: "consumers" in crew.failing("readyz", slot))
    assert "intake" in crew.failing("readyz", slot)["consumers"]
    assert "intake" in crew.failing("livez", slot)["threads"]
    eventually(lambda: crew.workers()[slot]["pid"] not in {pids[slot], None}, SOON, every=EVERY)


def test_a_worker_that_drains_is_not_ready_and_lives_to_the_end(crew: Crew) -> None:
    """SIGTERM to one of them: its runs end, nothing new begins in it, and the other takes what comes."""
    runs = [linger.send(3.0) for _ in range(2 * THREADS)]
    eventually(lambda: set(crew.here.states([run.id for run in runs]).values()) == {"running"}, SOON, every=EVERY)
    pid = crew.workers()[0]["pid"]
    os.kill(pid, signal.SIGTERM)
    assert crew.until_fails(0, "draining")
    while (told := crew.ask("readyz", 0)).failing.get("draining"):
        assert crew.ask("readyz").status == 200
        if alive(pid):
            assert crew.failing("livez", 0) in ({}, {"process": "none: one starts in 0 s"}), told
        time.sleep(EVERY.total_seconds())
    assert set(crew.here.settle([run.id for run in runs], timedelta(seconds=60)).values()) == {"completed"}


def test_a_crew_that_drains_is_not_ready_at_once_and_lives_to_the_end(crew: Crew) -> None:
    """SIGTERM to the supervisor, as from Kubernetes: 503 within a moment, alive until the last run has ended."""
    runs = [linger.send(3.0) for _ in range(2 * THREADS)]
    eventually(lambda: set(crew.here.states([run.id for run in runs]).values()) == {"running"}, SOON, every=EVERY)
    crew.process.terminate()
    eventually(lambda: "draining" in crew.failing("readyz"), timedelta(seconds=2))
    while (told := crew.ask("livez")).status != 0:
        assert told.status == 200
        time.sleep(EVERY.total_seconds())
    assert crew.process.wait() == 0
    assert set(crew.here.states([run.id for run in runs]).values()) <= {"completed", "queued"}
