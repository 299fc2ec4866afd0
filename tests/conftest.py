"""What every test may ask for: a real Redis of its own, and an environment that says nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import cast

import pytest
import redis
import typer.testing

from pipeline.engine.connection import connect
from tests.support.databases import MariaDbServer, PostgresServer
from tests.support.guarded_redis import GuardedRedis
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_server import RedisServer
from tests.support.sentinels import Sentinels

# The commands are the same each time, and building them took as long as running most of them.
typer.testing._get_command = cache(typer.testing._get_command)


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hide the settings and keys of whoever runs the tests, and keep their home directory out of it."""
    for name in list(os.environ):
        ours = name.startswith("DRAMATURG_") and name != "DRAMATURG_CI"
        if ours or name in {"REDIS_URL", "DATABASE_URL"} or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
    monkeypatch.setenv("DRAMATURG_PROBES_PORT", "0")  # many tests run at once, and the port is one


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests run on other deployments of Redis: ``pytest --redis sentinel``."""
    parser.addoption("--redis", choices=("server", "sentinel", "cluster", "guarded"), default="server")


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A private Redis for the whole run (one for each xdist worker); a test that stops it need not start it again.

    With ``--redis`` it is a primary that Sentinels watch, or a cluster: what tests do to a server can be done to these.
    """
    kinds = {"server": RedisServer, "sentinel": Sentinels, "cluster": RedisCluster, "guarded": GuardedRedis}
    kind = kinds[request.config.getoption("--redis")]
    with kind() as server:
        yield cast("RedisServer", server)


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    if not redis_server.running:
        redis_server.start()
    redis_server.empty()
    return redis_server.url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of an empty Redis."""
    with connect(redis_url) as client:
        yield client


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder of the product, for one test."""
    return tmp_path / "home"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A private PostgreSQL for the whole run (one for each xdist worker); a test that stops it starts it again."""
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDbServer]:
    """A private MariaDB for the whole run (one for each xdist worker); a test that stops it starts it again."""
    server = MariaDbServer()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind; the server of a kind starts when a test first asks for it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'dramaturg.db'}"
    server = request.getfixturevalue("postgres_server" if request.param == "postgresql" else "mariadb_server")
    return str(server.fresh())
