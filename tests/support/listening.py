"""Clients of server-sent events, as small as a browser's: they take what comes, drop, and come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import uvicorn

from tests.support.waiting import eventually


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[int]:
    """Serve an application on a free local port, in a thread, and give the port."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=1, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server does not end"


@dataclass
class Answer:
    """The head of a response, and what is still to come."""

    status: int
    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def body(self) -> bytes:
        """Read the rest."""
        if "content-length" in self.headers:
            return await self.reader.readexactly(int(self.headers["content-length"]))
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the chunks of the body as they come; raises ``IncompleteReadError`` if they end too early."""
        if self.status == 204:
            return
        while size := int((await self.reader.readuntil(b"\r\n")).strip() or b"0", 16):
            yield await self.reader.readexactly(size)
            await self.reader.readexactly(2)

    async def close(self) -> None:
        """Drop the connection."""
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


async def ask(port: int, path: str, headers: dict[str, str] | None = None, *, method: str = "GET") -> Answer:
    """Make a request on a connection of its own, and read the head of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    status, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    named = dict(field.lower().split(": ", 1) for field in fields)
    return Answer(int(status.split()[1]), named, reader, writer)


@dataclass
class Browser:
    """What a page does with ``EventSource``: it remembers the last id, and applies three rules to the texts."""

    port: int
    path: str
    last_id: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    drops: int = 0
    _since: float = 0.0

    async def listen(self, *, until: float | None = None) -> bool:
        """Connect and take events until the response ends, or until a moment; says whether there is no more to come.

        ``until`` is a moment of the loop's clock at which the connection is dropped, whatever is on its way.
        """
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        answer = await ask(self.port, self.path, headers)
        self._since = time.time()
        try:
            if answer.status == 204:
                return True
            assert answer.status == 200, (answer.status, await answer.body())
            async with asyncio.timeout_at(until):
                buffer = b""
                async for chunk in answer.chunks():
                    *messages, buffer = (buffer + chunk).split(b"\n\n")
                    for message in messages:
                        self._take(message.decode())
        except TimeoutError:
            self.drops += 1
        finally:
            await answer.close()
        return False

    def _take(self, message: str) -> None:
        fields = dict(line.split(": ", 1) for line in message.splitlines() if not line.startswith(":"))
        if "data" not in fields:
            return
        self.last_id = fields.get("id", self.last_id)
        event = json.loads(fields["data"])
        self.events.append(event)
        data = event["data"]
        self.ids.append(int(self.last_id.split("~", maxsplit=1)[0]))
        if event["event"] == "gap":
            self.texts = data["texts"]
        elif event["event"] == "reset" and "stream" in data:
            self.texts[data["stream"]] = self.texts[data["stream"]][: data["to"]]
        elif event["event"] == "text":
            assert len(self.texts.get(data["stream"], "")) == data["at"], "a piece that does not follow"
            self.texts[data["stream"]] = self.texts.get(data["stream"], "") + data["text"]
            if event["at_ms"] / 1000 > self._since:  # what was missed tells nothing of how fast things are told
                self.lags.append(time.time() - event["at_ms"] / 1000)


def path_of(run_id: str, token: str, kind: str = "runs") -> str:
    """Give the address of a run's events."""
    return f"/{kind}/{run_id}/events?token={quote(token)}"
