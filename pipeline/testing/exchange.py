"""A call and the connection it came on, and the ways that connection can be answered or mistreated."""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Protocol

from pipeline.testing.call import Call

_NO_TIME = timedelta()


class Behaviour(Protocol):
    """One way to treat a request."""

    def play(self, exchange: Exchange) -> None:
        """Answer the request, or do not."""


@dataclass
class Exchange:
    """A call and its connection; ``since`` is how long ago its model was told what to do, by the provider's clock.

    ``dice`` fall by the provider's seed, the model and the number of the call, whatever else is going on.
    """

    call: Call
    handler: BaseHTTPRequestHandler
    closing: threading.Event = field(default_factory=threading.Event)
    since: timedelta = _NO_TIME
    dice: random.Random = field(default_factory=random.Random)

    def play(self, behaviour: Behaviour) -> None:
        """Treat the request in this way, and write that down."""
        self.call.behaviour = type(behaviour).__name__
        behaviour.play(self)

    def send(self, status: int, kind: str, payload: bytes, headers: dict[str, str] | None = None) -> None:
        """Send a whole answer."""
        self.head(status, kind, len(payload), headers)
        self.call.answered = True  # before whoever asked can have read it and look
        try:
            self.write(payload)
        except OSError:
            self.call.answered = False
            raise

    def stream(self, pieces: Iterable[bytes], every: timedelta = _NO_TIME, *, whole: bool = True) -> bool:
        """Send events one by one, each after a wait, without an end if not ``whole``; False if the caller went away."""
        self.head(200, "text/event-stream", None)
        for piece in pieces:
            if every and not self.wait(every):
                return False
            self.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if whole:
            self.write(b"0\r\n\r\n")
        self.call.answered = whole
        return True

    def head(self, status: int, kind: str, length: int | None, headers: dict[str, str] | None = None) -> None:
        """Send the status and the headers of an answer; without a length it comes in chunks."""
        self.call.status = status
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", kind)
        if length is None:
            self.handler.send_header("Transfer-Encoding", "chunked")
        else:
            self.handler.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.handler.send_header(name, value)
        self.handler.end_headers()

    def write(self, piece: bytes) -> None:
        """Send a piece of the body."""
        self.handler.wfile.write(piece)
        self.handler.wfile.flush()

    def wait(self, duration: timedelta | None) -> bool:
        """Wait (for ever, if None); False as soon as the caller goes away or the provider closes."""
        slices = 10**9 if duration is None else max(1, round(duration / timedelta(milliseconds=10)))
        for _ in range(slices):
            if self.closing.wait(0.01):
                return False
            if self._gone():
                self.call.abandoned = True
                return False
        return True

    def end(self) -> None:
        """Close the connection in good order, whatever was promised."""
        self.handler.close_connection = True

    def cut(self) -> None:
        """Reset the connection: the caller sees ECONNRESET, not an orderly end."""
        connection = self.handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handler.close_connection = True
        self.handler.wfile = _Nowhere()  # type: ignore[assignment] # all that http.server still does with it
        self.handler.rfile.close()
        connection.close()

    def _gone(self) -> bool:
        connection = self.handler.connection
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)


class _Nowhere:
    closed = False

    def write(self, piece: bytes) -> int:
        return len(piece)

    def flush(self) -> None:
        return

    def close(self) -> None:
        return
