"""Messages that cannot be read are set aside with what they hold and why; those around them are not touched (R09)."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from pipeline import Send
from pipeline.engine import keys
from pipeline.engine.store import NewRun
from tests.actors.plain import echo
from tests.chaos.killing import echoes
from tests.chaos.stage import Stage

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


def test_messages_that_cannot_be_read_are_set_aside_and_the_others_run(here: Stage) -> None:
    """Each is kept as it came, with the reason; the worker does not stumble."""
    good = echoes(here, 50)
    here.store.enqueue([NewRun(f"bad-{n}", "test.echo", "default", raw) for n, raw in enumerate(BAD.values())])
    here.store.enqueue([NewRun(f"odd-{n}", "test.echo", "default", raw) for n, (raw, _) in enumerate(ODD.values())])
    good += echoes(here, 50)
    worker = here.worker(threads=4)
    bad = [f"bad-{n}" for n in range(len(BAD))]
    odd = [f"odd-{n}" for n in range(len(ODD))]
    states = here.settle(good + bad + odd, timedelta(seconds=20))
    assert [run for run in good if states[run] != "completed"] == []
    wrong = {name: states[run] for name, run in zip(BAD, bad, strict=True) if states[run] != "dead"}
    assert wrong == {}
    expected = [state for _, state in ODD.values()]
    wrong = {name: states[run] for name, run, state in zip(ODD, odd, expected, strict=True) if states[run] != state}
    assert wrong == {}
    for (name, raw), run in zip(BAD.items(), bad, strict=True):
        assert here.store.client.hget(keys.run(here.store.namespace, run), "message") == raw, name
        shown = here.inspector.show(run) or {}
        assert shown["reason"] == "unreadable_message", name
        assert shown["errors"][-1]["message"], name
    assert worker.alive
    assert "Restarting consumer" not in worker.output
    assert "Traceback" not in worker.output


@pytest.mark.parametrize("junk", ["an id without a record", "a record without a message"])
def test_junk_in_a_line_is_passed_over(here: Stage, junk: str) -> None:
    """Somebody wrote into our keys, or removed from them."""
    client, ns = here.store.client, here.store.namespace
    good = echoes(here, 3)
    line = keys.ready_group(ns, "default", "2:")
    client.zadd(line, {f"junk-{n}": n for n in range(200)})
    if junk == "a record without a message":
        for n in range(200):
            client.hset(keys.run(ns, f"junk-{n}"), "actor", "test.echo")
    here.worker()
    states = here.settle(good, timedelta(seconds=10))
    assert set(states.values()) == {"completed"}
    assert client.zcard(line) == 0
