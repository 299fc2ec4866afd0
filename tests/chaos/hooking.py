"""Scenarios in which webhooks come often, at once and spoiled, and those who take them in are killed meanwhile."""

from __future__ import annotations

import asyncio
import random
import re
import statistics
import time
from collections import Counter
from datetime import timedelta

from tests.chaos.stage import Report, Stage
from tests.support import hooks
from tests.support.apart import apart
from tests.support.processes import Process
from tests.support.proxy import Command, Fault, Proxy
from tests.support.waiting import eventually

SECRET = "whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3"
APP = "an-app-secret-0123456789"


def storm(
    here: Stage, *, seed: int, events: int, copies: int, servers: int, kills: int, lost: float, limit: timedelta
) -> Report:
    """S09: each event comes several times, at once; servers are killed, replies of Redis get lost; all is counted once.

    Between the true ones come as many that are spoiled. A sender comes back until it is answered with 200.
    """
    report, dice = Report(), random.Random(f"{seed}/storm")
    answers: Counter[int] = Counter()
    took: list[float] = []
    with Proxy(here.url) as between:
        running = [_server(here, between.url) for _ in range(servers)]
        between.on_command = lambda command: _lose(command, dice, lost)

        async def deliver(number: int, gate: asyncio.Semaphore) -> None:
            true, false = _request(number, spoiled=False), _request(number, spoiled=True)
            async with gate:
                for body, headers in (true, false):
                    answers[await _until_answered(running, body, headers, took)] += 1

        async def kill() -> None:
            for turn in range(kills):
                await asyncio.sleep(0.5)
                await asyncio.to_thread(running[turn % servers][0].kill)
                running[turn % servers] = await asyncio.to_thread(_server, here, between.url)

        async def everything() -> None:
            gate = asyncio.Semaphore(64)
            numbers = [number for number in range(events) for _ in range(copies)]
            dice.shuffle(numbers)
            async with asyncio.timeout(limit.total_seconds()):
                await asyncio.gather(kill(), *(deliver(number, gate) for number in numbers))

        began = time.monotonic()
        apart(everything())
        between.on_command = None
        length = time.monotonic() - began
    kept = _told(here)
    quickly = statistics.quantiles(took, n=20)
    report.figures = {
        "deliveries": events * copies,
        "runs": sum(kept.values()),
        "wrong accepts": answers[200] - events * copies,
        "kills": kills,
        "p50_ms": round(quickly[9] * 1000),
        "p95_ms": round(quickly[18] * 1000),
        "a_second": round(2 * events * copies / length),
    }
    report.expect(f"true ones are accepted and spoiled ones refused: {answers}", answers[200] == answers[401])
    report.expect(f"{events} events are known: {len(kept)}", len(kept) == events)
    report.expect("an event is one run", set(kept.values()) == {1})
    return report


def _server(here: Stage, redis_url: str) -> tuple[Process, int]:
    secrets = {"DRAMATURG_WEBHOOKS_WHATSAPP_SECRET": APP, "DRAMATURG_LOG_LEVEL": "warning"}
    process = here.running.python("-m", "pipeline.cli", "webhooks", "--port", "0", env=here.env(redis_url, **secrets))
    told = eventually(
        lambda: re.search(r"Listening on http://127\.0\.0\.1:(\d+)", process.output), timedelta(seconds=40)
    )
    return process, int(told[1])


def _request(number: int, *, spoiled: bool) -> tuple[bytes, dict[str, str]]:
    body = hooks.whatsapp_body(statuses=[hooks.status(f"wamid.{number}", "delivered")])
    headers = hooks.meta(APP, body)
    if not spoiled:
        return body, headers
    at = number % len(body)
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :], headers


async def _until_answered(
    running: list[tuple[Process, int]], body: bytes, headers: dict[str, str], took: list[float]
) -> int:
    turn = len(took)
    while True:
        turn += 1
        _, port = running[turn % len(running)]
        began = time.monotonic()
        try:
            async with asyncio.timeout(10):
                status = (await hooks.post(port, "/whatsapp", body, headers)).status
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            status = 503  # nobody is there, or nobody any more: what became of it is not known
        if status != 503:
            took.append(time.monotonic() - began)
            return status
        await asyncio.sleep(0.05)


def _lose(command: Command, dice: random.Random, share: float) -> Fault | None:
    told = command.name.startswith("EVALSHA") and dice.random() < share
    return Fault.LOSE_REPLY if told else None


def _told(here: Stage) -> Counter[str]:
    found: Counter[str] = Counter()
    for run in here.inspector.list_runs(actor="whatsapp.event", limit=1_000_000):
        payload = (here.inspector.show(run["id"]) or {})["payload"]
        found[payload["told"]["id"]] += 1
    return found
