"""``dramaturg webhooks`` as people run it: a process that listens, writes runs down, and ends when it is told to."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from pipeline.cli.serving import listen
from tests.support import hooks
from tests.support.apart import apart
from tests.support.command_line import CommandHere
from tests.support.hooks import Answered, post
from tests.support.processes import Processes, processes
from tests.support.waiting import eventually

PATH = "an-end-of-an-address-0123456789"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Processes]:
    """Processes that are gone afterwards."""
    with processes(tmp_path) as started:
        yield started


def test_it_listens_starts_runs_and_ends_in_good_order(
    running: Processes, redis_client: redis.Redis, redis_url: str, home: Path
) -> None:
    """Only for what has a secret, and without a word of it; a second SIGTERM is not needed."""
    secrets = {"DRAMATURG_WEBHOOKS_WHATSAPP_SECRET": "an-app-secret", "DRAMATURG_WEBHOOKS_MAILCHIMP_SECRET": PATH}
    env = {"REDIS_URL": redis_url, "DRAMATURG_HOME": str(home), **secrets}
    server = running.start([sys.executable, "-m", "pipeline.cli", "webhooks", "--port", "0"], env=env)
    told = eventually(
        lambda: re.search(r"Listening on http://127\.0\.0\.1:(\d+) for whatsapp, mailchimp", server.output)
    )
    port = int(told[1])
    body = hooks.whatsapp_body(messages=[hooks.text_message("wamid.A")])

    async def ask() -> list[Answered]:
        return [
            await post(port, "/healthz", b"", {}, method="GET"),
            await post(port, "/whatsapp", body, hooks.meta("an-app-secret", body)),
            await post(port, "/whatsapp", body, hooks.meta("another", body)),
            await post(port, f"/mailchimp/{PATH}", b"type=campaign&fired_at=2030-01-01+00:00:00&data[id]=1", {}),
            await post(port, "/mandrill", b"", {}),
        ]

    assert [answer.status for answer in apart(ask())] == [200, 200, 401, 200, 404]
    records = [redis_client.hgetall(key) for key in redis_client.keys("*:run:*") if redis_client.type(key) == b"hash"]
    assert sorted(record[b"actor"] for record in records) == [b"mailchimp.event", b"whatsapp.event"]
    server.terminate()
    assert server.popen.wait(20) == 0
    assert '"webhook_refused"' in server.output
    for secret in (PATH, "an-app-secret", "wamid.A"):
        assert secret not in server.output


def test_it_says_what_keeps_it_from_listening(redis_url: str, home: Path) -> None:
    """No secret is wrong usage; an address that is taken is told."""
    dramaturg = CommandHere({"REDIS_URL": redis_url, "DRAMATURG_HOME": str(home)})
    assert "DRAMATURG_WEBHOOKS_WHATSAPP_SECRET" in dramaturg("webhooks", code=2).stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = CommandHere({**dramaturg.env, "DRAMATURG_WEBHOOKS_WHATSAPP_SECRET": "an-app-secret"})
        assert "cannot be listened on" in told("webhooks", "--port", port, code=1).stderr


def test_answers_do_not_wait_for_more() -> None:
    """Where the protocol of a socket is not said, asyncio lets a small answer wait 40 ms for the next."""
    with listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
