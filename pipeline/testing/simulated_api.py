"""Another system on the loopback address: real HTTP over plain state in memory, with faults on demand."""

from __future__ import annotations

import json
import random
import re
import socketserver
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from pipeline.testing.call import Call
from pipeline.testing.exchange import Exchange

#: Status, headers, and a body: JSON values, bytes as they are, or None for nothing.
Answer = tuple[int, Mapping[str, str], Any]

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_SECRET = re.compile(r"authorization|cookie|.*(key|token|secret|signature).*", re.IGNORECASE)
_ODD = (500, 502, 503, 504)


@dataclass(frozen=True)
class Request:
    """A request as it came: the path without parameters and escapes, headers with names in lower case, body as JSON."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    json: Any
    body: bytes = field(repr=False)

    def matches(self, pattern: str) -> bool:
        """Say whether a regular expression is found in method and path (``"PUT /3.0/lists"``)."""
        return re.search(pattern, f"{self.method} {self.path}") is not None


@dataclass
class ApiCall:
    """A request that was received, and what was answered; nothing secret is in it."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    json: Any
    #: By the clock of the simulated system.
    at: datetime
    #: None while it is not answered, and if the connection was cut.
    status: int | None = None
    #: Whether it changed what it was to change (a fault comes before that; a lost answer after).
    applied: bool = False


@dataclass
class _Fault:
    left: int
    pattern: str
    answer: Answer | None = None
    cut: bool = False
    lose: bool = False


class SimulatedApi:
    """Serves ``answer`` as long as the ``with`` block runs, one request at a time; what is drawn by lot is by ``seed``.

    A subclass keeps its state in plain attributes and answers from it; an exception in it is raised by the end of the
    ``with`` block. ``clock`` gives the date and time. Parameters and fields of JSON in ``hidden`` stay out of
    ``calls``.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"key", "api_key", "access_token", "hapikey"})

    def __init__(self, seed: int = 0, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        #: Every request, in the order of their coming.
        self.calls: list[ApiCall] = []
        #: The most requests that were open at the same time.
        self.most_at_once = 0
        self.seed = seed
        self.now = clock
        #: Held while a request is answered; hold it to look at several things at once.
        self.lock = threading.RLock()
        self._open = 0
        self._faults: list[_Fault] = []
        self._odd, self._lost = 0.0, 0.0
        self._delay = timedelta()
        self._seen: Counter[str] = Counter()
        self._broken: list[Exception] = []
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def answer(self, request: Request) -> Answer:
        """Answer a request and change the state as it asks; to be said by every simulated system."""
        raise NotImplementedError

    def refuse(self, request: Request, at_once: int) -> Answer | None:
        """Refuse a request before anything else, by how many are open (this one too); None lets it in."""
        del request, at_once
        return None

    @property
    def url(self) -> str:
        """The address of the system, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def fail_next(
        self, n: int, status: int, body: Any = None, headers: Mapping[str, str] = _NO_HEADERS, *, matching: str = ""
    ) -> None:
        """Answer the next ``n`` requests that match in this way, and do nothing else about them."""
        self._add(_Fault(n, matching, answer=(status, headers, body)))

    def lose_answer(self, matching: str = "", n: int = 1) -> None:
        """Do what the next ``n`` requests that match ask for, then cut the connection instead of answering."""
        self._add(_Fault(n, matching, lose=True))

    def drop_next(self, n: int = 1, matching: str = "") -> None:
        """Cut the connection of the next ``n`` requests that match, and do nothing else about them."""
        self._add(_Fault(n, matching, cut=True))

    def flaky(self, rate: float, *, lost: float = 0.0) -> None:
        """Answer this part of the requests with an odd 5xx without doing them; do ``lost`` of them without answering.

        The lot falls by the seed, the request's method and path, and how often they came before.
        """
        self._odd, self._lost = rate, lost

    def delay(self, duration: timedelta) -> None:
        """Take so long for every answer; the request is done at the end of it."""
        self._delay = duration

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._broken and error is None:
            raise self._broken[0]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Treat one request."""
        request = _read(handler)
        call = self._kept(request)
        exchange = Exchange(Call(handler.path, {}, {}), handler, self._closing)
        with self.lock:
            self.calls.append(call)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
            refused = self.refuse(request, self._open)
        counted = True
        try:
            if self._closing.is_set():
                exchange.cut()
                return
            if self._delay:
                self._closing.wait(self._delay.total_seconds())
            answer = refused or self._treat(request, call)
            with self.lock:  # before the caller can have read the answer and asked again
                self._open -= 1
                counted = False
                call.status = None if answer is None else answer[0]
            if answer is None:
                exchange.cut()
            else:
                _send(exchange, answer)
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True
        finally:
            if counted:
                with self.lock:
                    self._open -= 1

    def _treat(self, request: Request, call: ApiCall) -> Answer | None:
        with self.lock:
            fault = self._next_fault(request)
            if fault is not None and (fault.cut or fault.answer is not None):
                return fault.answer
            try:
                answer = self.answer(request)
            except Exception as error:  # noqa: BLE001 - shown to whoever asks, and raised where the test ends
                self._broken.append(error)
                return 500, _NO_HEADERS, {"simulator": repr(error)}
            call.applied = True
            return None if fault is not None and fault.lose else answer

    def _add(self, fault: _Fault) -> None:
        with self.lock:
            self._faults.append(fault)

    def _next_fault(self, request: Request) -> _Fault | None:
        for fault in self._faults:
            if fault.left and request.matches(fault.pattern):
                fault.left -= 1
                return fault
        name = f"{request.method} {request.path}"
        self._seen[name] += 1
        dice = random.Random(f"{self.seed}/{name}/{self._seen[name]}")  # noqa: S311 - to be repeatable
        if dice.random() < self._odd:
            return _Fault(0, "", answer=(dice.choice(_ODD), {"Content-Type": "text/html"}, b"<html>Odd</html>"))
        return _Fault(0, "", lose=True) if dice.random() < self._lost else None

    def _kept(self, request: Request) -> ApiCall:
        headers = {name: value for name, value in request.headers.items() if not _SECRET.fullmatch(name)}
        params = {name: "***" if name in self.hidden else value for name, value in request.params.items()}
        said = request.json
        if isinstance(said, dict):
            said = {name: "***" if name in self.hidden else value for name, value in said.items()}
        return ApiCall(request.method, request.path, params, headers, said, self.now())


def _read(handler: BaseHTTPRequestHandler) -> Request:
    body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    url = urlsplit(handler.path)
    try:
        said = json.loads(body) if body else None
    except ValueError:
        said = None
    headers = {name.lower(): value for name, value in handler.headers.items()}
    return Request(handler.command, unquote(url.path), dict(parse_qsl(url.query, True)), headers, said, body)


def _send(exchange: Exchange, answer: Answer) -> None:
    status, headers, body = answer
    told = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "application/json")
    payload = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    exchange.send(status, kind, payload, told)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # http.server's own would ask for the name of the address
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment] # typed for every family

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a caller that was killed
            super().handle_error(request, client_address)


def _handler_for(api: SimulatedApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            api.serve(self)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the names of http.server

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of http.server
            """Say nothing: tests read ``calls``."""

    return Handler
