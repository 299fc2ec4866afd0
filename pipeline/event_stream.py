"""Events over HTTP: an ASGI application of server-sent events, to be served alone or mounted in another one.

::

    tokens = EventTokens(secret)
    app.mount("/events", events_app(broker, authorize=tokens))
    address = f"/events/runs/{handle.id}/events?token={tokens.issue(handle.id)}"   # for the browser's EventSource

``GET /runs/{id}/events`` and ``GET /flows/{id}/events`` give every event as one message: its id, and the event as JSON
(``id``, ``run``, ``event``, ``at_ms``, ``data``). A client that comes back with ``Last-Event-ID``, as browsers do, or
with ``?after=``, goes on behind that event: nothing is lost and nothing comes twice. The response ends with the run;
who asks again gets 204, which tells a browser to stop. Everything else is answered in JSON: ``{"error": "..."}``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from pipeline.engine import keys
from pipeline.errors import Unavailable
from pipeline.event_hub import Hub, encode
from pipeline.event_log import ENDS, Place, events_of, told_from_the_start
from pipeline.event_response import EventResponse
from pipeline.event_tokens import EventTokens
from pipeline.events import Event

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from pipeline.engine.store import Store

#: Says whether a request may listen to a run or a flow: gets the request, "runs" or "flows", and the id.
Authorize = Callable[["Request", str, str], "bool | Awaitable[bool]"]

#: A silent connection is kept alive with a comment this often.
HEARTBEAT = timedelta(seconds=15)

#: A client that takes nothing for this long is cut off; it may come back and go on.
PATIENCE = timedelta(seconds=20)

#: Clients of one process, at most; the next is asked to come back.
MOST_CLIENTS = 5_000


class Source(Protocol):
    """Where events come from: an ``Inspector`` or the broker."""

    @property
    def store(self) -> Store:
        """The store of its runs."""


def events_app(
    source: Source,
    *,
    authorize: Authorize | EventTokens,
    heartbeat: timedelta = HEARTBEAT,
    patience: timedelta = PATIENCE,
    most_clients: int = MOST_CLIENTS,
) -> Starlette:
    """Make the application; ``authorize`` decides who may listen to what.

    ``EventTokens`` let in whoever has a token for the run, as ``?token=`` or as bearer token. All clients of a process
    share one connection that listens to Redis, and at most four that read for those who are behind.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    allowed = _by_token(authorize) if isinstance(authorize, EventTokens) else authorize
    streams = _Streams(source.store, allowed, heartbeat, patience, most_clients)
    return Starlette(
        routes=[Route("/runs/{id}/events", streams.runs), Route("/flows/{id}/events", streams.flows)],
        exception_handlers={HTTPException: _refused},
    )


class _Streams:
    """Answers requests for events."""

    def __init__(
        self, store: Store, authorize: Authorize, heartbeat: timedelta, patience: timedelta, most_clients: int
    ) -> None:
        self._store = store
        self._authorize = authorize
        self._heartbeat_s = heartbeat.total_seconds()
        self._patience_s = patience.total_seconds()
        self._most_clients = most_clients
        self._hub: Hub | None = None

    async def runs(self, request: Request) -> ASGIApp:
        run_id = request.path_params["id"]
        return await self._answer(request, "runs", run_id, keys.run(self._store.namespace, run_id))

    async def flows(self, request: Request) -> ASGIApp:
        flow_id = request.path_params["id"]
        return await self._answer(request, "flows", flow_id, keys.flow(self._store.namespace, flow_id))

    async def _answer(self, request: Request, kind: str, owner: str, record: str) -> ASGIApp:
        after = request.headers.get("last-event-id") or request.query_params.get("after", "")
        place = await self._admit(request, kind, owner, after)
        hub = self._hub_here()
        if hub.clients >= self._most_clients:
            raise _refusal(503, "Too many listen here; come back later.", retry_after=5)
        try:
            part = await hub.read(record, place.number)
        except Unavailable:
            raise _refusal(503, "Redis does not answer; come back later.", retry_after=2) from None
        if not part.state:
            raise _refusal(404, f"There is nothing under the id {owner}, or nothing any more.")
        frames = [encode(event) for event in events_of(owner, place, part)]
        if kind == "runs" and not after and not told_from_the_start(part):
            frames.insert(0, encode(Event("0", owner, "queued", part.queued_ms)))
        if not frames and part.state in ENDS:
            return _nothing(204)
        if request.method == "HEAD":
            return _nothing(200)
        return EventResponse(hub, owner, record, frames, part.end, self._patience_s)

    async def _admit(self, request: Request, kind: str, owner: str, after: str) -> Place:
        allowed = self._authorize(request, kind, owner)
        if not (await allowed if inspect.isawaitable(allowed) else allowed):
            raise _refusal(403, "You may not listen to this.")
        try:
            return Place.parse(after)
        except ValueError as error:
            raise _refusal(400, str(error)) from None

    def _hub_here(self) -> Hub:
        if self._hub is None or self._hub.loop is not asyncio.get_running_loop():
            self._hub = Hub(self._store, self._heartbeat_s)
        return self._hub


def _by_token(tokens: EventTokens) -> Authorize:
    def allowed(request: Request, kind: str, owner: str) -> bool:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        token = bearer if scheme.lower() == "bearer" else request.query_params.get("token", "")
        return tokens.allows(token, kind, owner)

    return allowed


def _nothing(status: int) -> Response:
    from starlette.responses import Response

    return Response(status_code=status, headers={"cache-control": "no-store"})


def _refusal(status: int, message: str, *, retry_after: int | None = None) -> HTTPException:
    from starlette.exceptions import HTTPException

    return HTTPException(status, message, {"retry-after": str(retry_after)} if retry_after else None)


async def _refused(request: Request, error: Exception) -> Response:
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse

    del request
    assert isinstance(error, HTTPException)
    headers = {"cache-control": "no-store", **(error.headers or {})}
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=headers)
