"""Scenarios in which many listen to runs while connections and workers are lost."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from datetime import timedelta
from statistics import quantiles

from pipeline.engine import keys
from pipeline.engine.texts import Texts
from pipeline.event_tokens import EventTokens
from tests.actors import streaming
from tests.actors.streaming import Chapters, Tale, chronicler, teller
from tests.chaos.stage import Report, Stage
from tests.support.apart import apart
from tests.support.listening import Browser, path_of
from tests.support.processes import Process
from tests.support.waiting import eventually

_SECRET = "a secret of this scenario"

_SERVER = """
import os, sys
import uvicorn
from types import SimpleNamespace
from pipeline.engine.connection import connect
from pipeline.engine.store import Store
from pipeline.event_stream import events_app
from pipeline.event_tokens import EventTokens
store = Store(connect(os.environ["REDIS_URL"]), os.environ["DRAMATURG_NAMESPACE"])
app = events_app(SimpleNamespace(store=store), authorize=EventTokens(sys.argv[1].encode()))
uvicorn.run(app, host="127.0.0.1", port=0, access_log=False, timeout_graceful_shutdown=1)
"""


def many_readers(
    here: Stage, *, seed: int, clients: int, runs: int, crashes: int, tale: Tale, processes: int, limit: timedelta
) -> Report:
    """Clients drop and come back at random, late ones among them, while the workers of the runs are killed.

    In the end every client has the texts that the last attempt wrote, and has got no event twice.
    """
    report, dice = Report(), random.Random(seed)
    options = {"threads": -(-runs // processes), "lease": 1, "modules": (streaming.__name__,)}
    crew = here.workers(processes, **options)
    port = event_server(here)
    half = runs // 2
    chapters = Chapters(chapters=max(1, tale.words // 10), words=10, pause_s=tale.pause_s)
    ids = here.accept([*teller.send_many([tale] * (runs - half)), *chronicler.send_many([chapters] * half)])
    browsers = [browser(port, run_id) for run_id in ids for _ in range(-(-clients // runs))][:clients]
    killing = lambda: _kill(here, crew, options, crashes, ids)  # noqa: E731 - a name for what is done
    apart(_drama(killing, browsers, dice, report, limit))
    states = here.settle(ids, timedelta(seconds=5))
    latecomers = [browser(port, run_id) for run_id in ids]
    apart(_listen_all(latecomers, report))
    texts = {run_id: Texts(here.store).read(run_id) for run_id in ids}
    lags = [lag for browser in browsers for lag in browser.lags]
    pieces = [event for browser in browsers for event in browser.events]
    report.figures |= {
        "clients": clients,
        "crashes": crashes,
        "drops": sum(browser.drops for browser in browsers),
        "events": len(pieces),
        "resets": sum(event["event"] == "reset" for event in pieces),
        "gaps": sum(event["event"] == "gap" for event in pieces),
        "lag p95 ms": round(quantiles(lags, n=20)[-1] * 1000) if len(lags) > 1 else None,
    }
    report.expect(f"every run completes: {states}", set(states.values()) == {"completed"})
    wrong = [run_id for run_id in ids if texts[run_id] != _result(here, run_id)]
    report.expect(f"what is kept is what the last attempt wrote: {wrong}", not wrong)
    for name, some in (("client", browsers), ("latecomer", latecomers)):
        differing = [b.path for b in some if b.texts != texts[_run_of(b)]]
        report.expect(f"every {name} ends with the server's text: {len(differing)} do not", not differing)
        doubled = [b.path for b in some if b.ids != sorted(set(b.ids))]
        report.expect(f"no {name} gets an event twice: {len(doubled)} do", not doubled)
        lasts = {b.events[-1]["event"] for b in some if b.events}
        report.expect(f"every {name} hears the end: {lasts}", lasts == {"completed"})
    return report


async def _drama(
    kill: Callable[[], None], browsers: list[Browser], dice: random.Random, report: Report, limit: timedelta
) -> None:
    killing = asyncio.create_task(asyncio.to_thread(kill))
    listening = [_come_and_go(browser, dice, late=number % 10 == 0) for number, browser in enumerate(browsers)]
    try:
        async with asyncio.timeout(limit.total_seconds()):
            outcomes = await asyncio.gather(*listening, return_exceptions=True)
        troubles = [repr(outcome) for outcome in outcomes if outcome is not None]
        report.expect(f"no client meets trouble: {troubles[:3]}", not troubles)
    except TimeoutError:
        report.expect(f"every client hears the end within {limit}", False)
    await killing


def _kill(here: Stage, crew: list[Process], options: dict[str, object], crashes: int, ids: list[str]) -> None:
    """Kill all workers, and start others, whenever every run has told something under the present ones."""
    for _ in range(crashes):
        told = _lengths(here, ids)
        eventually(
            lambda told=told: all(now > then + 4 for now, then in zip(_lengths(here, ids), told, strict=True)),  # type: ignore[misc] # bound
            timedelta(seconds=30),
        )
        for process in crew:
            process.kill()
        crew = here.workers(len(crew), **options)


def _lengths(here: Stage, ids: list[str]) -> list[int]:
    return [here.store.read("llen", f"{keys.run(here.store.namespace, run_id)}:log") for run_id in ids]


async def _come_and_go(browser: Browser, dice: random.Random, *, late: bool) -> None:
    await asyncio.sleep(dice.uniform(2, 6) if late else dice.uniform(0, 0.5))
    clock = asyncio.get_running_loop()
    while True:
        try:
            if await browser.listen(until=clock.time() + dice.expovariate(1 / 1.5)):
                return
        except (ConnectionError, asyncio.IncompleteReadError):
            browser.drops += 1
        await asyncio.sleep(dice.uniform(0, 0.3))


async def _listen_all(browsers: list[Browser], report: Report) -> None:
    outcomes = await asyncio.gather(*(asyncio.wait_for(b.listen(), 20) for b in browsers), return_exceptions=True)
    troubles = [repr(outcome) for outcome in outcomes if outcome is not False]
    report.expect(f"a latecomer hears all of it: {troubles[:3]}", not troubles)


def event_server(here: Stage) -> int:
    """Start a server of events in a process of its own, and give its port."""
    server = here.running.python("-c", _SERVER, _SECRET, env=here.env())
    server.wait_for_output("running on")
    [port] = re.findall(r"running on http://127.0.0.1:(\d+)", server.output)
    return int(port)


def browser(port: int, run_id: str) -> Browser:
    """Give a client that may listen to a run."""
    return Browser(port, path_of(run_id, EventTokens(_SECRET.encode()).issue(run_id)))


def _run_of(browser: Browser) -> str:
    return browser.path.split("/")[2]


def _result(here: Stage, run_id: str) -> object:
    return (here.inspector.show(run_id) or {}).get("result")
