"""Messages that cannot be read are set aside with what they hold and why; those around them are not touched (R09)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.engine import keys
from tests.chaos import garbling
from tests.chaos.killing import echoes
from tests.chaos.stage import Stage


def test_messages_that_cannot_be_read_are_set_aside_and_the_others_run(here: Stage) -> None:
    """R09: each is kept as it came, with the reason; the worker does not stumble."""
    report = garbling.malformed(here, good=100, copies=1, limit=timedelta(seconds=20))
    assert not report.broken, report


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
