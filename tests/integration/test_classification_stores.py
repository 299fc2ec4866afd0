"""What Redis, a database and the operating system raise when something is wrong, and what each of it is."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from pydantic import TypeAdapter
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.pool import QueuePool

from pipeline.classification import classify
from tests.support.apart import apart


def what(call: Callable[[], Any]) -> tuple[str, str]:
    """Give the kind of what a call raises, and why."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - which one it is, is what this is about
        call()
    found = classify(caught.value)
    return found.kind, found.why


def test_redis(redis_client: redis.Redis, redis_url: str) -> None:
    """Refused, silent, wrong password, wrong type, full, changed meanwhile."""
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]

    def retype() -> None:
        redis_client.set("text", "x")
        redis_client.lpush("text", "y")

    def fill() -> None:
        redis_client.config_set("maxmemory", "1")
        try:
            redis_client.set("more", "x")
        finally:
            redis_client.config_set("maxmemory", "0")

    def watch() -> None:
        with redis_client.pipeline() as pipe:
            pipe.watch("watched")
            redis_client.set("watched", "1")
            pipe.multi()
            pipe.set("watched", "2")
            pipe.execute()

    with silent:
        never = Retry(NoBackoff(), 0)
        assert what(redis.Redis(port=1, retry=never).ping) == ("transient", "connection refused")
        assert what(redis.Redis(port=port, socket_timeout=0.2, retry=never).ping) == ("timeout", "read timeout")
        assert what(redis.Redis.from_url(redis_url, username="x", password="y").ping) == ("permanent", "auth")
        assert what(retype) == ("permanent", "rejected")
        assert what(fill) == ("resource", "memory")
        assert what(watch) == ("transient", "conflict")
        one = redis.ConnectionPool.from_url(redis_url, max_connections=1)
        held = one.get_connection()
        assert what(redis.Redis(connection_pool=one, retry=never).ping) == ("resource", "connection pool")
        one.release(held)


def test_a_database(tmp_path: Path) -> None:
    """Locked, full, a constraint, a value, SQL that is none; and the pool of connections used up."""
    file = tmp_path / "x.db"
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.1)

    def run(*statements: str) -> Callable[[], None]:
        def call() -> None:
            with engine.begin() as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement)

        return call

    run("CREATE TABLE t (x INTEGER PRIMARY KEY, y BLOB NOT NULL)", "PRAGMA busy_timeout = 0")()
    assert what(run("INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (1, 'b')")) == ("permanent", "constraint")
    assert what(run("SELECT nothing FROM nowhere")) == ("transient", "database")
    assert what(run("PRAGMA max_page_count = 1", "INSERT INTO t VALUES (2, randomblob(99999))")) == (
        "resource",
        "disk full",
    )
    other = sqlite3.connect(file)
    other.execute("BEGIN EXCLUSIVE")
    assert what(run("INSERT INTO t VALUES (3, 'c')")) == ("transient", "conflict")
    other.close()
    with engine.connect():
        assert what(engine.connect) == ("resource", "connection pool")
    engine.dispose()


def test_the_operating_system(tmp_path: Path) -> None:
    """Disk, memory, descriptors, names, certificates, commands; all as the system says it."""

    def write_full() -> None:
        with Path("/dev/full").open("wb") as full:
            full.write(b"x")

    def open_many() -> None:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len([*Path("/proc/self/fd").iterdir()]), limit[1]))
        held = []
        try:
            while True:
                held.append((tmp_path / "x").open("w"))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            for one in held:
                one.close()

    def speak_tls_to_nobody() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as there:
            server.accept()[0].sendall(b"this is no handshake")
            ssl.create_default_context().wrap_socket(there, server_hostname="localhost")

    def wait_in_vain() -> None:
        apart(asyncio.wait_for(asyncio.sleep(9), 0.01))

    def run_long() -> None:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(9)"], timeout=0.2, check=True)

    def refused() -> None:
        socket.create_connection(("127.0.0.1", 1))

    assert what(write_full) == ("resource", "disk full")
    assert what(lambda: bytearray(10**17)) == ("resource", "memory")
    assert what(open_many) == ("resource", "descriptors")
    assert what(speak_tls_to_nobody) == ("transient", "certificate")
    assert what(wait_in_vain) == ("timeout", "timeout")
    assert what(run_long) == ("timeout", "timeout")
    assert what(refused) == ("transient", "connection refused")
    assert what(lambda: socket.getaddrinfo("nowhere.invalid", 80)) == ("transient", "name not found")


def test_data() -> None:
    """What does not parse, and what parses and does not fit."""
    assert what(lambda: json.loads("{")) == ("transient", "malformed answer")
    assert what(lambda: TypeAdapter(int).validate_python("x")) == ("permanent", "invalid data")
    assert what(lambda: {}["x"]) == ("transient", "unknown")
    assert what(lambda: 1 / 0) == ("transient", "unknown")
