"""``python -m bench.tracing [RUNS] [TIMES]``: what log lines and traces cost a run, in processor time of its worker.

A worker of eight threads drains a backlog of empty runs, in turns with: no line and no trace; a line a run (the
default); level debug, with the libraries' lines; a trace that its sender began; spans that a collector takes; one
span in ten; and a collector that is away, or answers after two seconds. What is compared is the processor time of the
worker's process (``time.process_time``) and how long the drain and the worker's stop took.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from tests.support.collector import collecting
from tests.support.redis_server import RedisServer

_WARM_S = 1.5
_QUEUE = "bench"
_PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

#: How each kind of drain is set up: the level of the log, and what the environment says of traces.
_KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "no line, no trace": ("warning", {}),
    "a line a run": ("info", {}),
    "level debug": ("debug", {}),
    "a line, a trace carried": ("info", {"BENCH_CARRIED": "1"}),
    "a line, spans taken": ("info", {"OTEL_EXPORTER_OTLP_ENDPOINT": "here"}),
    "a line, one span in ten": (
        "info",
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "here",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.1",
        },
    ),
    "a line, collector away": ("info", {"OTEL_EXPORTER_OTLP_ENDPOINT": "away"}),
    "a line, collector slow": ("info", {"OTEL_EXPORTER_OTLP_ENDPOINT": "slow"}),
}


def main() -> int:
    """Measure, and print what a run costs in each way."""
    parser = argparse.ArgumentParser(prog="python -m bench.tracing", description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=10_000)
    parser.add_argument("times", nargs="?", type=int, default=5)
    parser.add_argument("--drain", choices=list(_KINDS), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.drain:
        print(json.dumps(_drain(chosen.runs, chosen.drain)))
        return 0
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in _KINDS}
    with RedisServer() as server, ExitStack() as held:
        here, slow = held.enter_context(collecting()), held.enter_context(collecting())
        slow.delay = 2
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            places = {"here": here.url, "slow": slow.url, "away": f"http://127.0.0.1:{nobody.getsockname()[1]}"}
            for _ in range(chosen.times):
                for kind, rows in found.items():
                    with server.client() as client:
                        client.flushall()
                    rows.append(_one(server.url, kind, chosen.runs, places))
    print("| way | µs of the worker a run | more than without | drain, s | stop, s |\n|---|---|---|---|---|")
    least = [row["us"] for row in found["no line, no trace"]]
    for kind, rows in found.items():
        us = [row["us"] for row in rows]
        more = statistics.median(one - other for one, other in zip(us, least, strict=True))
        drain, stop = (statistics.median(row[name] for row in rows) for name in ("drain_s", "stop_s"))
        cost = f"{statistics.median(us):.1f} ({min(us):.1f}-{max(us):.1f}) | {more:+.1f}"
        print(f"| {kind} | {cost} | {drain:.2f} | {stop:.2f} |")
    return 0


def _one(url: str, kind: str, runs: int, places: dict[str, str]) -> dict[str, float]:
    asked = {name: places.get(value, value) for name, value in _KINDS[kind][1].items()}
    command = [sys.executable, "-m", "bench.tracing", str(runs), "--drain", kind]
    env = os.environ | {"REDIS_URL": url} | asked
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _drain(runs: int, kind: str) -> dict[str, float]:
    import dramatiq

    from middleware import stack
    from pipeline import Send, actor, logs
    from pipeline.blobs import Blobs
    from pipeline.declaration import bind
    from pipeline.engine.broker import PipelineBroker
    from pipeline.engine.connection import connect
    from pipeline.engine.gates import Gates
    from pipeline.engine.store import Store
    from pipeline.engine.values import Values

    logs.configure(_KINDS[kind][0], "json", worker_id="bench")

    @actor(name="bench.noop", queue=_QUEUE)
    def noop(number: int) -> None:
        """Do nothing."""
        del number

    store = Store(connect(os.environ["REDIS_URL"]))
    broker = PipelineBroker(store, Values(Blobs(Path(tempfile.gettempdir()) / "blobs")), middleware=stack())
    bind(broker)
    dramatiq.set_broker(broker)
    gates = Gates(store)
    gates.pause(f"queue:{_QUEUE}")
    options = {"traceparent": _PARENT} if "BENCH_CARRIED" in os.environ else {}
    for at in range(0, runs, 500):
        noop.send_many([Send(payload=n, options=options) for n in range(at, min(at + 500, runs))])
    worker = dramatiq.Worker(broker, queues={_QUEUE}, worker_threads=8, worker_timeout=250)
    worker.start()
    time.sleep(_WARM_S)
    before, began = time.process_time(), time.monotonic()
    gates.resume(f"queue:{_QUEUE}")
    deadline = began + timedelta(minutes=3).total_seconds()
    while int(store.client.get(f"{{{store.namespace}}}:ended:runs") or 0) < runs and time.monotonic() < deadline:
        time.sleep(0.05)
    ended = time.monotonic()
    worker.stop()
    stopped = time.monotonic()
    return {
        "us": (time.process_time() - before) / runs * 1e6,
        "drain_s": ended - began,
        "stop_s": stopped - ended,
    }


if __name__ == "__main__":
    sys.exit(main())
