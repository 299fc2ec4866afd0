"""The server of probes, and whoever means it ill: it goes on answering, and repeats nothing of what it is told."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
import structlog

from pipeline.environment import SettingsError
from pipeline.probes import guests
from pipeline.probes.checks import Answer, Page, ask, routes
from pipeline.probes.server import ProbeServer
from pipeline.probes.serving import serve
from pipeline.probes.settings import PORTS, ProbesSettings
from tests.support import probed
from tests.support.waiting import eventually


def broken() -> str | None:
    raise RuntimeError("redis://user:password@cache")


@pytest.fixture
def port() -> Iterator[int]:
    """A server that is alive, not ready, and slow to give its figures."""
    served = {
        **routes(
            {"livez": lambda: ask({"loop": lambda: None}), "readyz": lambda: ask({"odd": broken, "a": lambda: "b"})}
        ),
        "/metrics": lambda accept: Page(200, accept or "none", b"figure 1\n" * 200_000),
    }
    with ProbeServer("127.0.0.1", {0: served}) as server:
        yield server.ports[0]


def say(port: int, request: bytes) -> bytes:
    """Send bytes as they are, and give all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        told = b""
        with suppress(ConnectionResetError):  # it did not read all that was said
            while piece := connection.recv(65_536):
                told += piece
        return told


def test_what_fails_is_named_and_a_check_that_breaks_has_failed(port: int) -> None:
    """200 and 503; the reason of a defect is its kind, for its words may hold anything."""
    assert probed.ask(port, "/livez").failing == {}
    told = probed.ask(port, "/readyz")
    assert told.status == 503
    assert told.json["checks"] == ["odd", "a"]
    assert told.failing == {"odd": "the check itself failed (RuntimeError)", "a": "b"}
    assert "password" not in told.body


def test_a_reason_is_cut() -> None:
    """However much somebody has to say."""
    assert len(ask({"long": lambda: "x" * 100_000}).failing["long"]) == 300
    assert Answer((), {}).ok


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /livez?verbose=1 HTTP/1.0\r\n\r\n", b"200"),
        (b"HEAD /livez HTTP/1.1\r\n\r\n", b"200"),
        (b"POST /livez HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
        (b"DELETE /livez HTTP/1.1\r\n\r\n", b"405"),
        (b"_answer /livez HTTP/1.1\r\n\r\n", b"405"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /livez/ HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /%2e%2e/livez HTTP/1.1\r\n\r\n", b"404"),
        (b"GET http://elsewhere/livez HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /<script>alert(1)</script> HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /livez HTTP/9.9\r\n\r\n", b"505"),
        (b"GET /livez HTTP/1.1\r\n" + b"x: y\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /livez HTTP/1.1\r\nx: " + b"y" * 20_000 + b"\r\n\r\n", b"431"),
        (b"GET /livez HTTP/1.1\r\n" + (b"x: " + b"y" * 900 + b"\r\n") * 30 + b"\r\n", b"431"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
    ],
)
def test_each_request_gets_a_short_answer_and_none_of_its_own_words(port: int, request_: bytes, status: bytes) -> None:
    """Whatever is asked, and however."""
    told = say(port, request_)
    if told.startswith(b"HTTP/"):
        assert told.split()[1] == status, told
        assert b"nosniff" in told
    else:  # a line that is none of HTTP's is answered as HTTP 0.9 would: no head
        assert told in {b"Bad Request\n", b"HTTP Version Not Supported\n"} or (told == b"" and status == b"431")
    assert len(told) < 600
    assert b"script" not in told
    assert b"elsewhere" not in told
    assert b"Python" not in told
    assert probed.ask(port, "/livez").status == 200


def test_an_endless_line_is_not_read_to_its_end(port: int) -> None:
    """A request without an end gets an error, or none, and holds no memory."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, suppress(OSError):
        while sent < 1 << 30:
            connection.sendall(b"a" * 65_536)
            sent += 65_536
    assert sent < 1 << 24
    assert probed.ask(port, "/livez").status == 200


def test_slow_clients_and_many_take_nothing_from_whoever_asks_and_goes(port: int) -> None:
    """Three hundred that say nothing, or a letter, or do not read: a probe is answered at once, by few threads."""
    before = threading.active_count()
    with ExitStack() as held:
        for n in range(300):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            connection.sendall((b"", b"GET /li", b"GET /metrics HTTP/1.0\r\n\r\n")[n % 3])
        took = [probed.ask(port, "/livez").seconds for _ in range(20)]
        assert threading.active_count() - before <= guests.MOST + 5
    assert statistics.median(took) < 0.05
    eventually(lambda: threading.active_count() <= before + 1)


def test_who_trickles_is_sent_away(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter now and then keeps a connection no longer than any other."""
    monkeypatch.setattr(guests, "LONGEST", guests.LONGEST / 10)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        began = time.monotonic()
        connection.settimeout(0.2)
        while time.monotonic() - began < 8:
            connection.sendall(b"G")
            try:
                if not connection.recv(100):
                    break
            except TimeoutError:
                continue
            except ConnectionResetError:
                break
    assert time.monotonic() - began < 4


def test_an_answer_waits_for_no_figures(port: int) -> None:
    """One client collects figures and does not read them; probes go on."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert probed.ask(port, "/livez").seconds < 1
    assert probed.ask(port, "/metrics").body.count("figure") == 200_000


def test_a_usual_port_that_is_taken_is_gone_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one warning; a port that was set is a mistake then, and so is an address of another machine."""
    first = probed.free_ports(2)
    with socket.create_server(("127.0.0.1", first + 1)):
        monkeypatch.setattr("pipeline.probes.serving.PORTS", {**PORTS, "worker": first})
        with structlog.testing.capture_logs() as lines:
            assert serve("worker", [{}, {}], ProbesSettings()) is None
        assert [(line["event"], line["log_level"]) for line in lines] == [("no_probes", "warning")]
        assert str(first) in lines[0]["why"]
        with pytest.raises(SettingsError, match=f"DRAMATURG_PROBES_PORT: .*, port {first} to {first + 1}"):
            serve("worker", [{}, {}], ProbesSettings(port=first))
        with socket.socket() as free:  # nothing of the attempt is left
            free.bind(("127.0.0.1", first))
    with pytest.raises(SettingsError, match=r"DRAMATURG_PROBES_HOST: 192\.0\.2\.1"):
        serve("worker", [{}], ProbesSettings(host="192.0.2.1"))
    with pytest.raises(SettingsError, match="more than there are"):
        serve("worker", [{}] * 3, ProbesSettings(port=65_534))


def test_probes_can_be_switched_off() -> None:
    """Port 0 listens nowhere."""
    assert serve("web", [{}], ProbesSettings(port=0)) is None


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
def test_it_listens_on_ipv6_too() -> None:
    """A host may be an address of either kind."""
    with (
        ProbeServer("::1", {0: routes({"livez": lambda: ask({})})}) as server,
        socket.create_connection(("::1", server.ports[0]), timeout=10) as connection,
    ):
        connection.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        assert connection.recv(20).startswith(b"HTTP/1.0 200")
