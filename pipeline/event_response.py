"""The response to one client that listens to events: it holds the client's place, and no events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from pipeline.errors import Unavailable
from pipeline.event_hub import Frame, Hub, Topic, encode
from pipeline.event_log import ENDS, Place, events_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

#: A browser that lost the connection comes back after this long.
_COME_BACK_MS = 1_000

#: Bytes given to a client at once, at most.
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
            if frames and not frames[-1].last:
                frames = await self._news(topic)
            else:
                frames, over = await self._look()
            if not frames and not over:
                await changed.wait()
                frames = await self._news(topic)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _news(self, topic: Topic) -> list[Frame]:
        frames = topic.after(self.end)
        if frames is None:
            frames, _ = await self._look()
        elif frames:
            self.end = frames[-1].number
        return frames

    async def _look(self) -> tuple[list[Frame], bool]:
        """Read what is new, and whether nothing follows it."""
        try:
            part = await self.hub.read(self.record, self.end)
        except Unavailable:
            return [], False  # asked again with the next sign of life
        place, self.end = Place(self.end), part.end
        frames = [encode(event) for event in events_of(self.owner, place, part)]
        return frames, part.state in {*ENDS, ""}

    async def _give(self, send: Send, frames: list[Frame]) -> None:
        # In slices: the server keeps one that it cannot write, and the next waits here until it could.
        data = b"".join(frame.data for frame in frames) or b":\n\n"
        for at in range(0, len(data), _CHUNK):
            await self._send(send, data[at : at + _CHUNK])

    async def _send(self, send: Send, data: bytes) -> None:
        async with asyncio.timeout(self.patience_s):
            await send({"type": "http.response.body", "body": data, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
