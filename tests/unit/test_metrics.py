"""Metrics in one process: names, labels and numbers, however hostile what is told of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pipeline import metrics
from pipeline.engine.export import Figures
from pipeline.engine.records import Lease
from pipeline.errors import KINDS
from pipeline.journal import Billed
from pipeline.metrics import register as registers
from pipeline.metrics import tally
from pipeline.metrics.catalogue import CATALOGUE
from pipeline.metrics.register import Register, register
from pipeline.metrics.scraped import page_of, rows_of

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

ACTORS = [(f"actor.{number}", f"queue{number % 8}") for number in range(20)]
MODELS = ["openai:small", "anthropic:big", "ollama:tiny", "http://10.0.0.7:8000/v1#mine"]
STATES = ("queued", "held", "delayed", "retrying", "snoozed", "running", "waiting", "review", "parked")


@pytest.fixture
def here() -> Iterator[Register]:
    """The register of a process that has just begun."""
    registers._register.cache_clear()
    tally.drop()
    found = register()
    found.declare(actors=[name for name, _ in ACTORS], queues=[queue for _, queue in ACTORS], models=MODELS)
    yield found
    registers._register.cache_clear()
    tally.drop()


def page() -> str:
    return metrics.exposition(OPENMETRICS, None, None, "none")[1].decode()


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def delivery(actor: str, queue: str, *, kind: Any = None, attempt: int = 0, waited_ms: int = 20) -> Any:
    """Stand for an attempt that took 50 ms."""
    now = time.monotonic()
    lease = Lease("run", b"", 1, attempt, 1, False, False, 0, 2, 0.0, b"", waited_ms, 30)
    return SimpleNamespace(
        actor_name=actor,
        queue_name=queue,
        kind=kind,
        lease=lease,
        verdict=1,
        started_at=now - 0.05,
        claimed_at=now - 0.05,
    )


def billed(model: str, outcome: str = "ok") -> Billed:
    return Billed(
        model=model,
        asked=model,
        reason="",
        outcome=outcome,
        tokens_in=900,
        tokens_out=70,
        tokens_cached=0,
        micros=1_500,
        seconds=2.5,
    )


def play(pairs: list[tuple[str, str]], models: list[str], *, words: tuple[str, ...] = ("",)) -> None:
    """Tell of everything that can be told; ``words`` are put where anybody's text may be."""
    for (actor, queue), kind in product(pairs, [None, *KINDS]):
        metrics.attempt_ended(delivery(actor, queue, kind=kind, attempt=1))
    for (actor, queue), state in product(pairs, ["completed", "dead", "cancelled", "retrying"]):
        metrics.committed([(delivery(actor, queue), SimpleNamespace(state=state))], [1])
        metrics.committed([(delivery(actor, queue), SimpleNamespace(state=state))], [-1])
    for (actor, _), word in product(pairs, words):
        for step in ("read", "write", "send"):
            metrics.observe("dramaturg_step_duration_seconds", 0.2, actor, f"{step}{word}[7]")
        metrics.graded("draft", actor, 0.7, accepted=True)
        for model in models:
            metrics.called(actor, billed(model))
        metrics.moved(models[0], models[-1], f"quality{word}")
        metrics.refused(f"l:calls={word}", 300)
    for model, outcome in product(models, ["connection refused", "RateLimited", "auth"]):
        metrics.called(pairs[0][0], billed(model, outcome))
    now = datetime(2030, 1, 1, tzinfo=UTC)
    for number in range(6):
        metrics.fired(f"schedule.{number}", now, [now, now - timedelta(hours=1), now], ["new", "new", "known"], 2)
    for script in ("claim", "commit", "renew", "sweep", "save_checkpoint", "report_progress", "reserve", "settle"):
        metrics.observe("dramaturg_redis_script_duration_seconds", 0.001, script)
    metrics.count("dramaturg_redis_errors_total", "unavailable")
    metrics.observe("dramaturg_reconciler_duration_seconds", 0.002)
    metrics.observe("dramaturg_event_loop_lag_seconds", 0.002)
    metrics.leads(True)
    for slot in "01":
        for name in ("slots", "busy_slots", "resident_memory_bytes"):
            register().set(f"dramaturg_worker_{name}", 4, slot)
    register().set("dramaturg_worker_info", 1, "host-1", "0.5.0")


def redis_rows(pairs: list[tuple[str, str]], models: list[str]) -> Figures:
    """Give what Redis tells of such a deployment."""
    queues = sorted({queue for _, queue in pairs})
    rows: list[tuple[str, tuple[str, ...], float]] = []
    for name, metric in CATALOGUE.items():
        if metric.source not in {"redis", "both"}:
            continue
        values = {
            "queue": queues,
            "state": STATES,
            "schedule": [f"schedule.{number}" for number in range(6)],
            "breaker": ["crm", "mail", *models],
            "to": ["open", "recovering", "closed"],
            "budget": ["day", "tenants=acme@example.org"],
            "limiter": ["calls=acme@example.org", "starts"],
            "cause": ["lease_expired"],
            "reason": ["crash_loop"]
            if "quarantined" in name
            else ["permanent: no such user mallory@example.org", "gone"],
        }
        if "actor" not in metric.labels:
            sets = list(product(*(values[label] for label in metric.labels)))
        else:
            more = {"outcome": ["dead", "cancelled"], **values}
            sets = [
                tuple(
                    {"actor": actor, "queue": queue}.get(label, word)
                    for label, word in zip(metric.labels, words, strict=True)
                )
                for actor, queue in pairs
                for words in product(
                    *(more.get(label, [""]) if label not in {"actor", "queue"} else [""] for label in metric.labels)
                )
            ]
        rows += [(name, labels, 1.0) for labels in sets]
    names = {"actor": {actor for actor, _ in ACTORS}, "queue": {queue for _, queue in ACTORS}, "model": set(MODELS)}
    return Figures(0, tuple(rows), names)


def test_names_say_what_is_measured_in_base_units() -> None:
    """Seconds, bytes and ratios; counters end in _total, and nothing else does; OpenTelemetry's names are its own."""
    for name, metric in CATALOGUE.items():
        assert name == metric.name
        assert re.fullmatch(r"dramaturg_[a-z]+(_[a-z]+)*|gen_ai_client_[a-z_]+", name)
        assert name.endswith("_total") == (metric.kind == "counter"), name
        assert not re.search(r"_(ms|milliseconds|minutes|percent|kb|mb)(_|$)", name)
        assert bool(metric.buckets) == (metric.kind == "histogram")
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert metric.help.endswith(".")
        assert "duration" not in name or name.endswith("_seconds")
        assert not set(metric.labels) & {"run", "run_id", "tenant", "group", "document", "url", "email", "le"}


def test_what_is_exported_is_what_the_catalogue_says(here: Register) -> None:
    """Each metric of it, none beside it, with its labels; and the page is OpenMetrics."""
    play(ACTORS[:2], MODELS)
    rows = list(rows_of(redis_rows(ACTORS[:2], MODELS)))
    here.flush()
    told = page() + page_of(rows)
    scraped = {"dramaturg_redis_up", "dramaturg_exporter_leader", "dramaturg_worker_restarts_total"}
    families = list(text_string_to_metric_families(page()))
    exported = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert exported | {name for name, _, _ in rows} | scraped == set(CATALOGUE)
    for family in families:
        metric = CATALOGUE.get(family.name) or CATALOGUE[f"{family.name}_total"]
        assert family.type == metric.kind
        assert all(set(sample.labels) - {"le"} == set(metric.labels) for sample in family.samples)
    assert "_created" not in told


def test_twenty_actors_on_eight_queues_have_less_than_three_thousand_series(here: Register) -> None:
    """With four models, six schedules, three steps an actor, and every outcome of every actor."""
    here.begin(ACTORS)
    play(ACTORS, MODELS[:2])
    assert len(samples(page())) + len(list(rows_of(redis_rows(ACTORS, MODELS[:2])))) <= 3_000


def test_what_messages_say_makes_no_series(here: Register) -> None:
    """A thousand actors, models, tenants and texts that nobody declared are one `other`, and none is to be read."""
    here.begin(ACTORS)
    play(ACTORS, MODELS[:2])
    before = len(samples(page()))
    strangers = [(f"stranger.{number}", f"line{number}") for number in range(1_000)]
    told = tuple(f" mallory{number}@example.org 10.0.0.{number}" for number in range(20))
    play(strangers[:200], [f"openai:mallory-{number}" for number in range(20)], words=told)
    here.flush()
    text = page() + page_of(rows_of(redis_rows(strangers, [f"http://secret-{n}.example.org/v1#m" for n in range(50)])))
    assert len(samples(page())) - before < 450
    for word in ("stranger", "line7", "mallory", "example", "10.0.0", "acme", "no such user", "secret"):
        assert word not in text, word
    assert 'actor="other"' in text


def test_numbers_are_those_that_were_told(here: Register) -> None:
    """Counts, sums and buckets, added up at once or one by one."""
    actor, queue = ACTORS[0]
    for times in (7, 1):
        for _ in range(times):
            metrics.attempt_ended(delivery(actor, queue, waited_ms=700))
            metrics.attempt_ended(delivery(actor, queue, kind="timeout", waited_ms=-1))
        here.flush()
    metrics.called(actor, billed("openai:small"))
    found = samples(page())

    def of(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    assert of("dramaturg_attempts_total", actor=actor, queue=queue, kind="ok") == 8
    assert of("dramaturg_attempts_total", actor=actor, queue=queue, kind="transient") == 8
    assert of("dramaturg_run_wait_seconds_bucket", actor=actor, queue=queue, le="0.5") == 0
    assert of("dramaturg_run_wait_seconds_bucket", actor=actor, queue=queue, le="1.0") == 8
    assert of("dramaturg_run_wait_seconds_count", actor=actor, queue=queue) == 8, "a wait that is not known is no wait"
    assert of("dramaturg_run_wait_seconds_sum", actor=actor, queue=queue) == pytest.approx(8 * 0.7, abs=0.05)
    assert of("dramaturg_attempt_duration_seconds_count", actor=actor) == 16
    assert of("dramaturg_llm_cost_usd_total", actor=actor, model="openai:small") == 0.0015


def test_a_process_that_keeps_no_metrics_keeps_nothing() -> None:
    """As one that only sends: nobody would ever take out what is put aside."""
    registers._register.cache_clear()
    tally.drop()
    play_nothing = delivery("a", "q")
    metrics.attempt_ended(play_nothing)
    metrics.committed([(play_nothing, SimpleNamespace(state="completed"))], [1])
    metrics.count("dramaturg_fenced_writes_total", "a")
    metrics.called("a", billed("openai:small"))
    assert [*tally.attempts, *tally.ends, *tally.said] == []


def test_the_format_is_the_one_that_is_asked_for(here: Register) -> None:
    """OpenMetrics for Prometheus, plain text for whoever says nothing."""
    here.flush()
    kind, body = metrics.exposition("application/openmetrics-text; version=1.0.0;q=0.5,*/*;q=0.1", None, None, "n")
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")
    kind, body = metrics.exposition("", None, None, "n")
    assert kind.startswith("text/plain")
    assert b"# EOF" not in body


def test_a_supervisor_removes_what_described_the_dead_and_counts_them(tmp_path: Path) -> None:
    """The files of another supervisor go, and those that count stay."""
    for name in ("counter_0.db", "gauge_livesum_0.db", "gauge_livesum_1.db"):
        (tmp_path / name).touch()
    before = dict(metrics.supervised.restarts())
    metrics.forget_process(tmp_path, 0, "crashed")
    metrics.forget_process(tmp_path, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter_0.db", "gauge_livesum_1.db"]
    assert metrics.supervised.restarts()["crashed"] == before["crashed"] + 1
    metrics.prepare(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_page_lists_the_catalogue() -> None:
    """Name, kind, labels and what it tells of every metric, in its order."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \| (.*?) \| (.*?) \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    told = [
        (metric.name, metric.kind, ", ".join(f"`{label}`" for label in metric.labels) or "-", metric.help)
        for metric in CATALOGUE.values()
    ]
    assert rows == told
