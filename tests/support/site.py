"""A web site on loopback, as good or as bad as a test wants it, and a canary that counts who connects."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Page = Callable[[BaseHTTPRequestHandler], None]


class Site:
    """Serves pages by path; every request is kept with its headers in lower case."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                page = site.pages.get(self.path.partition("?")[0], missing)
                try:
                    page(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                del request, client_address  # a client that went away, or would not have the certificate

        self._server = Server((host, 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


def page(body: bytes = b"", status: int = 200, **headers: str) -> Page:
    """A page with a body; ``content_type`` and the like are headers."""

    def show(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return show


def redirect(location: str, status: int = 302) -> Page:
    """A page that is elsewhere."""
    return page(b"", status, location=location)


def missing(handler: BaseHTTPRequestHandler) -> None:
    page(b"no such page", 404)(handler)


def streamed(blocks: Iterator[bytes], pause: Callable[[], None] = lambda: None, **headers: str) -> Page:
    """A page of unknown length that ends when the connection does."""

    def show(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in {"connection": "close", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        for block in blocks:
            handler.wfile.write(block)
            handler.wfile.flush()
            pause()
        handler.close_connection = True

    return show


class Connects:
    """Every connect that this process tries, wherever to: seen by the interpreter itself."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.watching = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self.watching and event == "socket.connect":
            self.seen.append(args[1])

    @contextmanager
    def watched(self) -> Iterator[list[Any]]:
        """Give the connects that are tried from here on."""
        self.seen, self.watching = [], True
        try:
            yield self.seen
        finally:
            self.watching = False
