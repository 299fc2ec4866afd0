"""A scenario in which new code is asked whether it could go on with a full Redis, beside a worker of the old code."""

from __future__ import annotations

import time
from datetime import timedelta

import orjson

from pipeline import ids
from pipeline.engine import keys
from pipeline.engine.connection import connect
from pipeline.engine.records import NewRun
from tests.chaos.stage import Report, Stage
from tests.support.processes import Process

CODE = "tests.actors.ordering"


def deploy_check(here: Stage, *, runs: int, unreadable: int, limit: timedelta) -> Report:
    """F2: of so many payloads those that cannot be read are found in time, and Redis answers others meanwhile."""
    report = Report()
    wrong = _fill(here, runs, unreadable)
    spread = (keys.review, keys.leases)
    for number, run_id in enumerate(sorted(wrong)[:100]):
        here.store.client.zadd(spread[number % 2](here.store.namespace), {run_id: 1})
    words = ("-m", "pipeline.cli", "deploy-check", CODE, "--json")
    began = time.monotonic()
    asked = here.running.python(*words, env=here.env())
    slowest_ms = _ask_meanwhile(here, asked, limit * 3)
    took = time.monotonic() - began
    told = orjson.loads(asked.output.splitlines()[-1])
    found = sum(row["count"] for row in told["findings"])
    named = {run_id for row in told["findings"] for run_id in row["examples"]}
    report.figures |= {"payloads": told["checked"], "found": found, "took_s": round(took, 1)}
    report.figures |= {"reading_s": told["took_s"]}
    report.figures |= {"slowest PING meanwhile_ms": round(slowest_ms, 1)}
    report.expect(f"every payload is looked at once: {told['checked']}", told["checked"] == runs)
    report.expect(f"all that cannot be read are found, and no other: {found}", found == unreadable)
    report.expect(f"only such are named: {named - wrong}", named <= wrong)
    report.expect(f"it takes less than {limit}: {took:.1f} s", took < limit.total_seconds())
    report.expect(f"exit code 1 if anything was found: {asked.wait()}", asked.wait() == bool(unreadable))
    return report


def doctor(here: Stage, *, runs: int, limit: timedelta) -> Report:
    """Issue 5: with so many runs in Redis, and a worker at work, the doctor has looked at everything in time."""
    report = Report()
    _fill(here, runs, 0)
    here.worker(threads=2)
    asked = here.running.python("-m", "pipeline.cli", "doctor", "--json", env=here.env())
    slowest_ms = _ask_meanwhile(here, asked, timedelta(minutes=2))
    told = orjson.loads(asked.output.splitlines()[-1])
    errors = {found["check"] for found in told["findings"] if found["level"] == "error"}
    report.figures |= {"runs": runs, "findings": len(told["findings"]), "took_s": told["took_s"]}
    report.figures |= {"slowest PING meanwhile_ms": round(slowest_ms, 1)}
    report.expect(f"it takes less than {limit}", told["took_s"] < limit.total_seconds())
    report.expect(f"nobody serves the queue, and all else is well: {errors}", errors <= {"queues.served"})
    return report


def _fill(here: Stage, runs: int, unreadable: int) -> set[str]:
    """Have runs of three versions wait; gives those that cannot be read."""
    whole = {"first": "Ada", "last": "L", "sku": "abc"}
    latest = {"customer": "Ada", "items": [{"sku": "abc", "count": 2}], "labels": {"note": 1}}
    wrong = set()
    for at in range(0, runs, 1000):
        batch = []
        for number in range(at, min(at + 1000, runs)):
            broken = number < unreadable
            payload = whole if number % 2 else latest
            batch.append(_run({"customer": 7} if broken else payload, version=1 if payload is whole else 3, at=number))
            if broken:
                wrong.add(batch[-1].id)
        here.store.enqueue(batch)
    return wrong


def _run(payload: object, *, version: int, at: int) -> NewRun:
    run_id = ids.new()
    options = {} if version == 1 else {"version": version}
    told = {"queue_name": "orders", "actor_name": "test.order", "args": [payload], "kwargs": {}, "options": options}
    message = orjson.dumps(told | {"message_id": run_id, "message_timestamp": 0})
    delay_ms = 3_600_000 if at % 3 == 0 else 0
    return NewRun(run_id, "test.order", "orders", message, version=version, delay_ms=delay_ms, group=f"tenant{at % 50}")


def _ask_meanwhile(here: Stage, asked: Process, limit: timedelta) -> float:
    slowest, end = 0.0, time.monotonic() + limit.total_seconds()
    with connect(here.url) as client:
        while asked.alive and time.monotonic() < end:
            began = time.monotonic()
            client.ping()
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.005)
    return slowest * 1000
