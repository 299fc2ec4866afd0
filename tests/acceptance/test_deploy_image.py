"""The image of deploy/docker/Dockerfile, made and run in its layout: not root, with a read-only root file system."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.deployed import DEPLOY
from tests.support.image import Image
from tests.support.processes import Processes, processes
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

LONG = timedelta(seconds=60)

_WRITES = """
import json, os, pathlib
def writes(folder):
    try:
        (pathlib.Path(folder) / "x").write_text("")
    except OSError:
        return False
    return True
rights = [line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapBnd", "NoNewPrivs"))]
print(json.dumps([os.getuid(), rights, [f for f in ("/", "/app", "/etc", "/usr", "/data", "/tmp") if writes(f)]]))
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Processes]:
    """Processes that are gone afterwards."""
    with processes(tmp_path) as started:
        yield started


@pytest.mark.skipif(
    os.environ.get("DRAMATURG_CI") != "1" or os.geteuid() != 0,
    reason="needs root and the package registry, and takes a while: .ci/run does it",
)
@pytest.mark.timeout(400)
def test_the_image_is_made_and_its_processes_become_ready(running: Processes, tmp_path: Path) -> None:
    """The steps of the Dockerfile as they stand, then migrate, worker, scheduler and web, and a job that is done."""
    cache = Path.home() / ".cache" / "uv"
    image = Image(tmp_path, running)
    image.build("postgresql web", cache if cache.is_dir() else None)
    with RedisServer(tcp=True) as redis:
        secrets = tmp_path / "data" / "secrets"
        secrets.mkdir()
        (secrets / "REDIS_URL").write_text(redis.url)
        (secrets / "DRAMATURG_WEB_EVENTS_SECRET").write_text("sixteen-bytes-or-more")
        env = {"DRAMATURG_SECRETS_FOLDER": "/data/secrets", "DRAMATURG_THREADS": "2", "DRAMATURG_PROCESSES": "1"}

        inside = image.run("-c", _WRITES, program="python", env=env)
        assert inside.wait(LONG) == 0, inside.output
        assert json.loads(inside.output) == [10001, ["0" * 16, "0" * 16, "1"], ["/data", "/tmp"]]

        migrate = image.run("database", "migrate", env=env)
        assert migrate.wait(LONG) == 0, migrate.output
        ports = _free_ports(4)
        commands = {
            ("worker",): ports[0],
            ("scheduler",): ports[2],
            ("web", "--host", "0.0.0.0", "--port", "0"): ports[3],
        }
        started = [
            (image.run(*command, env={**env, "DRAMATURG_PROBES_PORT": str(port)}), port)
            for command, port in commands.items()
        ]

        def healthy(port: int) -> Callable[[], bool]:
            return lambda: all(process.alive for process, _ in started) and _health(port, "readyz") == 0

        try:
            for _, port in started:
                eventually(healthy(port), LONG, every=timedelta(milliseconds=300))
        except AssertionError as error:
            raise AssertionError("\n".join(process.output[-3000:] for process, _ in started)) from error
        sent = image.run("send", "stats.rollup", "--json", "{}", "--wait", env=env)
        assert sent.wait(LONG) == 0, sent.output
        for process, _ in started:
            process.terminate()
        assert [process.wait(LONG) for process, _ in started] == [0, 0, 0], [p.output[-2000:] for p, _ in started]
        assert [_health(port, "livez") for _, port in started] == [1, 1, 1]


def _health(port: int, what: str) -> int:
    check = [sys.executable, "-IS", str(DEPLOY / "docker" / "healthcheck.py"), what]
    env = {"DRAMATURG_PROBES_PORT": str(port)}
    return subprocess.run(check, env=env, timeout=20, capture_output=True, check=False).returncode


def _free_ports(count: int) -> list[int]:
    """Give free ports in a row."""
    for first in range(21000, 31000, count):
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return list(range(first, first + count))
    raise AssertionError("no free ports")
