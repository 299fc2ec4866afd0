"""The application: who sends is checked, each event becomes a run, and the answer is given at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from pipeline.errors import ResourceExhausted, Unavailable
from pipeline.webhooks.intake import Intake
from pipeline.webhooks.settings import WebhooksSettings, sources_of
from pipeline.webhooks.signatures import (
    Envelope,
    Refused,
)
from pipeline.webhooks.sources import Source

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response


log = structlog.get_logger()

#: A body has to be here within this time, and its runs in Redis within the other; senders wait ten seconds or less.
BODY_WITHIN = timedelta(seconds=5)
ACCEPTED_WITHIN = timedelta(seconds=4)

#: Bodies that are held at the same time, in bytes; who comes next is asked to come back.
MOST_HELD = 64 * 1024 * 1024

#: A body larger than this is compared with its signature in a thread.
_LARGE = 64 * 1024


def webhooks(*sources: Source, clock: Callable[[], datetime] | None = None) -> Starlette:
    """Make the application for some sources, or for those of the settings; ``clock`` gives the time in its stead.

    Raises ``SettingsError`` for secrets that do not do, and ``ValueError`` if there is no source, or two of a name.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    known = sources or tuple(sources_of(WebhooksSettings.current()))
    if not known:
        raise ValueError("there is no source of webhooks: set a secret, as DRAMATURG_WEBHOOKS_WHATSAPP_SECRET")
    if len({source.name for source in known}) < len(known):
        raise ValueError("two sources of webhooks have the same name")
    door = _Door(clock or _now)
    routes = []
    for source in known:
        routes.append(Route(source.path, door.receiver(source), methods=["POST"]))
        if source.greet is not None:
            routes.append(Route(source.path, door.greeter(source), methods=["GET"]))
    return Starlette(routes=routes, exception_handlers={HTTPException: _told})


class _Door:
    """Lets in what proves where it comes from."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._held = 0
        self._intake: Intake | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def receiver(self, source: Source) -> Callable[[Request], object]:
        async def receive(request: Request) -> Response:
            try:
                return await self._receive(source, request)
            except Refused as refused:
                log.info("webhook_refused", source=source.name, why=str(refused))
                return _answer(refused.status, error="not found" if refused.status == 404 else str(refused))  # noqa: PLR2004 - as for any unknown path

        return receive

    def greeter(self, source: Source) -> Callable[[Request], object]:
        async def greet(request: Request) -> Response:
            from starlette.responses import PlainTextResponse

            try:
                source.scheme.look(_envelope(request), self._clock()) if "token" in request.path_params else None
            except Refused as refused:
                return _answer(refused.status, error="not found")
            said = None if source.greet is None else source.greet(request.query_params)
            if said is None:
                return _answer(403, error="the token is wrong")
            return PlainTextResponse(said, headers={"cache-control": "no-store", "x-content-type-options": "nosniff"})

        return greet

    async def _receive(self, source: Source, request: Request) -> Response:
        from starlette.requests import ClientDisconnect

        envelope = _envelope(request)
        source.scheme.look(envelope, self._clock())
        if _length(request) > source.largest:
            return _too_large(source)
        held = [0]
        try:
            async with asyncio.timeout(BODY_WITHIN.total_seconds()):
                body = await self._read(request, source.largest, held)
            if body is None:
                return _too_large(source)
            await _check(source, envelope, body)
            async with asyncio.timeout(ACCEPTED_WITHIN.total_seconds()):
                count = await self._intake_here().take(source, envelope, body)
        except ClientDisconnect:
            return _answer(400, error="the body ended too early")
        except TimeoutError:
            return _later(source, "it took too long")
        except (Unavailable, ResourceExhausted) as error:
            return _later(source, type(error).__name__)
        finally:
            self._held -= held[0]
        return _answer(200, events=count)

    async def _read(self, request: Request, largest: int, held: list[int]) -> bytes | None:
        pieces = []
        async for piece in request.stream():
            if self._held + len(piece) > MOST_HELD:
                raise Unavailable("too many bodies are held")
            held[0] += len(piece)
            self._held += len(piece)
            if held[0] > largest:
                return None
            pieces.append(piece)
        return b"".join(pieces)

    def _intake_here(self) -> Intake:
        loop = asyncio.get_running_loop()
        if self._intake is None or self._loop is not loop:
            self._intake, self._loop = Intake(), loop
        return self._intake


async def _check(source: Source, envelope: Envelope, body: bytes) -> None:
    if len(body) > _LARGE:
        await asyncio.to_thread(source.scheme.check, envelope, body)
    else:
        source.scheme.check(envelope, body)


def _now() -> datetime:
    return datetime.now(UTC)


def _envelope(request: Request) -> Envelope:
    return Envelope(request.headers, request.method, request.path_params.get("token", ""))


def _length(request: Request) -> int:
    said = request.headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else 0  # noqa: PLR2004 - what fits 64 bits


def _too_large(source: Source) -> Response:
    return _answer(413, error=f"a body of {source.name} has at most {source.largest} bytes")


def _later(source: Source, why: str) -> Response:
    log.warning("webhook_not_accepted", source=source.name, why=why)
    return _answer(503, error="nothing was accepted; try again", retry_after="2")


def _answer(status: int, *, retry_after: str = "", **told: object) -> Response:
    from starlette.responses import JSONResponse

    headers = {"cache-control": "no-store"} | ({"retry-after": retry_after} if retry_after else {})
    return JSONResponse(told, status_code=status, headers=headers)


async def _told(request: Request, error: Exception) -> Response:
    from starlette.exceptions import HTTPException

    del request
    assert isinstance(error, HTTPException)
    answer = _answer(error.status_code, error=error.detail.lower())
    answer.headers.update(error.headers or {})
    return answer
