"""One worker process: what the supervisor starts, watches and replaces.

Run as ``python -m pipeline.engine.worker --threads 8 [--queues a,b] [MODULE ...]``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

import dramatiq
import structlog

from pipeline import logs
from pipeline.engine.child import REPLACE
from pipeline.engine.lifeline import watch_supervisor
from pipeline.engine.server_checks import UNFIT, UnfitRedis, require_fit_server
from pipeline.engine.vitals import EVERY, Vitals
from pipeline.engine.worker_health import STARTING, WorkerHealth
from pipeline.errors import PipelineError, Unavailable

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker

#: Exit codes, as everywhere in the command line: wrong usage, and Redis or the database out of reach.
USAGE, UNREACHABLE = 2, 5

log = structlog.get_logger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a worker until it is told to stop; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.engine.worker", description=__doc__)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--queues", default="")
    parser.add_argument("modules", nargs="*")
    options = parser.parse_args(argv)
    stop = threading.Event()
    grace = timedelta(seconds=30)
    watch_supervisor(stop.set, grace=grace)
    vitals = Vitals()
    vitals.report(STARTING)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sys.path.insert(0, "")  # a user's own module is looked for where the command was given
    try:
        from pipeline.app import broker, settings

        require_fit_server(broker.store.client, allow_unsafe=settings.allow_unsafe_redis)
        for module in options.modules:
            importlib.import_module(module)
    except UnfitRedis as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return UNFIT
    except Unavailable as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return UNREACHABLE
    except PipelineError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return USAGE
    except Exception:  # noqa: BLE001 - a user's module may fail in any way; it is told, and the code says whose fault it is
        traceback.print_exc()
        return USAGE
    broker.emit_after("process_boot")
    queues = set(filter(None, options.queues.split(","))) or None
    worker = dramatiq.Worker(broker, queues=queues, worker_threads=options.threads, worker_timeout=250)
    _start(worker)
    watchdog = broker.attempts.watchdog
    watchdog.on_stuck = stop.set
    log.info("worker_ready", worker=broker.worker_id, threads=options.threads, queues=sorted(broker.queues))
    health = WorkerHealth(worker, broker, vitals)
    code = _watch(health, stop)
    if watchdog.stuck:
        return _leave(worker, broker, health)
    _drain(worker, broker, health)
    broker.close()
    if any(thread.is_alive() for thread in worker.workers):
        # A thread that is stuck past the bound must not hold the process: its lease ends and the run goes on elsewhere.
        log.warning("threads_left", count=sum(thread.is_alive() for thread in worker.workers))
        _end(code)
    return code


def _start(worker: dramatiq.Worker) -> None:
    try:
        worker.start()
    except Unavailable as error:
        print(error, file=sys.stderr)  # noqa: T201 - as in main: this is for whoever started it
        sys.exit(UNREACHABLE)


def _watch(health: WorkerHealth, stop: threading.Event) -> int:
    """Report once a second until the worker is to stop; gives the exit code."""
    health.tell()
    while not stop.wait(EVERY.total_seconds()):
        health.tell()
        if health.ended is not None:
            # A thread that died takes a slot with it for good, or all of them; the supervisor starts a whole process.
            log.error("worker_thread_died", what=health.ended)
            return 1
    return 0


def _drain(worker: dramatiq.Worker, broker: PipelineBroker, health: WorkerHealth) -> None:
    """Stop the worker, while this thread goes on to say that the process lives."""
    failed: list[BaseException] = []

    def stop() -> None:
        try:
            worker.stop(timeout=int(broker.grace.total_seconds() * 1000))
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for this one
            failed.append(error)

    drain = threading.Thread(target=stop, name="drain", daemon=True)
    health.tell(stopping=True)
    drain.start()
    while drain.is_alive():
        drain.join(EVERY.total_seconds())
        health.tell()
    if failed:
        raise failed[0]


def _leave(worker: dramatiq.Worker, broker: PipelineBroker, health: WorkerHealth) -> NoReturn:
    """Let the threads that are not stuck come to an end, or to their next step, and have the process replaced."""
    attempts = broker.attempts
    health.tell(stopping=True)
    log.error(
        "worker_leaves",
        why="a thread did not stop at its limit, and only its process can end it",
        stuck=len(attempts.watchdog.stuck),
        grace_s=broker.grace.total_seconds(),
    )
    attempts.stop_claiming()
    for thread in worker.workers:
        thread.stop()
    until = time.monotonic() + broker.grace.total_seconds()
    while neighbours := [t for t in worker.workers if t.is_alive() and t.ident not in attempts.watchdog.stuck]:
        if time.monotonic() > until:
            log.warning("threads_left", count=len(neighbours))
            break
        neighbours[0].join(0.1)
        health.tell()
    attempts.stop()
    _end(REPLACE)


def _end(code: int) -> NoReturn:
    logs.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
