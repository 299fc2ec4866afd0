"""Ended runs at any time, put into a real feed; and what they come to, worked out the long way."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from actors.upkeep.sketches import ERROR
from actors.upkeep.tallies import Tallies
from pipeline.ended import EndedRun, ModelUse
from pipeline.engine import keys

STATES = ("completed",) * 6 + ("dead", "cancelled", "")


def random_runs(
    dice: random.Random, count: int, begin: datetime, span: timedelta, *, tenants: int = 3
) -> list[EndedRun]:
    """Runs of every kind that ended at random moments of a time: with and without models, some that never started."""
    runs = []
    for _ in range(count):
        ended_ms = int((begin + dice.random() * span).timestamp() * 1000)
        state = dice.choice(STATES)
        started = None if state == "cancelled" and dice.random() < 0.5 else ended_ms - int(dice.lognormvariate(6, 3))
        models = dice.sample(["openai:gpt-4o", "offline", "OFFLINE"], dice.choice([0, 0, 1, 2]) or (state == ""))
        runs.append(
            EndedRun(
                id=f"run{dice.getrandbits(64):x}",
                actor=dice.choice(["document.extract", "graph.generate"]),
                queue=dice.choice(["ai", "documents"]),
                group=dice.choice(["", *(f"tenant {n} — é" for n in range(tenants))]),
                state=state,
                reason="" if state == "completed" else dice.choice(["timeout", "attempts_exhausted: transient"]),
                attempts=dice.randrange(4),
                since_ms=(started or ended_ms) - dice.randrange(100_000),
                started_ms=started,
                ended_ms=ended_ms,
                uses=tuple(_use(dice, model) for model in models),
            )
        )
    return runs


def _use(dice: random.Random, model: str) -> ModelUse:
    return ModelUse(model, 1, dice.randrange(10**5), dice.randrange(10**4), dice.randrange(10**7))


def put(client: redis.Redis, namespace: str, runs: Iterable[EndedRun]) -> None:
    """Add runs to a feed as the engine's scripts spell them, each as an entry of its own."""
    with client.pipeline(transaction=False) as pipe:
        for run in runs:
            billed = "\x1e".join("\x1d".join(map(str, use)) for use in run.uses)
            started = "" if run.started_ms is None else run.started_ms
            words = (run.id, run.actor, run.queue, run.state or "-", run.attempts, run.since_ms, started)
            words += (run.ended_ms, run.group, billed, run.reason)
            pipe.xadd(keys.prefix(namespace) + "ended", {"e": "\x1f".join(map(str, words))})
            pipe.incr(keys.prefix(namespace) + "ended:runs")
        pipe.execute()


def differences(tallies: Tallies, runs: Iterable[EndedRun], step: timedelta) -> list[str]:
    """Say how figures by hour or day differ from the runs themselves, added up one by one; nothing if they agree."""
    numbers: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    waits: defaultdict[Any, list[int]] = defaultdict(list)
    durations: defaultdict[Any, list[int]] = defaultdict(list)
    for run in runs:
        begin = datetime.fromtimestamp(run.ended_ms // 1000 // step.total_seconds() * step.total_seconds(), UTC)
        used = run.uses[-1].model if run.uses else ""
        key = (begin, run.actor, run.queue, used, run.group)
        if run.state:
            numbers[key].update({run.state: 1, "retries": max(0, run.attempts - 1)})
            if run.state != "completed":
                numbers[key][f"because {run.reason}"] += 1
            if run.started_ms is not None:
                waits[key].append(run.started_ms - run.since_ms)
                durations[key].append(run.ended_ms - run.started_ms)
        for use in run.uses:
            numbers[begin, run.actor, run.queue, use.model, run.group].update(
                calls=1, tokens_in=use.tokens_in, tokens_out=use.tokens_out, micros=use.micros
            )
    return list(_differences(tallies, numbers, waits, durations))


def _differences(tallies: Tallies, numbers: Any, waits: Any, durations: Any) -> Iterator[str]:
    found = {(at, *series): tally for (at, series), tally in tallies.items()}
    if found.keys() != numbers.keys():
        yield f"rows {found.keys() ^ numbers.keys()}"
    for key, tally in found.items():
        wanted = numbers[key]
        for name in ("completed", "dead", "cancelled", "retries", "calls", "tokens_in", "tokens_out", "micros"):
            if getattr(tally, name) != wanted[name]:
                yield f"{key}: {name} is {getattr(tally, name)}, and not {wanted[name]}"
        if {f"because {reason}": count for reason, count in tally.reasons.items()} != {
            name: count for name, count in wanted.items() if name.startswith("because")
        }:
            yield f"{key}: reasons {tally.reasons}"
        for name, sketch, lengths in (("wait", tally.wait, waits[key]), ("duration", tally.duration, durations[key])):
            if sketch.count != len(lengths):
                yield f"{key}: {sketch.count} times of {name}, and not {len(lengths)}"
                continue
            for percent in (50, 95, 99) if lengths else ():
                true = sorted(lengths)[math.floor(percent / 100 * (len(lengths) - 1))]
                if abs((sketch.percentile(percent) or 0) - true) > ERROR * max(1, true) * (1 + 1e-9):
                    yield f"{key}: p{percent} of {name} is {sketch.percentile(percent)}, and not {true}"
