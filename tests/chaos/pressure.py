"""Scenarios in which memory runs out: a document's (R05), or that of Redis, which refuses to write (R07, R15)."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import redis

from pipeline import Backpressure, Send
from pipeline.blobs import Blobs
from tests.actors.hungry import Meal, read_within, swallow
from tests.actors.plain import Nap, Trouble, nap, stumble
from tests.actors.stepped import Laps, Walk, laps, walk
from tests.chaos.losing import POINTS
from tests.chaos.stage import Report, Stage
from tests.support.proxy import Command, Fault, Proxy
from tests.support.waiting import eventually

#: Where a full server says that it is: part of what it may take.
_FULL = 0.8


def hungry_document(here: Stage, *, documents: int, megabytes: int, growth_mb: float) -> Report:
    """R05: a document that needs more memory than its reader may have ends its reader, and nothing else."""
    report = Report()
    blobs = Blobs(here.folder / "home" / "blobs")
    small, large = blobs.put(b"A short text. " * 100), blobs.put(b"word " * 800_000)
    worker = here.worker(threads=2)
    read_within.send(Meal(blob=small, megabytes=512)).result(timedelta(seconds=20))  # whatever is imported is by now
    before = _resident_mb(worker.pid)
    ids = here.accept(read_within.send_many([Meal(blob=large, megabytes=megabytes)] * documents))
    states = here.settle(ids, timedelta(minutes=2))
    grown = _resident_mb(worker.pid) - before
    shown = [here.inspector.show(run) or {} for run in ids]
    kinds = {error["kind"] for record in shown for error in record["errors"]}
    starts = Counter(entry.run for entry in here.ledger.entries(what="started") if entry.run in ids)
    after = read_within.send(Meal(blob=small, megabytes=512)).result(timedelta(seconds=20))
    report.figures = {"documents": documents, "grown_mb": round(grown, 1), "kinds": kinds}
    report.expect(f"all are dead: {states}", set(states.values()) == {"dead"})
    report.expect(f"their failure is permanent: {kinds}", kinds == {"permanent"})
    report.expect(f"one start each: {starts}", set(starts.values()) == {1} and len(starts) == documents)
    told = {record["errors"][0]["message"] for record in shown}
    report.expect(f"it says why: {told}", all("memory" in message for message in told))
    report.expect(f"the worker grows by at most {growth_mb} MB: {grown:.1f}", grown <= growth_mb)
    report.expect("its slots survive", worker.alive and after == 1 and not worker.children())
    return report


def _resident_mb(pid: int) -> float:
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1024


def _no_memory(client: redis.Redis) -> None:
    client.config_set("maxmemory", 1)


def _no_primary(client: redis.Redis) -> None:
    client.replicaof("127.0.0.1", 1)


def _no_answer(client: redis.Redis) -> None:
    client.client_pause(7_000, all=True)  # longer than a call may take


def _mended(client: redis.Redis) -> None:
    client.client_unpause()
    client.replicaof("NO", "ONE")
    client.config_set("maxmemory", 0)


#: How a server that is there refuses.
REFUSALS: dict[str, Callable[[redis.Redis], None]] = {
    "out of memory": _no_memory,
    "a replica": _no_primary,
    "no answer": _no_answer,
}


def refused(here: Stage, *, how: str, point: str, runs: int, length: timedelta, settled: timedelta) -> Report:
    """R07: from one call on, Redis refuses to write for a while; nothing is lost, and no worker restarted."""
    report, named = Report(), here.digests()
    stumbles = 1 if point == "at a failure's commit" else 0
    struck, over = threading.Event(), threading.Event()

    def refuse() -> None:
        threading.Event().wait(length.total_seconds())
        _mended(here.store.client)
        over.set()

    def strike(command: Command) -> Fault | None:
        digest = command.words[1].decode(errors="replace") if command.name.startswith("EVALSHA") else ""
        if named.get(digest) == POINTS[point] and here.ledger.count("started"):
            between.on_command = None
            REFUSALS[how](here.store.client)  # before this very call gets there
            struck.set()
            threading.Thread(target=refuse, daemon=True).start()
        return None

    with Proxy(here.url) as between:
        worker = here.worker(url=between.url, threads=4)
        between.on_command = strike
        ids = here.accept(walk.send_many([Walk(seconds=0.15, start=n, stumbles=stumbles) for n in range(runs)]))
        eventually(struck.is_set, timedelta(seconds=30))
        told = _refusal(lambda: nap.send(Nap())) if how == "out of memory" else "Backpressure"
        eventually(over.is_set, length + timedelta(seconds=30))
        back = time.monotonic()
        states = here.settle(ids, settled)
        took = time.monotonic() - back
    findings = here.findings()
    attempts = {(here.inspector.show(run) or {}).get("attempt") for run in ids}
    leased = here.store.client.zcard(f"{{{here.store.namespace}}}:leases")
    report.figures = {"how": how, "point": point, "settled_s": round(took, 1), "repeated": len(findings.repeated)}
    report.expect_clean(findings)
    report.expect(f"all completed: {Counter(states.values())}", set(states.values()) == {"completed"})
    report.expect(f"no attempt is spent on it: {attempts}", attempts == {1 + stumbles})
    report.expect("no step is repeated", here.begun_again() == (0, []))
    report.expect(f"a sender is told what is wrong: {told}", told == "Backpressure")
    report.expect(f"nothing stays leased: {leased}", leased == 0)
    report.expect("the worker lives, and was not restarted", worker.alive)
    return report


def nearly_full(here: Stage, *, megabytes: int, producers: int, off: float, drained: timedelta) -> Report:
    """R15: senders fill Redis until it refuses; what was accepted goes on meanwhile, and all of it is done."""
    report, client = Report(), here.store.client
    client.config_set("maxmemory", megabytes * 1024**2)
    try:
        worker = here.worker(threads=4, queues="default")  # and not the one that is filled
        busy = here.accept(laps.send_many([Laps(count=12, walk=Walk(seconds=0.1))] * 2))
        failing = here.accept(stumble.send_many([Send(payload=Trouble(times=2), delay=timedelta(seconds=1))] * 5))
        accepted, told = _fill(here, producers)
        still = _refusal(lambda: nap.send_many([Nap()] * 16))
        reached = client.info("memory")["used_memory"] / (megabytes * 1024**2)
        states = here.settle(busy + failing, timedelta(seconds=60))
        delayed = [word for word in ("commit_delayed", "renewal_delayed", "lease_lost") if word in worker.output]
        here.workers(2, threads=4, queues="bulk")
        ends = Counter(here.settle(accepted, drained).values())
        top = client.info("memory")["used_memory_peak"] / (megabytes * 1024**2)
    finally:
        client.config_set("maxmemory", 0)
    report.figures = {"accepted": len(accepted), "refused at": f"{reached:.1%}", "peak": f"{top:.0%}"}
    report.expect(f"every sender hears Backpressure: {told}", told == Counter({"Backpressure": producers}))
    report.expect(f"at {_FULL:.0%} +- {off:.0%}: {reached:.1%}", abs(reached - _FULL) <= off)
    report.expect(f"and whoever comes later does: {still}", still == "Backpressure")
    report.expect(f"what was accepted goes on: {Counter(states.values())}", set(states.values()) == {"completed"})
    report.expect(f"acks, renewals and checkpoints get through: {delayed}", not delayed)
    report.expect(f"all of it is done: {ends}", ends == Counter(completed=len(accepted)))
    report.expect("the worker lives", worker.alive)
    return report


def _fill(here: Stage, producers: int) -> tuple[list[str], Counter[str]]:
    accepted: list[list[str]] = [[] for _ in range(producers)]
    told: Counter[str] = Counter()

    def produce(mine: list[str]) -> None:
        why = ""
        while not why:
            why = _refusal(lambda: mine.append(swallow.send("x" * 10_000).id))
        told[why] += 1

    threads = [threading.Thread(target=produce, args=(mine,)) for mine in accepted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [run for mine in accepted for run in mine]
    here.ledger.accept(ids)
    return ids, told


def _refusal(send: Callable[[], object]) -> str:
    try:
        send()
    except Backpressure:
        return "Backpressure"
    except Exception as error:  # noqa: BLE001 - any other one is what the scenario looks for
        return repr(error)
    return ""
