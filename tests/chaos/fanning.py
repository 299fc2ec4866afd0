"""Runs that start many others and wait for them: joined once, the missing named, whatever dies on the way (R26)."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import redis

from pipeline.engine import keys
from tests.actors import fanning as module
from tests.actors.fanning import Fan, chunk, fan, fan_out_twice
from tests.chaos.stage import Report, Stage
from tests.support.proxy import Command, Fault, Proxy
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)
LONG = timedelta(minutes=10)


def gathered(
    here: Stage,
    *,
    children: int,
    fails_every: int,
    child_s: float,
    workers: int,
    threads: int,
    kills: int,
    every: timedelta,
    slowest_ms: float,
    seed: int = 1,
) -> Report:
    """R26: thousands of children, workers killed, some failing for good: the join comes once, with all it has."""
    report, dice = Report(), random.Random(seed)
    client = here.store.client
    client.config_set("slowlog-log-slower-than", 1_000)
    client.config_set("slowlog-max-len", 10_000)
    client.slowlog_reset()
    crew = here.workers(workers, threads=threads, modules=[module.__name__])
    with counted(here) as commands:
        (parent,) = here.accept([fan.send(Fan(count=children, seconds=child_s, fails_every=fails_every))])
        eventually(lambda: here.ledger.count("effect") > 0, 60 * SECOND)
        for _ in range(kills):
            time.sleep(every.total_seconds())  # the pace of the kills
            at = dice.randrange(len(crew))
            crew[at].kill()
            crew[at] = here.worker(threads=threads, modules=[module.__name__])
        state = here.settle([parent], LONG)[parent]
    shown = here.inspector.show(parent) or {}
    result = shown.get("result") or {}
    missing = [n for n in range(children) if fails_every and n % fails_every == fails_every - 1]
    slow = slow_scripts(here)
    joins = sum(entry.step == "join" for entry in here.ledger.entries(what="effect"))
    report.figures = {
        "children": children,
        "state": state,
        "joins": joins,
        "missing": len(result.get("missing", [])),
        "commands a child": round(sum(commands.values()) / children, 2),
        "of them": dict(commands.most_common(5)),
        "slowest scripts_ms": slow[:3],
        "attempts": shown.get("attempt"),
        "starts": shown.get("fence"),
    }
    report.expect(f"the parent completed: {shown.get('reason')}", state == "completed")
    report.expect(f"it is joined once: {joins}", joins == 1)
    report.expect(f"what is missing is named: {result.get('missing')}", result.get("missing") == missing)
    report.expect("and nothing else is", result.get("numbers_sum") == sum(set(range(children)) - set(missing)))
    used = sum(commands.values()) / children
    report.expect(f"at most 12 commands a child: {used:.1f}", used <= 12)
    over = [row for row in slow if row[0] > slowest_ms]  # now and then it is Redis itself that has to wait for a core
    report.expect(f"no script takes longer than {slowest_ms} ms: {over[:5]}", len(over) <= commands["EVALSHA"] / 1000)
    report.expect(f"waiting spent no attempt: {shown.get('attempt')}", shown.get("attempt") == 1)
    return report


def lost_replies_while_spawning(here: Stage, *, children: int) -> Report:
    """Each call by which a parent starts its children is lost in turn, there or back: none is missing or doubled."""
    report, named = Report(), here.digests()
    lost: Counter[str] = Counter()
    struck = 0
    with Proxy(here.url) as between:
        here.worker(url=between.url, threads=4, modules=[module.__name__])
        for script in ("expect_children", "enqueue", "save_checkpoint", "commit"):
            for fault in Fault:
                todo = [1]

                def strike(
                    command: Command, script: str = script, fault: Fault = fault, todo: list[int] = todo
                ) -> Fault | None:
                    digest = command.words[1].decode(errors="replace") if command.name.startswith("EVALSHA") else ""
                    if named.get(digest) == script and todo:
                        todo.pop()
                        return fault
                    return None

                between.on_command = strike
                (parent,) = here.accept([fan.send(Fan(count=children))])
                states = here.settle([parent], 30 * SECOND)
                between.on_command = None
                struck += not todo
                shown = here.inspector.show(parent) or {}
                members = here.store.client.scard(keys.children(here.store.namespace, parent))
                good = states[parent] == "completed" and members == children
                good = good and (shown.get("result") or {}).get("total") == children
                if not good:
                    lost[f"{script} {fault.value}: {states[parent]}, {members} children"] += 1
    effects = Counter((entry.run, entry.step) for entry in here.ledger.entries(what="effect"))
    doubled = [what for what, times in effects.items() if times > 1]
    report.figures = {"points": struck, "wrong": dict(lost), "doubled": len(doubled)}
    report.expect(f"every point was struck: {struck}", struck == 8)
    report.expect(f"all are complete: {dict(lost)}", not lost)
    report.expect(f"nothing is done twice: {doubled}", not doubled)
    return report


def cancelled(here: Stage, *, children: int, threads: int) -> Report:
    """Who cancels a run cancels what it has started, and what that has started: running, waiting and not begun."""
    report = Report()
    here.worker(threads=threads, modules=[module.__name__])
    parent = fan_out_twice.send(Fan(count=children, seconds=30)).id
    eventually(lambda: here.ledger.count("started") >= threads + 3, 20 * SECOND)
    begun = time.monotonic()
    reply = here.inspector.cancel(parent)
    asked = time.monotonic() - begun

    def family(run: str) -> list[str]:
        found = [child.decode() for child in here.store.client.smembers(keys.children(here.store.namespace, run))]
        return [*found, *(below for child in found for below in family(child))]

    everybody = [parent, *family(parent)]
    states = here.settle(everybody, 10 * SECOND)
    took = time.monotonic() - begun
    ends = Counter(states.values())
    report.figures = {"runs": len(everybody), "asked_s": round(asked, 2), "all ended_s": round(took, 2), "reply": reply}
    report.expect(f"all are cancelled: {ends}", set(ends) == {"cancelled"} and len(everybody) == 3 + 2 * children)
    report.expect("nothing of theirs is done", here.ledger.count("effect") == 0)
    report.expect(f"within two seconds: {took:.1f}", took <= 2 + asked)
    assert chunk.actor_name
    return report


def slow_scripts(here: Stage) -> list[tuple[float, str]]:
    """Give how long the slowest scripts took, in ms, and which they were; the slowest first."""
    named = here.digests()
    found = []
    for row in here.store.client.slowlog_get(10_000):
        words = row["command"].split()
        if words[0] == b"EVALSHA":
            found.append((round(row["duration"] / 1000, 1), named.get(words[1].decode(), "?")))
    return sorted(found, reverse=True)


@contextmanager
def counted(here: Stage) -> Iterator[Counter[str]]:
    """Count what workers ask of Redis while the block runs, without what scripts do."""
    commands: Counter[str] = Counter()
    over = threading.Event()
    own = here.store.client.client()
    ready = threading.Event()

    def listen() -> None:
        with own.monitor() as monitor:
            ready.set()
            while not over.is_set():
                try:
                    row = monitor.next_command()
                except (redis.ConnectionError, ValueError):
                    return
                if row["client_type"] != "lua" and row["command"].split(" ", 1)[0].upper() in _WORKERS:
                    commands[row["command"].split(" ", 1)[0].upper()] += 1

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield commands
    finally:
        over.set()
        here.store.client.ping()
        thread.join(10)
        own.close()


#: What workers say to Redis; the scenario reads states with others.
_WORKERS = {"EVALSHA", "EVAL", "BLPOP", "LPUSH", "PEXPIRE", "HMGET", "LINDEX", "HGETALL"}
