"""``python -m bench.metrics [RUNS] [TIMES]``: what metrics cost a run, in processor time of its worker.

A worker of eight threads drains a backlog of empty runs, in turns with all metrics written to files and with none. What
is compared is the processor time of its process (``time.process_time``): what other programs do does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.support.redis_server import RedisServer

_WARM_S = 1.5
_QUEUE = "bench"


def main() -> int:
    """Measure, and print what a run costs with metrics and without."""
    parser = argparse.ArgumentParser(prog="python -m bench.metrics", description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=20_000)
    parser.add_argument("times", nargs="?", type=int, default=5)
    parser.add_argument("--drain", choices=["with", "without"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.drain:
        print(json.dumps(_drain(chosen.runs, kept=chosen.drain == "with")))
        return 0
    for part, us in _alone().items():
        print(f"{part:>22}: {us:6.2f} us a run, in a loop of its own")
    spent: dict[str, list[float]] = {"with": [], "without": []}
    with RedisServer() as server:
        for _ in range(chosen.times):
            for how, found in spent.items():
                with server.client() as client:
                    client.flushall()
                found.append(_one(server.url, how, chosen.runs))
    for how, found in spent.items():
        print(
            f"{how:>8} metrics: {statistics.median(found):6.1f} us a run   ({', '.join(f'{us:.1f}' for us in found)})"
        )
    more = [one - other for one, other in zip(*spent.values(), strict=True)]
    print(f"   metrics cost: {statistics.median(more):6.1f} us a run   ({', '.join(f'{us:.1f}' for us in more)})")
    return 0


def _alone(runs: int = 20_000, times: int = 7) -> dict[str, float]:
    """Give what each part costs a run, the least of several times: what a loaded machine adds is not its own."""
    from types import SimpleNamespace

    from pipeline import metrics
    from pipeline.engine.records import Lease
    from pipeline.metrics.register import register

    here = register()
    here.declare(actors=["a"], queues=["q"])
    now = time.monotonic()
    lease = Lease("r", b"", 1, 0, 1, False, False, 0, 2, 0.0, b"", 12, 12)
    told: Any = SimpleNamespace(
        actor_name="a", queue_name="q", kind=None, verdict=1, lease=lease, started_at=now, claimed_at=now
    )
    ended: Any = SimpleNamespace(state="completed")
    least: dict[str, float] = {}
    for _ in range(times):
        marks = [time.process_time()]
        for _ in range(runs):
            metrics.attempt_ended(told)
        marks.append(time.process_time())
        for _ in range(runs // 50):
            metrics.committed([(told, ended)] * 50, [1] * 50)
        marks.append(time.process_time())
        here.flush()
        marks.append(time.process_time())
        for part, since, until in zip(("attempt", "commit", "adding up and writing"), marks, marks[1:], strict=False):
            least[part] = min(least.get(part, 1e9), (until - since) / runs * 1e6)
    return least


def _one(url: str, how: str, runs: int) -> float:
    with tempfile.TemporaryDirectory(prefix="dt-metrics-") as folder:
        env = os.environ | {"REDIS_URL": url, "DRAMATURG_WORKER_SLOT": "0", "PROMETHEUS_MULTIPROC_DIR": folder}
        command = [sys.executable, "-m", "bench.metrics", str(runs), "--drain", how]
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["us"])


def _drain(runs: int, *, kept: bool) -> dict[str, float]:
    import dramatiq

    from middleware import stack
    from middleware.metrics import Metrics
    from pipeline import actor, logs
    from pipeline.blobs import Blobs
    from pipeline.declaration import bind
    from pipeline.engine.broker import PipelineBroker
    from pipeline.engine.connection import connect
    from pipeline.engine.export_worker import Meter
    from pipeline.engine.gates import Gates
    from pipeline.engine.store import Store
    from pipeline.engine.values import Values

    if not kept:  # no thread, and nothing is kept
        for name, instead in (("__init__", lambda *_: None), ("start", lambda _: None), ("stop", lambda _: None)):
            setattr(Meter, name, instead)
    logs.configure("WARNING", "json")

    @actor(name="bench.noop", queue=_QUEUE)
    def noop(number: int) -> None:
        """Do nothing."""
        del number

    middleware = [one for one in stack() if kept or not isinstance(one, Metrics)]
    store = Store(connect(os.environ["REDIS_URL"]))
    broker = PipelineBroker(store, Values(Blobs(Path(tempfile.gettempdir()) / "blobs")), middleware=middleware)
    bind(broker)
    dramatiq.set_broker(broker)
    gates = Gates(store)
    gates.pause(f"queue:{_QUEUE}")
    for at in range(0, runs, 500):
        noop.send_many(list(range(at, min(at + 500, runs))))
    worker = dramatiq.Worker(broker, queues={_QUEUE}, worker_threads=8, worker_timeout=250)
    worker.start()
    time.sleep(_WARM_S)
    before = time.process_time()
    gates.resume(f"queue:{_QUEUE}")
    deadline = time.monotonic() + timedelta(minutes=3).total_seconds()
    while int(store.client.get(f"{{{store.namespace}}}:ended:runs") or 0) < runs and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.3)  # what was heard last is written too
    spent = time.process_time() - before
    worker.stop()
    return {"us": spent / runs * 1e6}


if __name__ == "__main__":
    sys.exit(main())
