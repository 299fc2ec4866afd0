"""Two worker machines and a scheduler under a real Prometheus: what it tells is held against the ledger."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from tests.actors.plain import Nap, Trouble, doze, echo, nap, refuse, stumble
from tests.chaos.stage import CAST, Report, Stage
from tests.support.probed import free_ports
from tests.support.processes import Process, alive
from tests.support.prometheus import Prometheus
from tests.support.waiting import eventually

#: How long a scraped figure may need to arrive: a flush, a scrape each second, and noise.
ARRIVES = timedelta(seconds=8)

#: A worker that is killed has lost what it counted since it last wrote it down.
UNWRITTEN_S = 0.6

_COUNTERS = '{__name__=~"(dramaturg|gen_ai)_.+_(total|count|bucket|sum)"}'


@dataclass
class Installation:
    """Two machines with workers, one scheduler, and who looks at them."""

    here: Stage
    workers: dict[str, Process]
    scheduler: Process
    prometheus: Prometheus

    @property
    def processes(self) -> int:
        """How many worker processes there should be."""
        return 3


def install(here: Stage) -> Installation:
    """Start everything, and wait until Prometheus has seen every worker process."""
    ports = {name: free_ports(3) for name in ("one", "two", "scheduler")}

    def start(name: str, *command: str) -> Process:
        env = here.env(DRAMATURG_PROBES_PORT=str(ports[name]), DRAMATURG_SHUTDOWN_GRACE="2")
        return here.running.python("-m", "pipeline.cli", *command, env=env)

    workers = {
        f"127.0.0.1:{ports[name]}": start(name, "worker", CAST, "--processes", str(number), "--threads", "4")
        for name, number in (("one", 2), ("two", 1))
    }
    scheduler = start("scheduler", "scheduler")
    targets = {address: {"namespace": "dramaturg", "part": "worker"} for address in workers}
    targets[f"127.0.0.1:{ports['scheduler']}"] = {"namespace": "dramaturg", "part": "scheduler"}
    prometheus = Prometheus(here.running, here.folder, free_ports(1), targets)
    set_up = Installation(here, workers, scheduler, prometheus)
    everyone = timedelta(seconds=40)
    eventually(lambda: prometheus.value("sum(dramaturg_worker_info)") == set_up.processes, everyone)
    eventually(lambda: prometheus.value("sum(dramaturg_scheduler_leader)") == 1, everyone)
    eventually(lambda: prometheus.value("sum(dramaturg_exporter_leader)") == 1, everyone)
    began = 'count(dramaturg_runs_total{actor="test.echo", outcome="completed", part="worker"})'
    eventually(lambda: (prometheus.value(began) or 0) >= len(workers), everyone)
    return set_up


def scraped(here: Stage, *, runs: int, kills: int, rough: bool = False) -> Report:
    """R31: runs of every outcome while workers are killed; all that is told fits what happened."""
    report = Report()
    set_up = install(here)
    begun = time.time()
    expected, victims = _work(set_up, runs=runs, kills=kills, rough=rough)
    settled = time.time()
    _compare(set_up, report, expected, victims)
    _depth(set_up, report)
    _gauges(set_up, report, begun)
    _alerts(set_up, report, expected["test.refuse", "dead"])
    _another_exports(set_up, report)
    _raw(set_up, report, begun)
    report.figures["runs_s"] = round(settled - begun, 1)
    return report


def _work(
    set_up: Installation, *, runs: int, kills: int, rough: bool
) -> tuple[Counter[tuple[str, str]], list[tuple[int, float]]]:
    """Send runs of several outcomes and kill worker processes in between; the outcomes, and who was killed when.

    Killed are processes that do nothing but nap, so that all they did before is written down; rough ones in mid-work.
    """
    here = set_up.here
    sent: dict[str, str] = {}
    victims: list[tuple[int, float]] = []
    machine = next(iter(set_up.workers.values()))

    def send(actor: str, ids: list[str]) -> None:
        here.ledger.accept(ids)
        sent.update(dict.fromkeys(ids, actor))

    for _ in range(kills + 1):
        number = runs // (kills + 1)
        part = max(1, number // 10)
        send("test.refuse", [run.id for run in refuse.send_many([Trouble()] * part)])
        send("test.stumble", [run.id for run in stumble.send_many([Trouble(times=1)] * part)])
        send("test.doze", [run.id for run in doze.send_many([2] * part)])
        delayed = [echo.send(f"{n}", delay=timedelta(hours=1)).id for n in range(part)]
        for run in delayed:
            here.inspector.cancel(run)
        send("test.echo", delayed + [run.id for run in echo.send_many([f"{n}" for n in range(number - 4 * part)])])
        if not rough:
            here.settle(list(sent), timedelta(seconds=60))
        if len(victims) == kills:
            break
        begun = here.ledger.count("started")
        naps = [run.id for run in nap.send_many([Nap(seconds=2)] * 12)]  # as many as there are threads
        send("test.nap", naps)
        eventually(lambda begun=begun: here.ledger.count("started") >= begun + 12, timedelta(seconds=30))  # type: ignore[misc] # bound
        time.sleep(0 if rough else UNWRITTEN_S)
        victim = min(machine.children())
        os.kill(victim, signal.SIGKILL)
        victims.append((victim, time.time()))
        eventually(lambda victim=victim: not alive(victim) and len(machine.children()) == 2, timedelta(seconds=30))  # type: ignore[misc] # bound
    states = here.settle(list(sent), timedelta(seconds=60))
    return Counter((actor, str(states[run])) for run, actor in sent.items()), victims


def _lost(here: Stage, victims: list[tuple[int, float]], what: str) -> int:
    """How many deeds of those who were killed they may not have written down."""
    return sum(
        entry.worker == pid and at - UNWRITTEN_S < entry.at <= at + UNWRITTEN_S
        for entry in here.ledger.entries(what=what)
        for pid, at in victims
    )


def _compare(
    set_up: Installation, report: Report, expected: Counter[tuple[str, str]], victims: list[tuple[int, float]]
) -> None:
    here, prometheus = set_up.here, set_up.prometheus
    ends = sum(expected.values())
    slack = _lost(here, victims, "effect") + _lost(here, victims, "started")

    def told() -> Counter[tuple[str, str]]:
        found = prometheus.query('sum by (actor, outcome) (dramaturg_runs_total{actor=~"test[.].*"}) > 0')
        return Counter(
            {(one["metric"]["actor"], one["metric"]["outcome"]): int(float(one["value"][1])) for one in found}
        )

    deadline = time.monotonic() + ARRIVES.total_seconds()
    while told() != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    counted = told()
    missing = {what: expected[what] - counted[what] for what in expected | counted if expected[what] != counted[what]}
    report.figures |= {"ends": ends, "told": counted.total(), "may be lost": slack, "differ": missing}
    report.expect(f"nothing is counted twice: {missing}", all(number > 0 for number in missing.values()))
    report.expect(f"only what was not yet written is missing: {missing}, {slack}", sum(missing.values()) <= slack)
    kinds = prometheus.by("kind", 'sum by (kind) (dramaturg_attempts_total{actor=~"test[.].*"})')
    report.figures["attempts"] = {kind: int(number) for kind, number in kinds.items() if number}
    for kind, actor, times in (
        ("permanent", "test.refuse", 1),
        ("transient", "test.stumble", 1),
        ("snoozed", "test.doze", 2),
    ):
        wanted = times * sum(number for (name, _), number in expected.items() if name == actor)
        report.expect(f"{kind} attempts: {kinds.get(kind)} of {wanted}", 0 <= wanted - kinds.get(kind, 0) <= slack)
    attempts = sum(kinds.values())
    durations = prometheus.value('sum(dramaturg_attempt_duration_seconds_count{actor=~"test[.].*"})')
    waits = prometheus.value('sum(dramaturg_run_wait_seconds_count{actor=~"test[.].*"})')
    largest = prometheus.value('sum(dramaturg_attempt_duration_seconds_bucket{actor=~"test[.].*", le="+Inf"})')
    report.expect(f"as many durations as attempts: {durations}, {attempts}", durations == attempts == largest)
    report.expect(f"as many waits as attempts: {waits}, {attempts}", waits is not None and waits <= attempts)
    again = prometheus.value('sum(dramaturg_retries_total{actor=~"test[.](stumble|nap)"})') or 0
    tried_again = expected["test.stumble", "completed"] + _taken_over(here)
    report.expect(f"retries: {again} of {tried_again}", 0 <= tried_again - again <= slack)
    dozing = prometheus.value('sum(dramaturg_retries_total{actor="test.doze"})')
    report.expect(f"a run that sleeps is not retried: {dozing}", dozing == 0)
    recovered = prometheus.value("max(sum by (instance) (dramaturg_recovered_runs_total))")
    report.figures["taken over"] = int(recovered or 0)
    report.expect(f"runs of the dead are taken over: {recovered}", not victims or (recovered or 0) >= 1)


def _taken_over(here: Stage) -> int:
    starts = Counter(entry.run for entry in here.ledger.entries(what="started"))
    ended = {run for run, number in starts.items() if number > 1}
    naps = {entry.run for entry in here.ledger.entries(what="effect") if entry.run in ended}
    stumbled = {entry.run for entry in here.ledger.entries(what="effect") if entry.attempt == 2}
    return sum(starts[run] - 1 for run in naps - stumbled)


def _becomes(prometheus: Prometheus, report: Report, expression: str, wanted: float, within: timedelta) -> None:
    deadline = time.monotonic() + within.total_seconds()
    while (value := prometheus.value(expression)) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    report.expect(f"{expression} becomes {wanted:g}: {value}", value == wanted)


def _depth(set_up: Installation, report: Report) -> None:
    for expression in (
        'sum(dramaturg_queue_runs{queue="default"})',
        "max(dramaturg_queue_oldest_due_age_seconds)",
        "max(dramaturg_queue_max_attempt_age_seconds)",
    ):
        _becomes(set_up.prometheus, report, expression, 0, ARRIVES)


def _gauges(set_up: Installation, report: Report, begun: float) -> None:
    prometheus = set_up.prometheus
    _becomes(prometheus, report, "sum(dramaturg_worker_info)", set_up.processes, timedelta(seconds=30))
    _becomes(prometheus, report, "sum(dramaturg_worker_busy_slots)", 0, ARRIVES)
    span = f"[{int(time.time() - begun) + 1}s:1s]"
    most = prometheus.value(f"max_over_time(sum(dramaturg_worker_info){span})")
    slots = prometheus.value(f"max_over_time(sum(dramaturg_worker_slots){span})")
    report.expect(f"a dead process is never seen beside its successor: {most}, {slots}", (most, slots) == (3, 12))
    restarts = prometheus.by("reason", "sum by (reason) (dramaturg_worker_restarts_total) > 0")
    report.figures["restarts"] = restarts
    series = prometheus.value("max(scrape_samples_scraped)") or 0
    report.figures["series of a machine"] = int(series)
    report.expect(f"at most 3,000 series: {series}", series <= 3000)


def _alerts(set_up: Installation, report: Report, dead: int) -> None:
    firing = {
        (one["metric"]["alertname"], one["metric"].get("actor", ""))
        for one in set_up.prometheus.query('ALERTS{alertstate="firing"}')
    }
    report.figures["alerts"] = sorted(name for name, _ in firing)
    wanted = {("DeadGrowing", "test.refuse")}
    report.expect(f"only what is wrong is told: {firing}", firing <= wanted)
    report.expect(f"what is wrong is told: {firing}, {dead}", firing >= wanted or dead < 15)


def _another_exports(set_up: Installation, report: Report) -> None:
    """Stop whoever exports: another does, nothing jumps, and of the one that went nothing is left."""
    prometheus = set_up.prometheus
    [leader] = [one["metric"]["instance"] for one in prometheus.query("dramaturg_exporter_leader == 1")]
    before = _totals(prometheus, leader)
    process = set_up.workers.get(leader, set_up.scheduler)
    process.terminate()
    process.wait()
    gone = time.monotonic()
    eventually(lambda: not prometheus.query(f'dramaturg_redis_up{{instance="{leader}"}}'), ARRIVES)
    eventually(lambda: prometheus.value("sum(dramaturg_exporter_leader)") == 1, ARRIVES)
    eventually(lambda: prometheus.value('count(dramaturg_queue_runs{queue="default"})') is not None, ARRIVES)
    report.figures["handed over_s"] = round(time.monotonic() - gone, 1)
    left = prometheus.query(f'{{__name__=~"dramaturg_.+", instance="{leader}"}}')
    report.expect(f"nothing is left of who went: {left[:3]}", not left)
    after = _totals(prometheus, leader)
    jumped = {name: (before[name], after[name]) for name in before if after.get(name, before[name]) != before[name]}
    report.expect(f"no counter of the others jumps: {jumped}", not jumped)


def _totals(prometheus: Prometheus, but: str) -> dict[tuple[tuple[str, str], ...], str]:
    counted = f'{{__name__=~"dramaturg_(runs|attempts|limiter_rejected)_total", instance!="{but}"}}'
    found = prometheus.query(counted)
    return {tuple(sorted(one["metric"].items())): one["value"][1] for one in found}


def _raw(set_up: Installation, report: Report, begun: float) -> None:
    """Every sample of every counter: none is less than the one before it; and one process at a time exports."""
    span = f"[{int(time.time() - begun) + 5}s]"
    fell = [
        (one["metric"]["__name__"], one["metric"], earlier, later)
        for one in set_up.prometheus.query(_COUNTERS + span)
        for earlier, later in pairwise(float(value) for _, value in one["values"])
        if later < earlier
    ]
    report.expect(f"no counter falls: {len(fell)} {fell[:2]}", not fell)
    led = sorted(
        (at, one["metric"]["instance"])
        for one in set_up.prometheus.query(f"dramaturg_exporter_leader{span}")
        for at, value in one["values"]
        if value == "1"
    )
    order = [instance for _, instance in led]
    changes = sum(one != other for one, other in pairwise(order))
    report.figures |= {"samples of the exporter": len(order), "changes": changes}
    report.expect(
        f"one exports at a time: {changes} changes, {len(set(order))} exporters", changes == len(set(order)) - 1
    )
