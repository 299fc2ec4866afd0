"""S12: many look at the work while it is done, and it goes on as fast."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from datetime import timedelta
from typing import Self

from pipeline import Send
from pipeline.engine import keys
from tests.actors.soaking import breathe
from tests.chaos.stage import Report, Stage
from tests.chaos.streams import browser, event_server
from tests.support.apart import apart
from tests.support.waiting import eventually

_MODULE = breathe.fn.__module__

#: The work that is measured: short naps, so that neither the machine nor Redis is what bounds it.
_NAP_S, _THREADS, _AHEAD = 0.05, 8, 64

#: Commands that read everything there is.
_FORBIDDEN = ("keys", "scan", "hscan", "sscan", "zscan", "flushall", "sort")

#: One that reads lists, at a rate, in a process of its own; prints how long each took, in ms.
_READER = """
import json, os, sys, time
from pipeline.blobs import Blobs
from pipeline.engine.connection import connect
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.inspector import Inspector
from pathlib import Path
rate, seconds = float(sys.argv[1]), float(sys.argv[2])
store = Store(connect(os.environ["REDIS_URL"]), os.environ["DRAMATURG_NAMESPACE"])
look = Inspector(store, Values(Blobs(Path(os.environ["DRAMATURG_HOME"]) / "blobs")))
asks = [
    lambda: look.list_runs("completed"),
    lambda: look.queues(),
    lambda: look.list_runs(),
    lambda: look.workers(),
    lambda: look.list_runs("queued", actor="test.breathe"),
]
begun, took = time.monotonic(), []
while (now := time.monotonic()) < begun + seconds:
    asks[len(took) % len(asks)]()
    took.append((time.monotonic() - now) * 1000)
    time.sleep(max(0.0, begun + len(took) / rate - time.monotonic()))
print("took", json.dumps(took), flush=True)
"""


def watched(
    here: Stage, *, finished: int, clients: int, lists: int, seconds: float, loss: float, list_ms: float, slow_ms: int
) -> Report:
    """Compare the work with and without ``clients`` that listen and ``lists`` lists a second, ``seconds`` each.

    Work may lose the part ``loss``, a list take ``list_ms`` at p95, and a command of Redis ``slow_ms``.
    """
    report, client = Report(), here.store.client
    kept = {"DRAMATURG_KEEP_COMPLETED": str(10 * finished + 100_000)}
    here.workers(2, threads=_THREADS, modules=(_MODULE,), lease=8, env=kept)
    for at in range(0, finished, 1000):
        breathe.send_many([Send(payload=0.0)] * min(1000, finished - at))
    done = keys.finished(here.store.namespace, "completed")
    eventually(lambda: client.zcard(done) >= finished, timedelta(minutes=10))
    waiting = [handle.id for handle in breathe.send_many([Send(payload=0.0, delay=timedelta(hours=2))] * 20)]
    port = event_server(here)
    with _Feeder(here, done) as feeder:
        alone = feeder.rate(seconds)
        client.config_resetstat()
        client.config_set("slowlog-log-slower-than", slow_ms * 1000)
        client.slowlog_reset()
        reader = here.running.python("-c", _READER, str(lists), str(seconds), env=here.env(lease=8))
        listening = threading.Thread(target=apart, args=(_listen(port, waiting, clients, seconds),))
        listening.start()
        beside = feeder.rate(seconds)
        listening.join()
        reader.wait()
        slow = client.slowlog_get(100)
        called = client.info("commandstats")
    took = sorted(json.loads(reader.output.split("took", 1)[1]))
    forbidden = [name for name in _FORBIDDEN if f"cmdstat_{name}" in called]
    report.figures = {
        "finished": finished,
        "clients": clients,
        "runs_per_s": f"{alone:.0f} -> {beside:.0f}",
        "lists": len(took),
        "list_p95_ms": round(took[int(len(took) * 0.95)], 1),
        "slow_commands": len(slow),
    }
    report.expect(f"work loses at most {loss:.0%}", beside >= alone * (1 - loss))
    report.expect(f"a list takes at most {list_ms} ms at p95", took[int(len(took) * 0.95)] <= list_ms)
    report.expect(f"as many lists as asked for: {len(took)}", len(took) >= 0.9 * lists * seconds)
    report.expect(f"no command takes more than {slow_ms} ms: {slow[:3]}", not slow)
    report.expect(f"nothing reads everything there is: {forbidden}", not forbidden)
    return report


class _Feeder(threading.Thread):
    """Keeps so much work ready that no thread waits for it."""

    def __init__(self, here: Stage, done: str) -> None:
        super().__init__(daemon=True)
        self._client, self._done = here.store.client, done
        self._over = threading.Event()
        self._sent = 0
        self._base = self._client.zcard(done)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(0.02):
            missing = 2 * _THREADS + _AHEAD - (self._sent - self._ended())
            if missing > 0:
                breathe.send_many([Send(payload=_NAP_S)] * missing)
                self._sent += missing

    def rate(self, seconds: float) -> float:
        """Give the runs that end in a second, over so many of them."""
        begun, before = time.monotonic(), self._ended()
        self._over.wait(seconds)
        return (self._ended() - before) / (time.monotonic() - begun)

    def _ended(self) -> int:
        return int(self._client.zcard(self._done)) - self._base


async def _listen(port: int, runs: list[str], clients: int, seconds: float) -> None:
    until = asyncio.get_running_loop().time() + seconds
    await asyncio.gather(*(browser(port, runs[n % len(runs)]).listen(until=until) for n in range(clients)))
