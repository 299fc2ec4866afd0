"""Events over real HTTP on loopback: who may listen, how a client goes on, and what many of them cost."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis
from starlette.applications import Starlette

from pipeline import Unavailable
from pipeline.blobs import Blobs
from pipeline.engine import keys
from pipeline.engine.connection import connect
from pipeline.engine.records import Commit, NewRun
from pipeline.engine.store import Store
from pipeline.engine.texts import Texts
from pipeline.engine.values import Values
from pipeline.event_stream import events_app
from pipeline.event_tokens import EventTokens
from pipeline.inspector import Inspector
from tests.support.apart import apart
from tests.support.listening import Browser, ask, path_of, serving
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

NS = "streams"
SHORT = timedelta(milliseconds=800)
TOKENS = EventTokens(b"0123456789abcdef")


class Place:
    """A store, an inspector, and a server of their events."""

    def __init__(self, client: redis.Redis, url: str, folder) -> None:
        self.client = client
        self.store = Store(connect(url), NS)
        self.texts = Texts(self.store)
        self.inspector = Inspector(self.store, Values(Blobs(folder)))
        self.port = 0

    def start(self, run_id: str) -> int:
        """Accept and claim a run."""
        self.store.enqueue([NewRun(run_id, "a", "q", b"{}")])
        [lease], _ = self.store.claim("w", f"c-{run_id}", {"q": 1}, {"a": 1}, want=1, lease_ms=600_000)
        return lease.fence

    def end(self, run_id: str, fence: int, state: str = "completed") -> None:
        """Commit a run."""
        assert self.store.commit([Commit(run_id, fence, state, result=b"1", reason="done")]) == [1]

    def browser(self, run_id: str) -> Browser:
        """Give a client that may listen to a run."""
        return Browser(self.port, path_of(run_id, TOKENS.issue(run_id)))


@pytest.fixture
def place(redis_client: redis.Redis, redis_url: str, tmp_path) -> Iterator[Place]:
    here = Place(redis_client, redis_url, tmp_path)
    app = Starlette()
    app.mount("/", events_app(here.inspector, authorize=TOKENS, heartbeat=timedelta(milliseconds=200)))
    with serving(app) as here.port:
        yield here
    here.store.client.close()


def test_a_run_is_told_from_its_first_event_to_its_last(place: Place) -> None:
    """The response ends with the run, and who comes back is told not to."""
    fence = place.start("r1")

    def work() -> None:
        for number in range(5):
            place.texts.append("r1", fence, "text", number, str(number))

    async def listen() -> Browser:
        browser = place.browser("r1")
        listening = asyncio.create_task(browser.listen())
        await asyncio.to_thread(eventually, lambda: [e["event"] for e in browser.events] == ["queued", "started"])
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
        await asyncio.to_thread(eventually, lambda: browser.texts == {"text": "01234"}, timedelta(seconds=4))
        await asyncio.to_thread(place.end, "r1", fence)
        assert await listening is False
        assert await browser.listen() is True, "204: there is nothing more to come"
        return browser

    browser = apart(asyncio.wait_for(listen(), 20))
    assert [e["event"] for e in browser.events] == ["queued", "started", *["text"] * 5, "completed"]
    assert browser.texts == {"text": "01234"}
    assert browser.ids == sorted(set(browser.ids))
    assert browser.events[-1].keys() == {"id", "run", "event", "at_ms", "data"}


def test_a_client_goes_on_behind_any_event(place: Place) -> None:
    """With the header that browsers send, or with ?after=."""
    fence = place.start("r1")
    for number in range(4):
        place.texts.append("r1", fence, "text", number, str(number))
    place.end("r1", fence)

    async def listen() -> None:
        whole = place.browser("r1")
        await whole.listen()
        for at, event in enumerate(whole.events[:-1]):
            rest = place.browser("r1")
            rest.last_id = event["id"]
            rest.texts = {"text": "0123"[: max(0, at - 1)]}
            await rest.listen()
            assert rest.events == whole.events[at + 1 :]
            asked = await ask(place.port, f"{path_of('r1', TOKENS.issue('r1'))}&after={event['id']}")
            assert (await asked.body()).count(b"data: ") == len(rest.events)
            await asked.close()

    apart(asyncio.wait_for(listen(), 20))


def test_a_late_client_of_a_long_log_gets_a_gap_and_the_text(place: Place) -> None:
    """Wherever it drops, it ends with the text as it is, and no event twice."""
    fence = place.start("r1")
    for number in range(1200):
        place.texts.append("r1", fence, "text", number, chr(97 + number % 26))

    async def listen() -> None:
        browser = place.browser("r1")
        listening = asyncio.create_task(browser.listen())
        await asyncio.to_thread(eventually, lambda: browser.texts)
        assert [e["event"] for e in browser.events] == ["queued", "gap"]
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        place.texts.append("r1", fence, "text", 1200, "!")
        place.end("r1", fence)
        await browser.listen()
        assert browser.texts == place.texts.read("r1")
        assert [e["event"] for e in browser.events] == ["queued", "gap", "text", "completed"]

    apart(asyncio.wait_for(listen(), 20))


def test_only_a_valid_token_for_that_run_lets_in(place: Place) -> None:
    """Scoped to one run, signed, and for a while; everything else is a JSON error."""
    place.start("r1")

    async def statuses() -> None:
        good = TOKENS.issue("r1")
        for token in (
            "",
            "x",
            "99999999999.x",
            TOKENS.issue("r2"),
            TOKENS.issue("r1", kind="flows"),
            TOKENS.issue("r1", lifetime=timedelta(seconds=-1)),
            EventTokens(b"another secret, as long").issue("r1"),
            good[:-1] + ("A" if good[-1] != "A" else "B"),
            str(int(good.split(".")[0]) + 60) + "." + good.split(".")[1],
        ):
            answer = await ask(place.port, path_of("r1", token))
            assert (answer.status, json.loads(await answer.body())) == (403, {"error": "You may not listen to this."})
            await answer.close()
        bearer = await ask(place.port, "/runs/r1/events", {"Authorization": f"Bearer {good}"})
        assert bearer.status == 200
        assert bearer.headers["content-type"].startswith("text/event-stream")
        await bearer.close()

    apart(asyncio.wait_for(statuses(), 20))


def test_a_request_that_cannot_be_answered_says_so_in_json(place: Place) -> None:
    """An unknown run, an id that is none, an unknown path, another method."""
    place.start("r1")

    async def statuses() -> None:
        for path, method, status in (
            (path_of("gone", TOKENS.issue("gone")), "GET", 404),
            (path_of("r1", TOKENS.issue("r1")) + "&after=x", "GET", 400),
            ("/elsewhere", "GET", 404),
            (path_of("r1", TOKENS.issue("r1")), "POST", 405),
        ):
            answer = await ask(place.port, path, method=method)
            assert answer.status == status, path
            assert json.loads(await answer.body())["error"]
            await answer.close()
        head = await ask(place.port, path_of("r1", TOKENS.issue("r1")), method="HEAD")
        assert head.status == 200

    apart(asyncio.wait_for(statuses(), 20))


def test_a_run_that_is_removed_while_somebody_listens_ends_the_response(place: Place) -> None:
    """Nobody waits for what cannot come."""
    place.start("r1")

    async def listen() -> None:
        browser = place.browser("r1")
        listening = asyncio.create_task(browser.listen())
        await asyncio.to_thread(eventually, lambda: len(browser.events) == 2)
        place.client.delete(keys.run(NS, "r1"), keys.run(NS, "r1") + ":log")
        assert await listening is False

    apart(asyncio.wait_for(listen(), 20))


def test_a_dead_run_that_is_retried_is_followed_to_its_second_end(place: Place) -> None:
    """For who comes back after its first end, and for who reads all of it."""
    fence = place.start("r1")
    place.end("r1", fence, "dead")

    async def listen() -> None:
        browser = place.browser("r1")
        await browser.listen()
        assert browser.events[-1]["event"] == "dead"
        place.store.retry_run("r1")
        listening = asyncio.create_task(browser.listen())
        await asyncio.to_thread(eventually, lambda: browser.events[-1]["event"] == "queued")
        place.end("r1", place.start("r1"))
        await listening
        assert browser.events[-1]["event"] == "completed"
        story = [e["event"] for e in browser.events]
        assert [e.event for e in place.inspector.events("r1", timeout=timedelta(seconds=5))] == story

    apart(asyncio.wait_for(listen(), 20))


def test_a_flow_is_followed_to_its_end(place: Place) -> None:
    """Its nodes, and how it ended."""
    place.store.start_flow("f1", "flow", [NewRun("r1", "a", "q", b"{}", node="one")], "r1")
    fence = place.start("r1")

    async def listen() -> None:
        browser = Browser(place.port, path_of("f1", TOKENS.issue("f1", kind="flows"), "flows"))
        listening = asyncio.create_task(browser.listen())
        await asyncio.sleep(0)
        await asyncio.to_thread(place.end, "r1", fence)
        await listening
        assert [e["event"] for e in browser.events] == ["node", "completed"]
        assert await browser.listen() is True

    apart(asyncio.wait_for(listen(), 20))


def test_all_clients_of_a_process_share_one_listening_connection(place: Place) -> None:
    """Two hundred clients of twenty runs cost Redis one subscriber, and its readers."""
    fences = {f"r{n}": place.start(f"r{n}") for n in range(20)}
    before = len(place.client.client_list())

    async def listen() -> None:
        browsers = [place.browser(f"r{n % 20}") for n in range(200)]
        listening = [asyncio.create_task(browser.listen()) for browser in browsers]
        await asyncio.to_thread(eventually, lambda: all(len(b.events) >= 2 for b in browsers))
        clients = await asyncio.to_thread(place.client.client_list)
        assert sum(int(c["sub"]) > 0 for c in clients) == 1
        assert len(clients) - before <= 12, (
            "the readers are threads: of the server and of this test, not of the clients"
        )
        for run_id, fence in fences.items():
            await asyncio.to_thread(place.texts.append, run_id, fence, "text", 0, run_id)
            await asyncio.to_thread(place.end, run_id, fence)
        await asyncio.gather(*listening)
        assert all(b.texts == {"text": f"r{n % 20}"} for n, b in enumerate(browsers))

    apart(asyncio.wait_for(listen(), 40))
    eventually(lambda: not subscribers(place), timedelta(seconds=15))


def test_clients_outlast_a_redis_that_is_started_anew(place: Place, redis_server: RedisServer) -> None:
    """What was written before, and what comes after, once each."""
    fence = place.start("r1")
    place.texts.append("r1", fence, "text", 0, "before ")

    async def listen() -> Browser:
        browser = place.browser("r1")
        listening = asyncio.create_task(browser.listen())
        await asyncio.to_thread(eventually, lambda: browser.texts)
        await asyncio.to_thread(redis_server.restart)
        await asyncio.to_thread(eventually, lambda: written(place, fence, 7, "after"))
        place.end("r1", fence)
        await listening
        return browser

    browser = apart(asyncio.wait_for(listen(), 40))
    assert browser.texts == {"text": "before after"}
    assert browser.ids == sorted(set(browser.ids))


def test_a_client_that_takes_nothing_is_cut_off(place: Place) -> None:
    """What waits for it is bounded, and it may come back."""
    place.start("r1")
    place.client.hset(keys.run(NS, "r1") + ":text", mapping={"text": 12_000_000, "text/0": "x" * 12_000_000})
    app = events_app(place.inspector, authorize=TOKENS, patience=SHORT, heartbeat=SHORT / 4)
    address = path_of("r1", TOKENS.issue("r1")).encode() + b"&after=99"  # what it missed comes at once
    with serving(app) as port, socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET " + address + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        eventually(lambda: subscribers(place) == 1)
        eventually(lambda: subscribers(place) == 0, timedelta(seconds=15))
        slow.settimeout(5)
        taken = 0
        while data := slow.recv(1 << 20):
            taken += len(data)
        assert taken < 12_000_000


def test_clients_above_the_bound_are_asked_to_come_back(place: Place) -> None:
    """A process takes as many as it was allowed."""
    place.start("r1")
    app = events_app(place.inspector, authorize=lambda *_: True, most_clients=1)

    async def listen(port: int) -> None:
        first = await ask(port, "/runs/r1/events")
        assert first.status == 200
        second = await ask(port, "/runs/r1/events")
        assert (second.status, second.headers["retry-after"]) == (503, "5")
        await first.close()

    with serving(app) as port:
        apart(asyncio.wait_for(listen(port), 20))


def written(place: Place, fence: int, at: int, text: str) -> bool:
    """Append to the text, unless Redis is away."""
    try:
        return place.texts.append("r1", fence, "text", at, text) == 1
    except Unavailable:
        return False


def subscribers(place: Place) -> int:
    """Count the connections that listen for news."""
    return sum(int(c["sub"]) > 0 for c in place.client.client_list())
