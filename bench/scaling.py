"""``python -m bench.scaling``: what one Redis carries, and what a run costs in it at each feature.

Three tables: runs a second with 1 to 4 worker processes, memory and rate of enqueueing at 10 thousand and at 1 million
runs, and the cost of a run by feature. Everything runs on this machine, so that workers and Redis share its cores.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count as numbers
from typing import Any

import structlog

from bench import scaling_cast as cast
from bench.machine import describe
from bench.scaling_place import Place, place
from bench.site import end_on_sigterm
from pipeline import every
from pipeline.engine.firing import Firing
from pipeline.engine.redis_program import find_redis_program
from pipeline.engine.schedules import Schedules
from pipeline.sending import Send
from tests.support.processes import Process
from tests.support.waiting import eventually

_PORTION = 1_000
_PATIENCE = timedelta(minutes=10)
_OFTEN = timedelta(milliseconds=50)

#: Records whose message is longer than the usual 64 bytes are kept packed as well.
_PACKED = {"hash-max-listpack-value": "1024"}

_THROUGHPUT = ("worker processes", "runs a second", "Redis, µs a run", "Redis, of a core", "round trips a run")
_MEMORY = ("queued runs", "accepted a second", "Redis, µs a run", "bytes a run", "MB used", "MB resident")
_FEATURES = ("a run", "round trips", "commands", "Redis, µs", "bytes sent and got", "bytes queued", "bytes when ended")


def send_plain(count: int) -> float:
    """Send plain jobs in portions; gives the seconds it took."""
    began = time.monotonic()
    for at in range(0, count, _PORTION):
        cast.plain.send_many([cast.Job()] * min(_PORTION, count - at))
    return time.monotonic() - began


def throughput(counts: Sequence[int], runs: int) -> Iterator[tuple[str, ...]]:
    """Drain a backlog with so many worker processes of 8 threads."""
    for count in counts:
        with place() as here:
            workers = here.workers(count)
            _stop(workers)
            send_plain(runs)
            before, began = here.used(), time.monotonic()
            _go_on(workers, here, runs)
            took, used = time.monotonic() - began, here.used() - before
            yield (
                str(count),
                f"{runs / took:,.0f}",
                f"{used.cpu_s / runs * 1e6:.0f}",
                f"{used.cpu_s / took * 100:.0f} %",
                f"{used.trips / runs:.2f}",
            )


def memory(counts: Sequence[int], config: dict[str, str] | None = None) -> Iterator[tuple[str, ...]]:
    """Queue so many runs, and look what they take."""
    for count in counts:
        with place(config) as here:
            before = here.used()
            took = send_plain(count)
            used = here.used() - before
            told: dict[str, Any] = here.client.info("memory")
            yield (
                f"{count:,}",
                f"{count / took:,.0f}",
                f"{used.cpu_s / count * 1e6:.0f}",
                f"{used.memory / count:,.0f}",
                f"{used.memory / 2**20:,.0f}",
                f"{told['used_memory_rss'] / 2**20:,.0f}",
            )


def features(runs: int) -> Iterator[tuple[str, ...]]:
    """Let a worker do runs of each kind, and divide what Redis did."""
    with place() as here:
        workers = here.workers(1)
        for name, send in _kinds(here).items():
            done = here.ended() + send(50)
            eventually(lambda: here.ended() >= done, _PATIENCE)  # noqa: B023 - used at once
            before, done = here.used(), here.ended()
            _stop(workers)
            nodes = send(runs)
            queued = here.used() - before
            _go_on(workers, here, done + nodes)
            used = here.used() - before
            yield (
                name,
                f"{used.trips / nodes:.2f}",
                f"{used.commands / nodes:.0f}",
                f"{used.cpu_s / nodes * 1e6:.0f}",
                f"{used.net / nodes:,.0f}",
                f"{queued.memory / nodes:,.0f}",
                f"{used.memory / nodes:,.0f}",
            )


def _stop(workers: Sequence[Process]) -> None:
    for worker in workers:
        os.kill(worker.pid, signal.SIGSTOP)


def _go_on(workers: Sequence[Process], here: Place, until: int) -> None:
    for worker in workers:
        os.kill(worker.pid, signal.SIGCONT)
    eventually(lambda: here.ended() >= until, _PATIENCE, every=_OFTEN)


def _kinds(here: Place) -> dict[str, Callable[[int], int]]:
    """Give what sends so many runs of each kind, and says how many that made."""

    unique = numbers()

    def many(what: Any, options: Callable[[int], dict[str, Any]] = lambda _: {}) -> Callable[[int], int]:
        def send(count: int) -> int:
            for at in range(0, count, _PORTION):
                portion = range(at, min(count, at + _PORTION))
                what.send_many([Send(payload=cast.Job(), **options(n)) for n in portion])
            return count

        return send

    def flows(count: int) -> int:
        for _ in range(count // 2):
            cast.pair.send(cast.Job())
        return count // 2 * 2

    def ticks(count: int) -> int:
        now = datetime.now(UTC).replace(microsecond=0)
        name = f"bench.secondly-{next(unique)}"
        schedule = every(timedelta(seconds=1), cast.plain, cast.Job(), name=name, misfire="all")
        firing = Firing(Schedules(here.store), [schedule])
        firing.declare(now - timedelta(seconds=count))
        while firing.due(now):
            firing.fire(schedule, now)
        return count

    return {
        "plain": many(cast.plain),
        "with a key": many(cast.plain, lambda _: {"key": f"order-{next(unique)}"}),
        "of a group (10 of them)": many(cast.plain, lambda n: {"group": f"group-{n % 10}"}),
        "three steps": many(cast.stepped),
        "one report of progress": many(cast.reporting),
        "two limits": many(cast.limited),
        "a breaker": many(cast.guarded),
        "node of a flow of two": flows,
        "tick of a schedule": ticks,
        "dead letter": many(cast.failing),
    }


def _table(title: str, head: Sequence[str], rows: Iterable[tuple[str, ...]]) -> None:
    lines = [f"\n{title}\n", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for line in lines:
        print(line)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def main() -> int:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few runs: shows that it works, not what it costs")
    parser.add_argument("--only", default="throughput,memory,packed,features", help="with commas")
    chosen = parser.parse_args()
    end_on_sigterm()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    wanted = chosen.only.split(",")
    machine = {**describe(), "redis": str(find_redis_program()), "load at the start": f"{os.getloadavg()[0]:.1f}"}
    print("; ".join(f"{name}: {value}" for name, value in machine.items()))
    for name, title, head, rows in (
        ("throughput", "Runs a second", _THROUGHPUT, throughput((1, 2, 4), 1_000 if chosen.quick else 20_000)),
        ("memory", "Queued runs", _MEMORY, memory((1_000, 10_000) if chosen.quick else (10_000, 1_000_000))),
        (
            "packed",
            f"Queued runs, {_PACKED}",
            _MEMORY,
            memory((1_000,) if chosen.quick else (10_000, 100_000), _PACKED),
        ),
        ("features", "Cost of a run", _FEATURES, features(200 if chosen.quick else 4_000)),
    ):
        if name in wanted:
            _table(title, head, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
