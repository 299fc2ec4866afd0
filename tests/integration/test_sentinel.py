"""Redis Sentinel: the client is at the primary of the moment, and replicas confirm what is accepted if they have to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis

from pipeline.engine.connection import connect
from pipeline.engine.records import NewRun
from pipeline.engine.store import Store
from pipeline.errors import NotReplicated, Unavailable
from tests.support.sentinels import SERVICE, Sentinels
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def sentinels() -> Iterator[Sentinels]:
    """A primary and a replica that want a password, and three Sentinels that want it, too."""
    with Sentinels(replicas=1, password="pass-of-both", down_after=3 * SECOND) as servers:
        yield servers


def _run(name: str) -> NewRun:
    return NewRun(name, "test.nobody", "default", b"{}")


def test_a_send_that_no_replica_confirms_says_so_and_may_be_sent_again(sentinels: Sentinels) -> None:
    """Also the second time, from elsewhere: it writes nothing, and what the first wrote is still not with a replica."""
    url = f"{sentinels.url}&wait_replicas=1&wait_ms=300"
    store = Store(connect(url), "confirmed")
    assert store.enqueue([_run("warm")]) == ["warm"]
    (replica,) = sentinels.others()
    replica.pause()
    try:
        for sender in (store, Store(connect(url), "confirmed")):
            with pytest.raises(NotReplicated, match="0 of 1 replicas"):
                sender.enqueue([_run("once")])
    finally:
        replica.resume()
    assert eventually(lambda: _accepted(store, "once"), 10 * SECOND) == ["once"]
    with connect(replica.url) as client:
        assert client.hget("{confirmed}:run:once", "state") == b"queued"
    assert store.read("zcard", "{confirmed}:ready:default:2:") == 2


def test_a_failover_takes_along_who_sends_who_waits_and_who_reads(sentinels: Sentinels) -> None:
    """Connections and scripts of the old primary are of no use any more; nobody has to start anew."""
    store = Store(connect(sentinels.url), "fails-over")
    assert store.enqueue([_run("before")]) == ["before"]
    heard: list[object] = []
    waiting = threading.Thread(target=lambda: heard.append(_waited(store)), daemon=True)
    waiting.start()
    old = sentinels.named_port()
    with redis.Redis(port=sentinels.ports[0], password=sentinels.password, protocol=2) as sentinel:
        sentinel.execute_command("SENTINEL", "FAILOVER", SERVICE)
    eventually(lambda: sentinels.named_port() != old, 20 * SECOND)
    assert eventually(lambda: _accepted(store, "after"), 20 * SECOND) == ["after"]
    assert store.read("hget", "{fails-over}:run:before", "state") == b"queued"
    waiting.join(10)
    assert heard
    assert sentinels.primary().port != old


def test_no_sentinel_is_an_outage_that_says_so() -> None:
    """The names of those that were asked are in it, and no password."""
    store = Store(connect("redis+sentinel://:secret@127.0.0.1:1,127.0.0.1:2/mymaster/0?sentinel_password=dog"), "x")
    with pytest.raises(Unavailable, match=r"no Sentinel names a primary \(127.0.0.1:1: .*127.0.0.1:2: ") as failed:
        store.enqueue([_run("never")])
    assert "secret" not in str(failed.value)
    assert "dog" not in str(failed.value)


def _accepted(store: Store, name: str) -> list[str]:
    try:
        return store.enqueue([_run(name)])
    except Unavailable:
        return []


def _waited(store: Store) -> object:
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        try:
            if store.wait(["default"], 2 * SECOND):
                return "woken"
        except Unavailable as error:
            return error
    return "nothing"
