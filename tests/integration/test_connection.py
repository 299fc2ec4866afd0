"""The client of Redis: what it promises when the server is slow, silent or gone."""

from __future__ import annotations

import time

import pytest
import redis

from pipeline.engine.connection import connect
from tests.support.redis_server import RedisServer


def test_a_blocking_client_waits_longer_than_the_time_limit_of_a_call(redis_url: str) -> None:
    """A blocking read of six seconds returns nothing after six seconds, without an error."""
    with connect(redis_url, blocking=True) as client:
        began = time.monotonic()
        assert client.blpop(["nothing"], timeout=5.5) is None
        assert 5.4 < time.monotonic() - began < 7.5


def test_a_command_whose_answer_is_lost_is_not_sent_again() -> None:
    """A hanging server makes a call fail after its limit, and the command ran once when the server goes on."""
    with RedisServer() as server, server.client() as client:
        client.set("counter", 0)
        server.pause()
        began = time.monotonic()
        with pytest.raises(redis.TimeoutError):
            client.incr("counter")
        assert time.monotonic() - began < 7
        server.resume()
        assert client.get("counter") == b"1"


def test_a_client_reaches_a_server_that_was_restarted(redis_url: str, redis_server: RedisServer) -> None:
    """A connection of before the restart is replaced, not handed out."""
    with connect(redis_url) as client:
        client.set("kept", "yes")
        redis_server.restart()
        assert client.get("kept") == b"yes"


def test_replies_have_the_shape_of_the_third_protocol(redis_client: redis.Redis) -> None:
    """A stream read comes as a mapping, and the connection carries our name."""
    redis_client.xadd("events", {"a": 1}, id="1-1")
    assert redis_client.client_info()["name"] == "dramaturg"
    assert redis_client.client_info()["resp"] == "3"
    assert redis_client.xread({"events": 0}) == {b"events": [[(b"1-1", {b"a": b"1"})]]}
