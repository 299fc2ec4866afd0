"""A provider goes away under load and comes back: who asks it meanwhile, and how they all return (R18)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise

from pipeline import Send
from pipeline.breaker import Breaker
from pipeline.engine.gates import Gates
from pipeline.limit import Limit
from pipeline.testing import Answer, Behaviour, Outage, SimulatedProvider, unavailable
from tests.actors import asking
from tests.actors.asking import RATE, SMALL, Question, ask
from tests.chaos.stage import Report, Stage
from tests.support.gated import most_within


@contextmanager
def provider(seed: int = 0) -> Iterator[tuple[SimulatedProvider, dict[str, str]]]:
    """Serve simulated models, and say where they are, as a worker finds it in its environment."""
    with SimulatedProvider(seed) as served:
        yield (
            served,
            {
                "OPENAI_API_KEY": "key",
                "OPENAI_BASE_URL": served.url,
                "ANTHROPIC_API_KEY": "key",
                "ANTHROPIC_BASE_URL": served.root,
            },
        )


def warm_up(here: Stage, served: SimulatedProvider, calls: int) -> None:
    """Have every worker load what it takes to ask a model, which is longer than some outages."""
    for model in ("small", "large", "huge"):
        served.on(model, Answer("warm"))
    ids = [handle.id for handle in ask.send_many([Question(after_s=0.2)] * calls)]
    states = here.settle(ids, timedelta(seconds=60))
    assert set(states.values()) == {"completed"}, states
    Gates(here.store).close_breaker(SMALL)


def retry_storm(
    here: Stage,
    *,
    runs: int,
    tenants: int,
    workers: int,
    threads: int,
    outage: timedelta,
    breaker: Breaker,
    rate: float,
    back: timedelta,
    during: Behaviour | None = None,
    limit: timedelta = timedelta(minutes=5),
) -> Report:
    """R18: a provider fails for a while, with many runs in line; the breaker keeps them off it, and off each other."""
    report, gates = Report(), Gates(here.store)
    with provider() as (served, env):
        here.workers(workers, threads=threads, modules=[asking.__name__], env=env)
        warm_up(here, served, workers * threads)
        gates.put("breakers", SMALL, breaker.config())
        gates.put("limits", RATE, Limit(RATE, rate=rate).config())
        sent = [Send(payload=Question(), group=f"tenant{number % tenants}") for number in range(runs)]
        before, began = len(served.calls), time.monotonic()
        served.on("small", Outage(for_=outage, then=Answer("word"), during=during or unavailable()))
        ids = here.accept(ask.send_many(sent))
        states = here.settle(ids, limit)
        took = time.monotonic() - began
        calls = served.calls[before:]
    failed = [call.at for call in calls if not call.answered or call.status != 200]
    healthy = [call.at for call in calls if call.status == 200]
    opened = _before_the_first_pause(failed, breaker.open_for.total_seconds() * 0.8)
    probes = [at for at in failed if at not in opened]
    gaps = [later - earlier for earlier, later in pairwise([*opened[-1:], *probes])]
    returned = sorted(healthy)[1:]  # the first is the probe that succeeded
    per_second = Counter(int(at - returned[0]) for at in returned)
    mean = len(returned) / max(1.0, returned[-1] - returned[0])
    records = [here.inspector.show(run) or {} for run in ids]
    spent = sum(int(record.get("attempt", 0)) - 1 for record in records)
    parked = [record for record in records if record["started_ms"] and record.get("fence") == 1]
    recovered = min(record["started_ms"] for record in parked) if parked else 0
    in_time = sum(record["started_ms"] - recovered <= back.total_seconds() * 1000 for record in parked)
    order = sum(map(_disorder, _by_tenant(parked)))
    peak = most_within([int(at * 1000) for at in returned], 1000)
    starts = most_within([record["started_ms"] for record in parked], 1000)
    report.figures = {
        "runs": runs,
        "calls until open": len(opened),
        "probes": len(probes),
        "least s between": round(min(gaps, default=0), 1),
        "peak starts/s": starts,
        "peak calls/s": peak,
        "busiest/mean": round(max(per_second.values()) / mean, 2),
        "attempts spent": spent,
        "restarted in time": f"{in_time / max(1, len(parked)):.1%} of {len(parked)}",
        "out of order": order,
        "took_s": round(took, 1),
    }
    report.expect(f"all completed: {Counter(states.values())}", set(states.values()) == {"completed"})
    report.expect(f"at most 20 calls until it opens: {len(opened)}", len(opened) <= 20)
    report.expect(
        f"one probe each time it is open: {gaps}", all(gap >= breaker.open_for.total_seconds() * 0.95 for gap in gaps)
    )
    report.expect(f"never more starts than the limit and a tenth: {starts}", starts <= rate * 1.1)
    report.expect(f"nor calls, but for how threads come to their turns here: {peak}", peak <= rate * 1.25)
    report.expect("the busiest second is at most three times the mean", max(per_second.values()) <= 3 * mean)
    report.expect(f"no attempt is spent on waiting: {spent}", spent <= len(opened))
    report.expect(f"95 % are back within {back}: {in_time} of {len(parked)}", in_time >= 0.95 * len(parked))
    report.expect(f"in their order: {order}", order == 0)
    return report


def _before_the_first_pause(moments: Sequence[float], pause: float) -> list[float]:
    found: list[float] = []
    for at in sorted(moments):
        if found and at - found[-1] >= pause:
            break
        found.append(at)
    return found


def _by_tenant(records: Sequence[dict]) -> list[list[dict]]:
    tenants: dict[str, list[dict]] = {}
    for record in records:
        tenants.setdefault(record["group"], []).append(record)
    return list(tenants.values())


def _disorder(records: Sequence[dict]) -> int:
    """Count the runs that started before one that was sent earlier."""
    latest = count = 0
    for record in records:
        count += record["started_ms"] < latest
        latest = max(latest, record["started_ms"])
    return count
