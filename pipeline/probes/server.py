"""A small HTTP server for probes: any number of ports, one thread that accepts, one for each open connection."""

from __future__ import annotations

import errno
import selectors
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler
from typing import Any, Self, cast

import structlog

from pipeline.probes.checks import Route
from pipeline.probes.guests import Guests

#: How long a client may say nothing, or take nothing.
PATIENCE = timedelta(seconds=2)

#: The longest head of a request, in bytes.
LONGEST_HEAD = 16 * 1024

_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = structlog.get_logger(__name__)


class ProbeServer:
    """Listens from the moment it is made, and answers once it is started; in daemon threads of its own.

    ``ports`` are what is answered where; 0 takes a free one. Raises ``OSError`` where a port cannot be had.
    """

    def __init__(self, host: str, ports: Mapping[int, Mapping[str, Route]]) -> None:
        self._guests = Guests()
        self._listeners: list[_Listener] = []
        self._ending, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="probes", daemon=True)
        try:
            for port, routes in ports.items():
                self._listeners.append(_Listener(host, port, routes, self._guests))
        except OSError:
            self.close()
            raise

    @property
    def ports(self) -> list[int]:
        """Where it listens, in the order they were given."""
        return [listener.socket.getsockname()[1] for listener in self._listeners]

    def start(self) -> Self:
        """Answer from now on."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Listen no more."""
        if self._thread.is_alive():
            self._end.send(b".")
            self._thread.join()
        for listener in self._listeners:
            listener.server_close()
        self._ending.close()
        self._end.close()
        self._guests.part(all_of_them=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._ending, selectors.EVENT_READ)
            for listener in self._listeners:
                selector.register(listener, selectors.EVENT_READ, listener)
            while True:
                for key, _ in selector.select(1.0 if self._guests else None):
                    if key.data is None:
                        return
                    key.data.handle_request()
                self._guests.part()


class _Listener(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 128
    timeout = 0  # whoever calls knows that somebody is there

    def __init__(self, host: str, port: int, routes: Mapping[str, Route], guests: Guests) -> None:
        try:
            self.address_family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        except socket.gaierror as error:
            raise OSError(error.errno, error.strerror) from error
        self.routes = routes
        self._guests = guests
        super().__init__(cast("tuple[str, int]", address), _Conversation)
        self.socket.setblocking(False)  # a client may be gone before it is taken in

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._guests.part(all_of_them=True)
                time.sleep(0.05)  # whoever waits is still there then
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        self._guests.welcome(request)
        try:
            threading.Thread(target=self._attend, args=(request, client_address), name="probe", daemon=True).start()
        except RuntimeError:  # no thread is to be had
            self._guests.gone(request)
            raise

    def _attend(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError as error:  # the client went away, or was too slow: that is its own affair
            log.debug("probe_unheard", why=str(error))
        except Exception:
            log.exception("probe_failed")
        finally:
            self._guests.gone(request)
            self.shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address
        log.warning("probe_refused", why=str(sys.exc_info()[1]))


class _Conversation(BaseHTTPRequestHandler):
    """One request; what cannot be answered gets a short word that repeats nothing of what was said."""

    timeout = PATIENCE.total_seconds()
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.rfile = cast("Any", _Sips(self.rfile, LONGEST_HEAD))

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        route = self.server.routes.get(self.path.partition("?")[0])
        if route is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        status, kind, body = route(self.headers.get("accept", ""))
        self._send(status, kind, body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        del message, explain
        wrong_method = code == HTTPStatus.NOT_IMPLEMENTED
        status = HTTPStatus.METHOD_NOT_ALLOWED if wrong_method else HTTPStatus(code)
        allow = {"Allow": "GET, HEAD"} if wrong_method else {}
        self._send(status, "text/plain", f"{status.phrase}\n".encode(), allow)

    def _send(self, status: int, kind: str, body: bytes, more: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        head = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        for name, value in {**head, "X-Content-Type-Options": "nosniff", **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return "dramaturg"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: a probe asks every few seconds."""


class _Sips:
    """The head of a request, up to a size."""

    def __init__(self, file: Any, most: int) -> None:
        self._file, self._left = file, most

    def readline(self, size: int = -1) -> bytes:
        if self._left <= 0:
            raise LineTooLong("head")
        line: bytes = self._file.readline(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(line)
        return line

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()
