"""``dramaturg web`` as people run it: events and webhooks on one port, probes on another, and an end in good order."""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from pipeline.event_tokens import EventTokens
from tests.support import hooks, listening
from tests.support.apart import apart
from tests.support.command_line import CommandHere
from tests.support.hooks import Answered, post
from tests.support.processes import Process, Processes, processes
from tests.support.waiting import eventually

SECRET = "a-secret-of-events-0123456789"
HOOK = "an-app-secret-0123456789"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Processes]:
    """Processes that are gone afterwards."""
    with processes(tmp_path) as started:
        yield started


def port_of(server: Process) -> int:
    """Where it says that it listens."""
    return int(
        eventually(lambda: re.search(r"Listening on http://[^ ]+:(\d+) for", server.output), timedelta(seconds=30))[1]
    )


def test_one_server_streams_events_takes_webhooks_and_ends_in_good_order(
    running: Processes, redis_client: redis.Redis, redis_url: str, home: Path, tmp_path: Path
) -> None:
    """Its secrets come from files; nothing of them is logged, and a listener does not keep it from ending."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "DRAMATURG_WEB_EVENTS_SECRET").write_text(SECRET + "\n")
    (secrets / "DRAMATURG_WEBHOOKS_WHATSAPP_SECRET").write_text(HOOK + "\n")
    probes = _free_port()
    server = running.start(
        [sys.executable, "-m", "pipeline.cli", "web", "--port", "0"],
        env={
            "REDIS_URL": redis_url,
            "DRAMATURG_HOME": str(home),
            "DRAMATURG_SECRETS_FOLDER": str(secrets),
            "DRAMATURG_PROBES_PORT": str(probes),
        },
    )
    port = port_of(server)
    assert "for /events, /webhooks/whatsapp" in server.output
    body = hooks.whatsapp_body(messages=[hooks.text_message("wamid.A")])

    async def ask() -> list[Answered]:
        return [
            await post(port, "/healthz", b"", {}, method="GET"),
            await post(port, "/webhooks/whatsapp", body, hooks.meta(HOOK, body)),
            await post(port, "/webhooks/whatsapp", body, hooks.meta("another", body)),
            await post(port, "/whatsapp", body, hooks.meta(HOOK, body)),
            await post(probes, "/livez", b"", {}, method="GET"),
        ]

    assert [answer.status for answer in apart(ask())] == [200, 200, 401, 404, 200]
    run = next(
        key.decode().rsplit(":", 1)[1] for key in redis_client.keys("*:run:*") if redis_client.type(key) == b"hash"
    )
    token = EventTokens(SECRET.encode()).issue(run)

    async def listen() -> tuple[int, bytes, int]:
        refused = await listening.ask(port, f"/events/runs/{run}/events?token=another")
        await refused.close()
        answer = await listening.ask(port, f"/events/runs/{run}/events?token={token}")
        first = b""
        chunks = aiter(answer.chunks())
        while b"data: " not in first:
            first += await anext(chunks)
        server.terminate()  # with a listener who stays
        code = server.wait(timedelta(seconds=15))
        await answer.close()
        return refused.status, first, code

    status, first, code = apart(listen())
    assert status == 403
    told = [json.loads(line[6:]) for line in first.decode().splitlines() if line.startswith("data: ")]
    assert (told[0]["event"], told[0]["run"]) == ("queued", run)
    assert code == 0, server.output
    for secret in (SECRET, HOOK, token):
        assert secret not in server.output


def test_it_does_not_start_without_a_secret(redis_url: str, home: Path) -> None:
    """Nothing is served to whoever comes along: not on this machine, and not where others reach it."""
    env = {"REDIS_URL": redis_url, "DRAMATURG_HOME": str(home)}
    told = CommandHere(env)("web", "--host", "0.0.0.0", code=2).stderr
    assert "DRAMATURG_WEB_EVENTS_SECRET" in told
    told = CommandHere({**env, "DRAMATURG_WEB_EVENTS_SECRET": "short"})("web", code=2).stderr
    assert "DRAMATURG_WEB_EVENTS_SECRET" in told
    assert "16" in told
    assert "short" not in told


def test_an_address_that_is_taken_is_told(redis_url: str, home: Path) -> None:
    """It ends at once, and says why."""
    env = {"REDIS_URL": redis_url, "DRAMATURG_HOME": str(home), "DRAMATURG_WEB_EVENTS_SECRET": SECRET}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = CommandHere(env)("web", "--port", str(taken.getsockname()[1]), code=1).stderr
    assert "cannot be listened on" in told


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
