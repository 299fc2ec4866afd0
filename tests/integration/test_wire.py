"""One request to another system: its answer, its failures, and what they never tell."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from actors.growth.wire import LONGEST_ANSWER, Reply, Wire
from pipeline import RateLimited, Transient, classify
from pipeline.effect import nothing_done
from pipeline.errors import InvalidInput, PipelineError
from pipeline.testing.simulated_api import Answer, Request, SimulatedApi


class Shelf(SimulatedApi):
    """Keeps values by name."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.kept: dict[str, Any] = {}

    def answer(self, request: Request) -> Answer:
        """Keep with PUT, give with GET."""
        name = request.path.strip("/")
        if name == "huge":
            return 200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * (LONGEST_ANSWER + 1))
        if name == "broken":
            raise RuntimeError("a mistake in the simulator")
        if name == "page":
            return 200, {"Content-Type": "text/html"}, b"<html>"
        if name == "moved":
            return 302, {"Location": self.url + "/page"}, None
        if request.method == "PUT":
            self.kept[name] = request.json
            return 200, {}, {"kept": name}
        return (200, {}, self.kept[name]) if name in self.kept else (404, {}, {"code": "no_such_name"})


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """A shelf that listens."""
    with Shelf() as shelf:
        yield shelf


def wire(shelf: Shelf, **more: Any) -> Wire:
    """The way to the shelf, with secrets in the headers."""
    return Wire("shelf", shelf.url, headers={"Authorization": "Bearer sesame"}, **more)


def test_a_call_is_one_request_and_its_answer(shelf: Shelf) -> None:
    """What is asked arrives, what is answered comes back, and the log of the simulator knows no secrets."""
    reply = wire(shelf).call("PUT", "/one", json={"a": 1}, params={"trace": "x", "api_key": "sesame"})
    assert reply.json() == {"kept": "one"}
    assert shelf.kept == {"one": {"a": 1}}
    [call] = shelf.calls
    assert (call.method, call.path, call.json, call.status, call.applied) == ("PUT", "/one", {"a": 1}, 200, True)
    assert call.params == {"trace": "x", "api_key": "***"}
    assert "sesame" not in repr(call)


def test_statuses_that_are_expected_are_answers(shelf: Shelf) -> None:
    """A 404 that is asked for is no failure."""
    assert wire(shelf).call("GET", "/none", ok=(404,)).status == 404


def test_what_nobody_explains_is_told_by_its_status_and_never_the_key(shelf: Shelf) -> None:
    """An unexplained answer is known to the table of failures, by status and by code; nothing of the request leaks."""
    with pytest.raises(httpx2.HTTPStatusError) as told:
        wire(shelf).call("GET", "/none", params={"token": "sesame"})
    assert (classify(told.value).kind, classify(told.value).why) == ("permanent", "not found")
    assert nothing_done(told.value)
    assert "sesame" not in f"{told.value} {told.value.request.headers} {told.value.request.url}"


def test_an_explained_answer_is_what_it_stands_for(shelf: Shelf) -> None:
    """The status and the asked wait are added to what ``explain`` says."""

    def explain(reply: Reply) -> PipelineError | None:
        return RateLimited("busy") if reply.status == 429 else InvalidInput("no", field="x")

    shelf.fail_next(1, 429, {}, {"Retry-After": "7"})
    with pytest.raises(RateLimited) as busy:
        wire(shelf, explain=explain).call("GET", "/one")
    assert (busy.value.retry_after, busy.value.status) == (timedelta(seconds=7), 429)
    with pytest.raises(InvalidInput):
        wire(shelf, explain=explain).call("GET", "/one")


def test_redirects_are_not_followed(shelf: Shelf) -> None:
    """A key is never carried to where somebody points."""
    with pytest.raises(httpx2.HTTPStatusError) as told:
        wire(shelf).call("GET", "/moved")
    assert classify(told.value).why == "redirected"
    assert len(shelf.calls) == 1


def test_an_answer_that_is_too_long_is_not_read(shelf: Shelf) -> None:
    """A small answer that unpacks to a large one is given up, and may have been done."""
    with pytest.raises(Transient, match="more than") as told:
        wire(shelf).call("GET", "/huge")
    assert not nothing_done(told.value)


def test_an_answer_that_is_not_json_may_have_been_done(shelf: Shelf) -> None:
    """A page in place of JSON is a malformed answer."""
    with pytest.raises(Transient, match="not JSON") as told:
        wire(shelf).call("GET", "/page").json()
    assert classify(told.value).why == "malformed answer"
    assert not nothing_done(told.value)


def test_a_lost_answer_was_done_and_a_dropped_call_was_not(shelf: Shelf) -> None:
    """Both look the same to the caller, who cannot know."""
    shelf.lose_answer("PUT /one")
    shelf.drop_next(1, "PUT /two")
    for name in ("one", "two"):
        with pytest.raises(httpx2.TransportError) as told:
            wire(shelf).call("PUT", f"/{name}", json=1)
        assert not nothing_done(told.value)
        assert not told.value.request.headers.get("Authorization")
    assert shelf.kept == {"one": 1}
    assert [(call.applied, call.status) for call in shelf.calls] == [(True, None), (False, None)]


def test_where_nobody_listens_nothing_was_done() -> None:
    """A refused connection is certain."""
    with Shelf() as gone:
        url = gone.url
    with pytest.raises(httpx2.ConnectError) as told:
        Wire("gone", url).call("GET", "/")
    assert nothing_done(told.value)


def test_an_answer_that_takes_too_long_is_a_timeout(shelf: Shelf) -> None:
    """The caller gives up at its limit."""
    shelf.delay(timedelta(seconds=2))
    with pytest.raises(httpx2.ReadTimeout):
        wire(shelf, timeout=timedelta(milliseconds=50)).call("GET", "/one")


def test_odd_failures_fall_by_the_seed() -> None:
    """The same seed and the same calls meet the same faults, whatever the order of different paths."""

    def statuses(names: list[str]) -> dict[str, list[int | None]]:
        found: dict[str, list[int | None]] = {}
        with Shelf(seed=5) as shelf:
            shelf.flaky(0.3, lost=0.2)
            there = wire(shelf)
            for name in names:
                with contextlib.suppress(httpx2.HTTPError):
                    there.call("PUT", f"/{name}", json=1)
            for call in shelf.calls:
                found.setdefault(call.path, []).append(call.status)
        return found

    names = [f"n{number % 7}" for number in range(60)]
    first = statuses(names)
    assert first == statuses(sorted(names))
    seen = {status for path in first.values() for status in path}
    assert None in seen
    assert 200 in seen
    assert seen & {500, 502, 503, 504}


def test_threads_share_a_wire(shelf: Shelf) -> None:
    """Twenty threads through one wire keep twenty values."""
    there = wire(shelf)
    threads = [threading.Thread(target=there.call, args=("PUT", f"/{n}"), kwargs={"json": n}) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert shelf.kept == {str(n): n for n in range(20)}
    there.close()


def test_a_mistake_of_the_simulator_is_raised_where_the_test_ends() -> None:
    """A simulator that breaks does not pass for an odd answer."""
    with pytest.raises(RuntimeError, match="a mistake"), Shelf() as shelf:
        wire(shelf).call("GET", "/broken", ok=(500,))


@pytest.mark.parametrize("url", ["ftp://host", "https://name:word@there/", "example", "file:///etc"])
def test_an_address_is_http_and_carries_no_password(url: str) -> None:
    """Other addresses are refused when the wire is made, and not repeated."""
    with pytest.raises(ValueError, match="without a name or a password") as told:
        Wire("somewhere", url)
    assert url not in str(told.value)


def test_a_date_to_wait_for_is_read_by_the_clock_of_the_other_side() -> None:
    """Retry-After as a date is compared with the answer's own Date."""
    headers = {"retry-after": "Wed, 01 Jan 2031 00:01:00 GMT", "date": "Wed, 01 Jan 2031 00:00:00 GMT"}
    assert Reply(429, headers, b"").retry_after == timedelta(minutes=1)
