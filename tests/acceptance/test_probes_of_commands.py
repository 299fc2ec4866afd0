"""Probes of the commands: each has its own, drains in sight of them, and says what is wrong with a port."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.probed import ask, free_ports
from tests.support.processes import Process, Processes, alive, processes
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

SOON = timedelta(seconds=40)
EVERY = timedelta(milliseconds=100)


@pytest.fixture
def running(redis_url: str, home: Path, tmp_path: Path) -> Iterator[Processes]:
    """Processes at an empty Redis."""
    home.mkdir()
    with processes(tmp_path, {"REDIS_URL": redis_url, "DRAMATURG_HOME": str(home)}) as started:
        yield started


def ready(port: int, process: Process) -> None:
    """Wait until a process is ready."""

    def well() -> bool:
        assert process.alive, process.output
        return ask(port, "/readyz").status == 200

    eventually(well, SOON, every=EVERY)


def test_a_scheduler_has_probes_of_its_own(running: Processes, redis_server: RedisServer) -> None:
    """Ready while it can write; not ready, and alive, while Redis hangs; systemd hears of it; it ends with SIGTERM."""
    port = free_ports(1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(running.folder / "notify"))
        systemd.settimeout(30)
        env = {"DRAMATURG_PROBES_PORT": str(port), "NOTIFY_SOCKET": str(running.folder / "notify")}
        scheduler = running.python("-m", "pipeline.cli", "scheduler", env=env)
        assert systemd.recv(100) == b"READY=1"
        ready(port, scheduler)
        assert ask(port, "/startupz").failing == ask(port, "/livez").failing == {}
        assert "dramaturg_redis_up 1.0" in ask(port, "/metrics").body
        redis_server.pause()
        try:
            eventually(lambda: "redis" in ask(port, "/readyz").failing, SOON, every=EVERY)
            assert ask(port, "/livez").status == 200
        finally:
            redis_server.resume()
        ready(port, scheduler)
        scheduler.terminate()
        assert scheduler.wait() == 0
        assert systemd.recv(100) == b"STOPPING=1"
        assert "Traceback" not in scheduler.output


def test_webhooks_drain_in_sight_of_their_probes(running: Processes) -> None:
    """A request that is still open keeps it: not ready, alive, and gone when the request has ended."""
    port, served = free_ports(1), free_ports(1)
    env = {
        "DRAMATURG_PROBES_PORT": str(port),
        "DRAMATURG_WEBHOOKS_LEADS_SECRET": "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    }
    webhooks = running.python("-m", "pipeline.cli", "webhooks", "--port", str(served), env=env)
    ready(port, webhooks)
    with socket.create_connection(("127.0.0.1", served)) as connection:
        connection.settimeout(10)
        head = ("Host: x", "Content-Length: 10", "Expect: 100-continue", "webhook-id: m1", "webhook-signature: v1,AAAA")
        told = "\r\n".join(("POST /leads HTTP/1.1", *head, f"webhook-timestamp: {time.time():.0f}", "", ""))
        connection.sendall(told.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")  # it has begun to read the body, which does not come
        webhooks.terminate()
        eventually(lambda: "draining" in ask(port, "/readyz").failing, SOON, every=EVERY)
        assert ask(port, "/livez").status == 200
    webhooks.wait()
    assert ask(port, "/livez").status == 0


def test_a_worker_drains_when_it_is_told_and_the_command_returns_when_it_is_gone(
    running: Processes, tmp_path: Path
) -> None:
    """What a preStop hook calls; a port that others have is told, and ends a worker that was given it."""
    port = free_ports(2)
    env = {"DRAMATURG_PROBES_PORT": str(port)}
    worker = running.worker("--processes", "1", "--threads", "2", env=env)
    ready(port, worker)
    here = CommandLine(tmp_path, running.env)
    refused = here("worker", "--processes", "1", code=2, **env)
    assert f"DRAMATURG_PROBES_PORT: 127.0.0.1, port {port} to {port + 1}" in refused.stderr
    (child,) = (one["pid"] for one in ask(port, "/readyz").json["workers"])
    os.kill(child, signal.SIGSTOP)
    late = here("drain", str(worker.pid), "--wait", "0.5", code=4)
    assert "still runs" in late.stderr
    assert ask(port, "/readyz").failing["draining"]
    assert ask(port, "/livez").status == 200
    os.kill(child, signal.SIGCONT)
    assert worker.wait() == 0
    assert not alive(child)
    assert "no process" in here("drain", str(worker.pid), code=2).stderr


def test_drain_returns_when_the_process_has_ended(running: Processes, tmp_path: Path) -> None:
    """Not before, and not much later."""
    other = running.python(
        "-c", "import signal, time; signal.signal(15, lambda *_: (time.sleep(1), exit())); print('up'); time.sleep(60)"
    )
    other.wait_for_output("up")
    CommandLine(tmp_path, running.env)("drain", str(other.pid))
    assert not other.alive
