"""The secrets that deploy/new-secrets makes, and the Redis of deploy/compose.yaml started with them."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from pipeline.engine.connection import connect
from pipeline.engine.redis_program import find_redis_program
from pipeline.engine.server_checks import require_fit_server
from pipeline.errors import Unavailable
from tests.support.deployed import DEPLOY, compose
from tests.support.processes import Processes, processes
from tests.support.redis_server import _free_port
from tests.support.waiting import eventually


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Processes]:
    """Processes that are gone afterwards."""
    with processes(tmp_path) as started:
        yield started


def make_secrets(folder: Path) -> dict[str, str]:
    """Make them, and give what is in the files."""
    subprocess.run([str(DEPLOY / "new-secrets"), str(folder)], check=True, timeout=10, capture_output=True)
    return {file.name: file.read_text().strip() for file in folder.iterdir()}


def test_secrets_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    """Addresses carry the passwords of their servers; made again, all stay as they are."""
    folder = tmp_path / "secrets"
    made = make_secrets(folder)
    assert set(made) == set(compose()["secrets"])
    assert all(compose()["secrets"][name] == {"file": f"secrets/{name}"} for name in made)
    assert f":{made['redis_password']}@redis:6379" in made["REDIS_URL"]
    assert f"dramaturg:{made['postgres_password']}@postgres:5432/dramaturg" in made["DATABASE_URL"]
    assert len({made["redis_password"], made["postgres_password"], made["DRAMATURG_WEB_EVENTS_SECRET"]}) == 3
    assert min(len(secret) for secret in made.values()) >= 32
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "grafana_password").unlink()
    again = make_secrets(folder)
    assert {name for name in made if made[name] != again[name]} == {"grafana_password"}


def test_redis_starts_as_compose_has_it(running: Processes, tmp_path: Path) -> None:
    """It asks for the password, which stands in no command line, and loses and evicts nothing."""
    secrets, data, port = tmp_path / "secrets", tmp_path / "data", _free_port()
    password = make_secrets(secrets)["redis_password"]
    data.mkdir()
    shell, options, script = compose()["services"]["redis"]["command"]
    for there, here in (
        ("$$", "$"),
        ("exec redis-server /tmp/redis.conf", f"exec {find_redis_program().path} {tmp_path}/made.conf --port {port}"),
        ("/tmp/redis.conf", f"{tmp_path}/made.conf"),
        ("/etc/redis/redis.conf", str(DEPLOY / "redis" / "redis.conf")),
        ("/run/secrets", str(secrets)),
        ("'* -::*'", "127.0.0.1"),
    ):
        assert there in script, there
        script = script.replace(there, here)
    server = running.start([shell, options, script], cwd=data)
    with connect(f"redis://:{password}@127.0.0.1:{port}/0") as client:

        def answers() -> bool:
            assert server.alive, server.output
            try:
                return bool(client.ping())
            except (redis.ConnectionError, Unavailable):
                return False

        eventually(answers, timedelta(seconds=15))
        require_fit_server(client, allow_unsafe=False)
        assert client.config_get("maxmemory")["maxmemory"] == str(256 * 1024**2)
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    assert password not in Path(f"/proc/{server.pid}/cmdline").read_text()
    assert stat.S_IMODE((tmp_path / "made.conf").stat().st_mode) == 0o600
