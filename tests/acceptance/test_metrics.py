"""Metrics of real workers: what they count is what happened, also when they are killed and replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pipeline import metrics
from pipeline.engine.export import Exporter
from pipeline.engine.lifeline import SLOT
from pipeline.metrics.catalogue import CATALOGUE
from tests.actors.plain import Nap, Trouble, doze, echo, nap, refuse, stumble
from tests.actors.stepped import Walk, walk
from tests.chaos.stage import Stage, stage
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SOON = timedelta(seconds=20)

#: Every sample by its name and the values of its labels.
Scrape = dict[tuple[str, tuple[str, ...]], float]


class Crew:
    """Workers in the slots of a supervisor, which the test plays."""

    def __init__(self, here: Stage, folder: Path) -> None:
        self.here, self.folder = here, folder
        self.workers: dict[int, Process] = {}
        metrics.prepare(folder)

    def start(self, *slots: int) -> None:
        """Start the workers of some slots."""
        for slot in slots:
            env = {metrics.FOLDER: str(self.folder), SLOT: str(slot)}
            self.workers[slot] = self.here.worker(threads=2, env=env, ready=False)
        for slot in slots:
            self.workers[slot].wait_for_output("worker_ready")

    def scrape(self) -> Scrape:
        """Ask as Prometheus asks, and read the answer as it does."""
        kind, body = metrics.exposition(OPENMETRICS, self.folder, self.here.url, self.here.store.namespace)
        assert kind.startswith("application/openmetrics-text")
        found = {}
        for family in text_string_to_metric_families(body.decode()):
            for sample in family.samples:
                labels = {name: value for name, value in sample.labels.items() if name != "le"}
                known = CATALOGUE.get(family.name) or CATALOGUE[f"{family.name}_total"]
                found[sample.name, (*(labels[name] for name in known.labels), *sample.labels.get("le", "").split())] = (
                    sample.value
                )
        return found


@pytest.fixture(scope="module")
def crew(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """Two workers of two threads each."""
    if not redis_server.running:
        redis_server.start()
    with redis_server.client() as client:
        client.flushall()
    folder = tmp_path_factory.mktemp("metrics")
    with stage(redis_server.url, folder, "metrics") as here:
        crew = Crew(here, folder / "files")
        crew.start(0, 1)
        yield crew


def total(found: Scrape, name: str, **wanted: str) -> float:
    """Add up the samples of a metric that have these label values."""
    known = CATALOGUE[name.removesuffix("_count").removesuffix("_sum")].labels
    return sum(
        value
        for (sample, values), value in found.items()
        if sample == name and all(values[known.index(label)] == value_wanted for label, value_wanted in wanted.items())
    )


def test_what_is_counted_is_what_ran(crew: Crew) -> None:
    """Runs by outcome, attempts by kind, waits, durations and steps add up to what the ledger and the records hold."""
    handles = [echo.send(str(number)) for number in range(60)]
    handles += [stumble.send(Trouble(times=2)) for _ in range(3)]
    handles += [refuse.send(Trouble()) for _ in range(4)]
    handles += [doze.send(2), walk.send(Walk()), walk.send(Walk(stumbles=1))]
    later = nap.send(Nap(), delay=timedelta(minutes=10))
    ids = crew.here.accept(handles)
    ended = Counter(crew.here.settle(ids, SOON).values())
    assert crew.here.inspector.cancel(later.id) == "cancelled"

    found = once(crew, lambda found: total(found, "dramaturg_runs_total") > len(ids))

    assert {how: total(found, "dramaturg_runs_total", outcome=how) for how in ended} == dict(ended)
    assert total(found, "dramaturg_runs_total", outcome="cancelled") == 1, "cancelled before any worker had it"
    attempts = len(crew.here.ledger.entries(what="started")) + 60
    assert total(found, "dramaturg_attempts_total") == attempts
    assert total(found, "dramaturg_attempts_total", kind="permanent") == 4
    assert total(found, "dramaturg_attempts_total", kind="snoozed") == 2
    assert total(found, "dramaturg_attempts_total", kind="transient", actor="test.stumble") == 6
    assert total(found, "dramaturg_retries_total") == 6 + 1, "who slept was not tried again"
    assert total(found, "dramaturg_attempt_duration_seconds_count") == attempts
    assert total(found, "dramaturg_run_wait_seconds_count") == attempts, "every start waited, if only for nothing"
    assert total(found, "dramaturg_run_wait_seconds_sum") < 60, "what it was told to wait does not count"
    assert total(found, "dramaturg_run_duration_seconds_count") == len(ids)
    assert total(found, "dramaturg_step_duration_seconds_count", step="second") == 2, "the second was remembered"
    assert total(found, "dramaturg_dead_runs", actor="test.refuse", reason="permanent") == 4


def once(crew: Crew, condition: Callable[[Scrape], bool]) -> Scrape:
    """Give the first scrape that a condition holds of."""
    seen: list[Scrape] = []

    def holds() -> bool:
        seen.append(crew.scrape())
        return condition(seen[-1])

    eventually(holds, SOON, every=timedelta(milliseconds=100))
    return seen[-1]


def test_a_killed_worker_takes_no_count_with_it_and_leaves_no_gauge(crew: Crew) -> None:
    """Its successor goes on where it was: counters never fall, gauges of the dead go, and the files are the same."""
    ids = crew.here.accept(echo.send("before") for _ in range(20))
    crew.here.settle(ids, SOON)
    before = once(crew, lambda found: total(found, "dramaturg_worker_slots") == 4)
    files = {path.name for path in crew.folder.iterdir()}
    held = crew.here.accept([nap.send(Nap(seconds=4, tag="held")) for _ in range(4)])
    once(crew, lambda found: total(found, "dramaturg_worker_busy_slots") == 4)

    crew.workers[0].kill()
    metrics.forget_process(crew.folder, 0, "killed")
    alone = crew.scrape()
    assert total(alone, "dramaturg_worker_slots") == 2
    assert total(alone, "dramaturg_worker_info") == 1
    assert total(alone, "dramaturg_worker_restarts_total", reason="killed") == 1
    crew.start(0)
    crew.here.settle(held, SOON)
    after = once(crew, lambda found: total(found, "dramaturg_worker_slots") == 4)

    counters = {name for name, metric in CATALOGUE.items() if metric.kind == "counter"}
    fell = {key: (value, after.get(key)) for key, value in before.items() if key[0] in counters and after[key] < value}
    assert not fell
    assert {path.name for path in crew.folder.iterdir()} == files
    assert total(after, "dramaturg_recovered_runs_total", cause="lease_expired", queue="default") == 2
    assert total(after, "dramaturg_queue_workers", queue="default") in {2, 3}, "the killed one may still be thought of"


def test_figures_of_redis_come_from_one_process_alone(crew: Crew) -> None:
    """Depth, ages and what a queue's workers can do are told once, however many processes are scraped."""

    nap.send(Nap(), delay=timedelta(minutes=10))
    found = crew.scrape()
    assert found["dramaturg_exporter_leader", ()] == 1
    assert found["dramaturg_queue_runs", ("default", "delayed")] == 1
    assert found["dramaturg_queue_concurrency_limit", ("default",)] >= 4
    assert found["dramaturg_queue_time_limit_seconds", ("default",)] > 0
    assert found["dramaturg_redis_noeviction", ()] in {0, 1}
    other = Exporter(crew.here.store, "another")
    assert other.elected() is None
    assert other.look().rows
