"""A Redis that would lose runs, or lets strangers in, is refused with the mend, by everything that starts (R14)."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pipeline.engine.connection import connect
from tests.support.aged import AgedRedis
from tests.support.command_line import CommandHere
from tests.support.processes import processes
from tests.support.redis_server import RedisServer

UNFIT = 78

#: What is wrong, and what has to be told of it: what it is, and what mends it.
DEFECTS = {
    "evicting": ("maxmemory-policy is allkeys-lru", "CONFIG SET maxmemory-policy noeviction"),
    "forgetful": ("keeps no append-only file", "CONFIG SET appendonly yes"),
    "aged": ("CVE-2025-49844", "Update to"),
    "open": ("without a password", "deploy/redis/users.acl"),
}


def own_address() -> str:
    """An address of this machine that is not loopback; a test network has one, or the test is skipped."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            if os.environ.get("DRAMATURG_CI"):
                raise
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


@contextmanager
def defective(how: str) -> Iterator[str]:
    """A server with one of the four defects, and its address."""
    config = {"evicting": {"maxmemory-policy": "allkeys-lru"}, "forgetful": {"appendonly": "no"}}.get(how, {})
    if how == "open":
        host = own_address()
        config = {"bind": f"127.0.0.1 {host}", "protected-mode": "no"}
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer(tcp=how in {"aged", "open"}, config=config))
        if how == "aged":
            yield stack.enter_context(AgedRedis(server.port)).url
        elif how == "open":
            yield f"redis://{host}:{server.port}/0"
        else:
            yield server.url


@pytest.mark.parametrize("how", DEFECTS)
def test_nothing_starts_on_a_redis_with_a_defect(how: str, home: Path) -> None:
    """Worker, scheduler, web server and sender end with 78 and name the mend; nothing is accepted; the doctor tells."""
    with defective(how) as url, connect(url) as client:
        secret = "events-secret-of-a-test-0123456789"
        run = CommandHere({"REDIS_URL": url, "DRAMATURG_HOME": str(home), "DRAMATURG_WEB_EVENTS_SECRET": secret})
        for words in (("worker",), ("scheduler",), ("web",), ("send", "upkeep.rollup", "--json", "{}")):
            told = run(*words, code=UNFIT).stderr
            for part in (*DEFECTS[how], "DRAMATURG_ALLOW_UNSAFE_REDIS=1"):
                assert part in told, (words, told)
        assert client.dbsize() == 0
        findings = run("doctor", "--json", code=1).json["findings"]
        [found] = [finding for finding in findings if DEFECTS[how][0] in finding["what"]]
        assert found["level"] == "error"
        assert DEFECTS[how][1] in found["mend"]


def test_a_worker_process_refuses_too_unless_it_is_told_not_to(home: Path, tmp_path: Path) -> None:
    """What the command saw may have changed since, so each process looks for itself; the override starts it."""
    with defective("forgetful") as url, processes(tmp_path, {"REDIS_URL": url, "DRAMATURG_HOME": str(home)}) as started:
        alone = started.python("-m", "pipeline.engine.worker")
        allowed = started.python("-m", "pipeline.engine.worker", env={"DRAMATURG_ALLOW_UNSAFE_REDIS": "1"})
        assert alone.wait() == UNFIT
        assert "CONFIG SET appendonly yes" in alone.output
        allowed.wait_for_output("worker_ready")
