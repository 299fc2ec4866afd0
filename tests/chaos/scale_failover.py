"""R13: the primary's machine dies while its replicas are behind, and Sentinels make one of them the primary."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import redis

from pipeline.errors import NotReplicated, Unavailable
from tests.actors.plain import echo
from tests.chaos.stage import Report, Stage, stage
from tests.support.sentinels import Sentinels
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)

#: How long a sender waits after a refusal: as producers do that keep what they send until it is accepted.
_PAUSE_S = 0.1

#: When a job may start: what was accepted last has not run yet when the primary dies.
_LATER = 2 * SECOND


@dataclass
class Outbox:
    """A producer that sends without a pause, each job under a key of its own, until it is accepted."""

    here: Stage
    name: str
    pace_s: float
    accepted: dict[str, str] = field(default_factory=dict)
    #: When each was accepted.
    at: dict[str, float] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> Outbox:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End; what is on its way is accepted first."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(60)
            assert not self._thread.is_alive(), "what was on its way was not accepted within a minute"

    def send(self, key: str) -> None:
        """Send a job until it is accepted."""
        while True:
            try:
                handle = echo.send(key, key=key, delay=_LATER)
            except NotReplicated:
                self.told["not replicated"] += 1
            except Unavailable:
                self.told["unavailable"] += 1
            else:
                self.accepted[key] = handle.id
                self.at[key] = time.monotonic()
                self.here.ledger.accept([handle.id])
                return
            time.sleep(_PAUSE_S)

    def _run(self) -> None:
        number = 0
        while not self._end.is_set():
            self.send(f"{self.name}-{number}")
            number += 1
            time.sleep(self.pace_s)


def failover(
    folder: Path,
    *,
    rounds: int,
    replicas: int,
    durable: bool,
    stall: timedelta,
    senders: int,
    workers: int,
    pace_s: float = 0.005,
    before: timedelta = SECOND,
    settled: timedelta = 60 * SECOND,
    spare: bool = False,
) -> Report:
    """R13: stall the replicas, kill the primary with its machine, let Sentinels name another; no worker is restarted.

    ``durable`` has replicas confirm what is accepted. ``spare`` has a primary refuse writes that no replica follows.
    """
    report = Report()
    config = {"min-replicas-to-write": "1", "min-replicas-max-lag": "3"} if spare else {}
    with Sentinels(replicas=replicas, config=config) as set_up:
        url = set_up.url + ("?wait_replicas=1&wait_ms=500" if durable else "")
        with stage(url, folder) as here:
            crew = here.workers(workers, threads=2)
            lost: list[str] = []
            resumed: list[float] = []
            worked: list[float] = []
            refused: list[str] = []
            told: Counter[str] = Counter()
            recreated = 0
            for number in range(rounds):
                set_up.settle(30 * SECOND)
                outboxes = [Outbox(here, f"{number}-{n}", pace_s).start() for n in range(senders)]
                try:
                    threading.Event().wait(before.total_seconds())
                    old = set_up.primary()
                    killed = _kill(set_up, stall)
                    eventually(lambda gone=old.port: set_up.named_port() != gone, 30 * SECOND)  # type: ignore[misc]
                    refused += _returned(set_up, old, rejoin=rounds > 1 or replicas == 1)
                    ready = lambda at=killed, out=outboxes: _sent_after(out, at)  # noqa: E731 - bound to this round
                    resumed.append(eventually(ready, 40 * SECOND) - killed)
                    count = here.ledger.count("effect")
                    eventually(lambda n=count: here.ledger.count("effect") > n, 40 * SECOND)  # type: ignore[misc]
                    worked.append(time.monotonic() - killed)
                finally:
                    for outbox in outboxes:
                        outbox.stop()
                        told += outbox.told
                keys = {run: key for outbox in outboxes for key, run in outbox.accepted.items()}
                gone = _lost(here, list(keys), settled)
                lost += gone
                if gone and not durable:
                    recreated += _again(here, outboxes[0], [keys[run] for run in gone], settled)
            effects = Counter(entry.run for entry in here.ledger.entries(what="effect"))
            accepted = here.ledger.accepted()
            report.figures = {
                "rounds": rounds,
                "accepted": len(accepted),
                "lost": len(lost),
                "run twice": sum(1 for count in effects.values() if count > 1),
                "told": dict(told),
                "sends resumed_s": [round(seconds, 1) for seconds in resumed],
                "work resumed_s": [round(seconds, 1) for seconds in worked],
                "old primary": dict(Counter(refused)),
            }
            if not durable:
                report.figures["sent again after loss"] = recreated
                report.expect("the producer made every lost run anew", recreated == len(lost))
            else:
                report.expect(f"nothing that was accepted is lost: {len(lost)}", not lost)
            if spare:
                report.expect(f"what had been the primary wrote nothing: {refused}", "written" not in refused)
            report.expect("workers are not restarted", all(worker.alive for worker in crew))
    return report


def _kill(set_up: Sentinels, stall: timedelta) -> float:
    """Hold up what the primary tells its replicas, then kill it with its machine; gives the moment of the kill."""
    old = set_up.primary()
    old.door.hold()
    threading.Event().wait(stall.total_seconds())
    old.kill()
    return time.monotonic()


def _returned(set_up: Sentinels, old: object, *, rejoin: bool) -> list[str]:
    """Let the old primary come back, and write to it before anybody has told it what it is now."""
    if not rejoin:
        return []
    server = next(server for server in set_up.servers if server is old)
    set_up.rejoin(server)
    with server.client() as client:
        try:
            client.set("{dramaturg}:stray", "1")
        except redis.RedisError as error:
            return [str(error).removeprefix("refused: ").split(" ", maxsplit=1)[0]]
    return ["written"]


def _sent_after(outboxes: list[Outbox], moment: float) -> float:
    later = [at for outbox in outboxes for at in list(outbox.at.values()) if at > moment + _PAUSE_S]
    return min(later, default=0.0)


def _lost(here: Stage, ids: list[str], timeout: timedelta) -> list[str]:
    """Name the runs that were accepted, did nothing, and are known to nobody, once everything else has ended."""
    deadline = time.monotonic() + timeout.total_seconds()
    while True:
        done = {entry.run for entry in here.ledger.entries(what="effect")}
        left = [run for run in ids if run not in done]
        states = here.states(left)
        lost = [run for run, state in states.items() if state is None]
        if len(lost) == len(left) or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def _again(here: Stage, outbox: Outbox, keys: list[str], timeout: timedelta) -> int:
    """Send again what was lost; gives how many of them ran."""
    for key in keys:
        outbox.send(key)
    ids = [outbox.accepted[key] for key in keys]
    return len(ids) - len(_lost(here, ids, timeout))
