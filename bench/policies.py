"""``python -m bench.policies``: what each middleware, and each thing a run may use, costs a run.

One thread works off runs as a worker's threads do - claim, middleware, actor, middleware, commit, sixteen at a time -
and clocks are put around every hook. Times are processor time of this process and of Redis; round trips are calls.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import dramatiq
import redis

from middleware import stack
from pipeline import Actor, Breaker, Grade, Limit, Run, Send, actor, ids, logs
from pipeline.blobs import Blobs
from pipeline.declaration import bind
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.connection import connect
from pipeline.engine.delivery import Delivery
from pipeline.engine.script import Lines
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.journal import Billed
from tests.support.redis_server import RedisServer

#: Runs that are claimed and committed in one call, as by a worker of sixteen threads under load.
TOGETHER = 16

_PLENTY = 1_000_000


def answer() -> int:
    """Be a step, an effect or a draft."""
    return 1


def good(_: int) -> Grade:
    """Grade every draft as good."""
    return Grade(score=1.0)


@actor(name="bench.plain")
def plain(number: int) -> int:
    """Do nothing."""
    return number


@actor(name="bench.limited", limits=[Limit("bench", rate=_PLENTY, burst=_PLENTY, concurrency=_PLENTY)])
def limited(number: int) -> int:
    """Start behind a rate and a concurrency limit."""
    return number


@actor(name="bench.broken", breaker=Breaker("bench"))
def behind_breaker(number: int) -> int:
    """Start behind a breaker."""
    return number


@actor(name="bench.keyed")
def keyed(number: int) -> int:
    """Be sent under a key."""
    return number


@actor(name="bench.step")
def stepping(number: int, run: Run) -> int:
    """Remember one step."""
    return run.step(answer) + number


@actor(name="bench.report")
def reporting(number: int, run: Run) -> int:
    """Report once."""
    run.progress("half", 50)
    return number


@actor(name="bench.write")
def writing(number: int, run: Run) -> int:
    """Write one piece of text."""
    run.write("a piece of text of some length, as a model gives it")
    return number


@actor(name="bench.effect")
def effecting(number: int, run: Run) -> int:
    """Have one effect."""
    return run.effect(answer, key="e") + number


@actor(name="bench.gate")
def gating(number: int, run: Run) -> int:
    """Hold one draft to a gate."""
    return run.gate(answer, check=good) + number


@actor(name="bench.call")
def calling(number: int, run: Run) -> int:
    """Ask for a model's call and settle it, with no model in between."""
    reserved = run.journal.reserve("openai:bench", 1_000, 100)
    assert isinstance(reserved, str)
    billed = Billed(
        model="openai:bench", asked="openai:bench", reason="", outcome="ok", tokens_in=1, tokens_out=1, tokens_cached=0,
        micros=1, seconds=0.1,
    )  # fmt: skip
    run.journal.settle(reserved, billed, "ok", timedelta(0))
    return number


FEATURES: dict[str, tuple[Actor[int, int], str]] = {
    "nothing": (plain, "a run without any of these"),
    "key": (keyed, "sent under an idempotency key"),
    "limit": (limited, "a rate and a concurrency limit before the start"),
    "breaker": (behind_breaker, "a breaker before the start"),
    "step": (stepping, "one `run.step`"),
    "progress": (reporting, "one `run.progress`"),
    "text": (writing, "one `run.write`"),
    "effect": (effecting, "one `run.effect`"),
    "gate": (gating, "one `run.gate`, accepted at once"),
    "call": (calling, "one call of a model: reserved and settled with breaker, limits and budgets"),
}


@dataclass
class Bill:
    """What some runs took, a run."""

    worker_us: float = 0.0
    redis_us: float = 0.0
    calls: float = 0.0
    hooks_us: dict[str, float] = field(default_factory=dict)
    hook_calls: dict[str, float] = field(default_factory=dict)


class Meter:
    """Counts the calls to Redis of this process, and the time inside hooks."""

    def __init__(self, broker: PipelineBroker) -> None:
        self.calls = 0
        self.spent: dict[str, int] = {}
        self.asked: dict[str, int] = {}
        plain_call = Lines.call

        def counted(lines: Lines, *words: Any) -> Any:
            self.calls += 1
            return plain_call(lines, *words)

        Lines.call = counted  # type: ignore[method-assign, assignment] # a clock around it, for this program only
        for one in broker.middleware:
            for hook in ("before_process_message", "after_process_message"):
                if hook in type(one).__dict__:
                    setattr(one, hook, self._timed(type(one).__name__, getattr(one, hook)))

    def _timed(self, name: str, hook: Callable[..., None]) -> Callable[..., None]:
        def timed(*args: Any, **kwargs: Any) -> None:
            before, asked = time.thread_time_ns(), self.calls
            try:
                hook(*args, **kwargs)
            finally:
                self.spent[name] = self.spent.get(name, 0) + time.thread_time_ns() - before
                self.asked[name] = self.asked.get(name, 0) + self.calls - asked

        return timed


@contextmanager
def worker() -> Iterator[tuple[PipelineBroker, Meter]]:
    """Give a broker with the whole stack that works in this thread."""
    with RedisServer() as server, tempfile.TemporaryDirectory() as folder:
        if not server.running:
            server.start()
        logs.configure("warning", "json")
        broker = PipelineBroker(
            Store(connect(server.url), "bench"), Values(Blobs(Path(folder))), middleware=stack(), at_once={}
        )
        bind(broker)
        broker.boot(dramatiq.Worker(broker, worker_threads=TOGETHER))
        yield broker, Meter(broker)


def work_off(broker: PipelineBroker, meter: Meter, declared: Actor[int, int], runs: int, *, key: bool) -> Bill:
    """Send runs, work them off, and say what that took a run."""
    versions = dict.fromkeys(broker.actors, 1)
    redis_cpu, began, calls = _redis_cpu(broker.store.client), time.process_time(), meter.calls
    meter.spent.clear()
    meter.asked.clear()
    for at in range(0, runs, 500):
        sendings = [_sending(number, key=key) for number in range(at, min(at + 500, runs))]
        broker.accept([declared.new_run(sending) for sending in sendings])
    left = runs
    while left:
        leases, _ = broker.store.claim(
            broker.worker_id, ids.new(), {declared.queue_name: _PLENTY}, versions, want=TOGETHER, lease_ms=60_000
        )
        deliveries = [
            Delivery(dramatiq.Message.decode(lease.message), lease, broker.store, broker.values) for lease in leases
        ]
        broker.attempts.slots.take(deliveries)
        for delivery in deliveries:
            broker.emit_before("process_message", delivery)
            declared(*delivery.args)
            broker.emit_after("process_message", delivery, result=None, exception=None)
            broker.attempts.slots.release(delivery)
        broker.store.commit([delivery.commit for delivery in deliveries if delivery.commit is not None])
        broker.attempts.slots.forget(*deliveries)
        left -= len(deliveries)
    return Bill(
        worker_us=(time.process_time() - began) / runs * 1e6,
        redis_us=(_redis_cpu(broker.store.client) - redis_cpu) / runs * 1e6,
        calls=(meter.calls - calls) / runs,
        hooks_us={name: spent / runs / 1e3 for name, spent in meter.spent.items()},
        hook_calls={name: asked / runs for name, asked in meter.asked.items()},
    )


def _sending(number: int, *, key: bool) -> Send:
    return Send(payload=number, key=f"k{number}-{ids.new()}" if key else "")


def _redis_cpu(client: redis.Redis) -> float:
    used = client.info("cpu")
    return float(used["used_cpu_user_main_thread"] + used["used_cpu_sys_main_thread"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.policies", description=__doc__)
    parser.add_argument("--runs", type=int, default=4_000, help="runs of each kind, in each of three rounds")
    chosen = parser.parse_args()
    with worker() as (broker, meter):
        bills: dict[str, list[Bill]] = {name: [] for name in FEATURES}
        for _ in range(4):
            for name, (declared, _text) in FEATURES.items():
                bills[name].append(work_off(broker, meter, declared, chosen.runs, key=name == "key"))
        best = {name: min(found[1:], key=lambda bill: bill.worker_us) for name, found in bills.items()}
    base = best["nothing"]
    print("| middleware | us a run | round trips a run |\n|---|---|---|")
    for name, spent in base.hooks_us.items():
        print(f"| {name} | {spent:.1f} | {base.hook_calls[name]:.2f} |")
    print(f"| all of them | {sum(base.hooks_us.values()):.1f} | {sum(base.hook_calls.values()):.2f} |")
    print("\n| feature | worker, us | Redis, us | round trips |\n|---|---|---|---|")
    print(f"| {FEATURES['nothing'][1]} | {base.worker_us:.0f} | {base.redis_us:.0f} | {base.calls:.2f} |")
    for name, bill in best.items():
        if name != "nothing":
            worker_us, redis_us = bill.worker_us - base.worker_us, bill.redis_us - base.redis_us
            print(f"| {FEATURES[name][1]} | +{worker_us:.0f} | +{redis_us:.0f} | +{bill.calls - base.calls:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
