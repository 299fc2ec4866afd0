"""One request to a simulated provider, and the ways its connection can be answered or mistreated."""

from __future__ import annotations

import select
import socket
import struct
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal

Dialect = Literal["openai", "anthropic"]


@dataclass
class Call:
    """A request that a simulated provider received."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    #: Whether the caller went away before it was answered.
    abandoned: bool = False
    #: Whether the answer was sent whole.
    answered: bool = False

    @property
    def dialect(self) -> Dialect:
        """Which interface was spoken."""
        return "anthropic" if self.path.endswith("/messages") else "openai"

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return str(self.body.get("model", ""))

    @property
    def prompt(self) -> str:
        """What the user's messages say."""
        return "\n".join(_text(message["content"]) for message in self._messages() if message["role"] == "user")

    @property
    def instructions(self) -> str:
        """What the system's messages say."""
        said = [_text(m["content"]) for m in self._messages() if m["role"] in ("system", "developer")]
        return "\n".join([_text(self.body.get("system", "")), *said]).strip()

    @property
    def streamed(self) -> bool:
        """Whether the answer is to come as a stream of events."""
        return bool(self.body.get("stream"))

    @property
    def tool(self) -> str | None:
        """The tool the answer is to be given through, if it is."""
        tools = self.body.get("tools") or []
        if not tools:
            return None
        return str(tools[0]["name"] if self.dialect == "anthropic" else tools[0]["function"]["name"])

    def _messages(self) -> list[dict[str, Any]]:
        return list(self.body.get("messages", []))


@dataclass
class Exchange:
    """A call and the connection it came on."""

    call: Call
    handler: BaseHTTPRequestHandler
    closing: threading.Event = field(default_factory=threading.Event)

    def send(self, status: int, kind: str, payload: bytes, headers: dict[str, str] | None = None) -> None:
        """Send a whole answer."""
        self.head(status, kind, len(payload), headers)
        self.handler.wfile.write(payload)
        self.call.answered = True

    def head(self, status: int, kind: str, length: int, headers: dict[str, str] | None = None) -> None:
        """Send the status and the headers of an answer."""
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", kind)
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

    def cut(self) -> None:
        """Reset the connection: the caller sees ECONNRESET, not an orderly end."""
        connection = self.handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handler.close_connection = True
        self.handler.wfile = _Nowhere()  # type: ignore[assignment]
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


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content)
    return str(content or "")
