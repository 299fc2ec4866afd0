"""Tenants that want the same workers at once: who waits for whom, and who gets how much (R20)."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta

from pipeline import Send
from pipeline.engine import keys
from pipeline.engine.gates import Gates
from tests.actors import limited as module
from tests.actors import spending
from tests.actors.limited import Job, shared, unlimited
from tests.actors.spending import Spending, spend
from tests.chaos.stage import Report, Stage
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)
LONG = timedelta(minutes=10)


def crowded(
    here: Stage,
    *,
    crowd: int,
    few: int,
    job_s: float,
    workers: int,
    threads: int,
    limited: bool,
    all_of_it: bool = False,
) -> Report:
    """R20: one tenant sends ten runs while another has thousands in line, with a limit of both or without."""
    report, job = Report(), shared if limited else unlimited
    here.workers(workers, threads=threads, modules=[module.__name__])
    small = [Send(payload=Job(seconds=job_s), group="small") for _ in range(few)]
    here.settle([handle.id for handle in job.send_many(small)], LONG)  # whatever is imported is by now
    alone = here.accept(job.send_many(small))
    here.settle(alone, LONG)
    crowded_ids = here.accept(job.send_many([Send(payload=Job(seconds=job_s), group="large")] * crowd))
    eventually(lambda: any(state == "completed" for state in here.states(crowded_ids[:20]).values()), LONG)
    among = here.accept(job.send_many(small))
    states = here.settle(among, LONG)
    left = sum(state not in {"completed", "running"} for state in here.states(crowded_ids).values())
    solo, wait = _p95(_waits(here, alone)), _p95(_waits(here, among))
    report.figures = {"solo p95_s": round(solo, 3), "crowded p95_s": round(wait, 3), "others left": left}
    report.expect(f"p95 {wait:.3f} is at most 2 x {solo:.3f} and one run", wait <= 2 * solo + job_s + 0.05)
    report.expect(f"all completed: {Counter(states.values())}", set(states.values()) == {"completed"})
    report.expect(f"the others were still there: {left}", left > 0)
    if all_of_it:
        ends = Counter(here.settle(crowded_ids, LONG).values())
        report.expect(f"and theirs are done in the end: {ends}", set(ends) == {"completed"})
    return report


def cost_fair(
    here: Stage, *, heavy: int, light: int, tenants: int, workers: int, threads: int, job_s: float, counted: bool = True
) -> Report:
    """Features 4.2: a tenant whose runs cost ten times as much gets as many tokens as each other, not ten times more.

    Without ``counted`` nobody is told what a run took, and turns go by number: the control.
    """
    report = Report()
    here.workers(workers, threads=threads, modules=[spending.__name__, module.__name__])
    cheap = Spending(tokens_in=900, tokens_out=100, most_out=200, seconds=job_s)
    dear = cheap.model_copy(update={"tokens_in": 9_000, "tokens_out": 1_000})
    names = [f"light{number}" for number in range(1, tenants)]
    light_ones = [Send(payload=cheap if counted else Job(seconds=job_s), group=name) for name in names] * light
    heavy_ones = [Send(payload=dear if counted else Job(seconds=job_s), group="heavy")] * heavy
    job = spend if counted else unlimited
    here.settle([handle.id for handle in job.send_many(light_ones[: threads * workers])], LONG)
    alone = here.accept(job.send_many(light_ones))
    here.settle(alone, LONG)
    gates = Gates(here.store)
    gates.pause("queue:default")  # until all of them want something
    ids = here.accept(job.send_many([*heavy_ones, *light_ones]))
    gates.resume("queue:default")
    here.settle(ids[heavy:], LONG)
    order = sorted(_started(here, ids), key=lambda row: row[0])
    left = Counter(dict.fromkeys(names, light) | {"heavy": heavy})
    taken: dict[str, int] = defaultdict(int)
    for _, group in order:
        taken[group] += 10 if group == "heavy" else 1
        left[group] -= 1
        if left[group] == 0:
            break  # from here on not all of them want something
    jain = sum(taken.values()) ** 2 / (tenants * sum(value**2 for value in taken.values()))
    solo, wait = _p95(_waits(here, alone)), _p95(_waits(here, ids[heavy:]))
    report.figures = {
        "Jain over tokens": round(jain, 3),
        "heavy/light": round(taken["heavy"] / max(1, statistics.mean(taken[name] for name in names)), 2),
        "light p95_s solo": round(solo, 2),
        "beside heavy": round(wait, 2),
    }
    if counted:
        report.expect(f"Jain's index of tokens is at least 0.95: {jain:.3f}", jain >= 0.95)
        report.expect(f"the light ones wait at most twice as long: {wait:.2f}, {solo:.2f}", wait <= 2 * solo + 0.05)
    return report


def _waits(here: Stage, ids: Sequence[str]) -> list[float]:
    return [
        (int(started) - int(queued)) / 1000
        for started, queued in _fields(here, ids, "started_ms", "queued_ms")
        if started
    ]


def _started(here: Stage, ids: Sequence[str]) -> list[tuple[int, str]]:
    return [(int(started), group.decode()) for started, group in _fields(here, ids, "started_ms", "group") if started]


def _fields(here: Stage, ids: Sequence[str], *names: str) -> list[list]:
    with here.store.client.pipeline(transaction=False) as pipe:
        for run in ids:
            pipe.hmget(keys.run(here.store.namespace, run), *names)
        return pipe.execute()


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[max(0, int(len(values) * 0.95) - 1)] if values else 0.0
