"""The response to one client that listens to events: it holds the client's place, and no events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from pipeline.errors import Unavailable
from pipeline.event_hub import Frame, Hub, Topic, encode
from pipeline.event_log import Place, events_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

#: A browser that lost the connection comes back after this long.
_COME_BACK_MS = 1_000

#: Bytes given to a client at once, at most, but for one event that is larger.
_CHUNK = 65_536

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]

log = structlog.get_logger(__name__)


@dataclass
class EventResponse:
    """Server-sent events of one log: ``frames`` first, and what is written after place ``end``, until it is over."""

    hub: Hub
    owner: str
    record: str
    frames: list[Frame]
    end: int
    over: Callable[[str], bool]
    patience_s: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a client that takes nothing for ``patience_s`` is cut off."""
        del scope
        topic = self.hub.join(self.owner, self.record, self.end)
        streaming = asyncio.create_task(self._stream(topic, send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({streaming, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if streaming.done():
                streaming.result()
        except TimeoutError:
            log.info("client_too_slow", record=self.record)
        finally:
            self.hub.leave(topic)
            streaming.cancel()
            leaving.cancel()
            await asyncio.gather(streaming, leaving, return_exceptions=True)

    async def _stream(self, topic: Topic, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await self._send(send, b"retry: %d\n\n" % _COME_BACK_MS)
        frames, over = self.frames, False
        while frames or not over:
            await self._give(send, frames)
            changed = topic.changed  # taken before looking, so that nothing is missed
            over = (not frames or frames[-1].last) and await self._is_over()
            if over:
                frames = await self._read()  # what was written before it ended
                continue
            frames = await self._news(topic)
            if not frames:
                await changed.wait()
                frames = await self._news(topic)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _news(self, topic: Topic) -> list[Frame]:
        frames = topic.after(self.end)
        if frames is None:
            return await self._read()
        if frames:
            self.end = frames[-1].number
        return frames

    async def _read(self) -> list[Frame]:
        try:
            part = await self.hub.read(self.record, self.end)
        except Unavailable:
            return []  # asked for again with the next sign of life
        place, self.end = Place(self.end), part.end
        return [encode(event) for event in events_of(self.owner, place, part)]

    async def _is_over(self) -> bool:
        try:
            return await self.hub.ask(self.over, self.record)
        except Unavailable:
            return False

    async def _give(self, send: Send, frames: list[Frame]) -> None:
        data = bytearray() if frames else bytearray(b":\n\n")
        for frame in frames:
            data += frame.data
            if len(data) > _CHUNK:
                await self._send(send, bytes(data))
                data.clear()
        if data:
            await self._send(send, bytes(data))

    async def _send(self, send: Send, data: bytes) -> None:
        async with asyncio.timeout(self.patience_s):
            await send({"type": "http.response.body", "body": data, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
