"""Messages that cannot be read, or hold what they should not, among good ones."""

from __future__ import annotations

import time
from datetime import timedelta

import orjson

from pipeline import Send
from pipeline.engine import keys
from pipeline.engine.records import NewRun
from tests.actors.plain import echo
from tests.chaos.killing import echoes
from tests.chaos.stage import Report, Stage

GOOD = orjson.loads(echo.new_run(Send(payload="x")).message)

BAD = {
    "not json": b"{not json",
    "empty": b"",
    "not utf-8": b'{"actor_name": "\xff\xfe"}',
    "a list": b"[1, 2]",
    "a number": b"7",
    "nothing of a message": b"{}",
    "ten megabytes": b"[" + b"1," * 5_000_000,
    "deep": b"[" * 100_000,
    "options of the wrong type": orjson.dumps(GOOD | {"options": None}),
    "options that are a list": orjson.dumps(GOOD | {"options": [1]}),
    "arguments of the wrong type": orjson.dumps(GOOD | {"args": 7}),
    "keywords of the wrong type": orjson.dumps(GOOD | {"kwargs": "x"}),
    "a queue nobody has": orjson.dumps(GOOD | {"queue_name": "nowhere"}),
    "a queue of the wrong type": orjson.dumps(GOOD | {"queue_name": ["default"]}),
    "an actor of the wrong type": orjson.dumps(GOOD | {"actor_name": {}}),
    "an actor that its record does not name": orjson.dumps(GOOD | {"actor_name": "nobody"}),
    "an unknown field": orjson.dumps(GOOD | {"surprise": 1}),
}

#: These can be read; what is in them is refused, or does no harm.
ODD = {
    "a payload of the wrong type": (orjson.dumps(GOOD | {"args": [{"no": "text"}]}), "dead"),
    "no payload": (orjson.dumps(GOOD | {"args": []}), "dead"),
    "a time limit of the wrong type": (orjson.dumps(GOOD | {"options": {"time_limit": "soon"}}), "dead"),
    "what dramatiq may throw": (orjson.dumps(GOOD | {"options": {"throws": "x"}, "args": [1]}), "dead"),
    "a time in dramatiq's own way": (orjson.dumps(GOOD | {"options": {"eta": 99999999999999}}), "completed"),
    "a pipe in dramatiq's own way": (orjson.dumps(GOOD | {"options": {"pipe_target": {"x": 1}}}), "completed"),
}


def malformed(here: Stage, *, good: int, copies: int, limit: timedelta) -> Report:
    """R09: bad messages are set aside as they came, with the reason; good ones run; the worker does not stumble."""
    report = Report()
    expected = {f"bad-{name}-{n}": (raw, "dead") for n in range(copies) for name, raw in BAD.items()}
    expected |= {f"odd-{name}-{n}": (raw, state) for n in range(copies) for name, (raw, state) in ODD.items()}
    fine = echoes(here, good // 2)
    for run, (raw, _) in expected.items():
        here.store.enqueue([NewRun(run, "test.echo", "default", raw)])
    fine += echoes(here, good - good // 2)
    worker = here.worker(threads=4)
    begun = time.monotonic()
    states = here.settle(fine, limit)
    took = time.monotonic() - begun
    states |= here.settle(list(expected), limit)
    completed = sum(states[run] == "completed" for run in fine)
    report.figures = {"good": f"{completed}/{good}", "bad": len(expected), "good_s": round(took, 1)}
    report.expect("every good one completes", completed == good)
    for run, (raw, state) in expected.items():
        report.expect(f"{run} is {states[run]}", states[run] == state)
        kept = here.store.client.hget(keys.run(here.store.namespace, run), "message")
        report.expect(f"{run} is kept as it came", kept == raw)
        if run.startswith("bad"):
            shown = here.inspector.show(run) or {}
            report.expect(f"{run}: {shown.get('reason')}", shown.get("reason") == "unreadable_message")
            report.expect(f"{run}: told why", shown.get("errors") and shown["errors"][-1]["message"])
    report.expect("the worker lives", worker.alive)
    report.expect("no consumer is restarted", "Restarting consumer" not in worker.output)
    report.expect("nothing is a surprise", "Traceback" not in worker.output)
    return report
