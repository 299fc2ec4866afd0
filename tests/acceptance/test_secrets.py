"""A secret of a worker's environment turns up in nothing that is kept or told (S08, F35)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from pipeline import RunFailed
from tests.acceptance.conftest import CANARY
from tests.actors.telling import blabbing, indiscreet
from tests.chaos.stage import Stage
from tests.support.waiting import eventually

SOON = timedelta(seconds=20)


def everything(client: redis.Redis) -> bytes:
    """Give every key and value of a Redis, as they are."""
    told = b""
    for key in client.scan_iter():
        kind = client.type(key)
        if kind == b"string":
            value = client.get(key)
        elif kind == b"hash":
            value = client.hgetall(key)
        elif kind == b"list":
            value = client.lrange(key, 0, -1)
        elif kind == b"zset":
            value = client.zrange(key, 0, -1)
        elif kind == b"stream":
            value = client.xrange(key)
        else:
            value = client.smembers(key)
        told += key + repr(value).encode()
    return told


def test_a_secret_is_in_no_key_no_log_and_no_answer(here: Stage) -> None:
    """Neither of the environment, of an address, of a header nor of the text of an exception and its causes."""
    worker = here.worker(env={"CANARY_API_KEY": CANARY})
    runs = [blabbing.send(how) for how in ("fail", "review", "snooze")]
    runs.append(indiscreet.send("plain"))
    for handle in (runs[0], runs[3]):
        with pytest.raises(RunFailed) as failure:
            handle.result(SOON)
        assert CANARY not in str(failure.value)
        assert "***" in str(failure.value)
    eventually(lambda: [runs[1].state(), runs[2].state()] == ["review", "snoozed"], SOON)
    kept = everything(here.store.client)
    assert b"telling" in kept
    assert b"boom with" in kept
    assert CANARY.encode() not in kept
    for handle in runs:
        assert CANARY not in str(here.inspector.show(handle.id))
        assert CANARY not in str(list(here.inspector.events(handle.id, follow=False)))
    assert "boom with" in worker.output
    assert CANARY not in worker.output


def test_a_secret_is_in_no_answer_of_a_command(here: Stage) -> None:
    """Not of those that look at runs, at the machine or at the policies."""
    here.worker(env={"CANARY_API_KEY": CANARY})
    handle = blabbing.send("fail")
    eventually(lambda: handle.state() == "dead", SOON)
    address = "postgresql://user:" + CANARY + "@127.0.0.1:1/none"
    env = here.env(CANARY_API_KEY=CANARY, OPENAI_API_KEY=CANARY, DATABASE_URL=address)
    commands = [
        ("runs", "show", handle.id),
        ("runs", "watch", handle.id),
        ("dead", "groups"),
        ("report", handle.id),
        ("policies",),
        ("doctor",),
    ]
    started = [(words, here.running.python("-m", "pipeline.cli", *words, env=env)) for words in commands]
    for words, done in started:
        done.wait(timedelta(seconds=60))
        assert CANARY not in done.output, words
        assert done.output.strip(), words
