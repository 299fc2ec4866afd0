"""Turns checked bodies into runs: many requests share one call of Redis, and nothing of it holds up the event loop."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from pipeline.blobs import get_blobs
from pipeline.declaration import DECLARED
from pipeline.errors import InvalidInput, Unavailable
from pipeline.sending import Send
from pipeline.tracing.context import Carried, carry, of_request
from pipeline.webhooks.signatures import Envelope
from pipeline.webhooks.sources import Source, Unreadable

if TYPE_CHECKING:
    from pipeline.actor import Actor
    from pipeline.engine.records import NewRun

#: An event that comes again within this time starts nothing, however its run ended; Meta tries for seven days.
REMEMBERED = timedelta(days=8)

#: The actor that stands for a body, or an event, that was signed rightly and cannot be read.
UNREADABLE = "webhook.unreadable"

#: Threads that write, bodies that one of them takes at once, and bodies that may wait for them.
_WRITERS = 4
_AT_ONCE = 256
_WAITING = 4_000


@dataclass(frozen=True, slots=True)
class _Delivery:
    source: Source
    envelope: Envelope
    body: bytes
    accepted: asyncio.Future[int]


class Intake:
    """Accepts bodies for one event loop."""

    def __init__(self) -> None:
        self._pending: list[_Delivery] = []
        self._writers: set[asyncio.Task[None]] = set()
        self._pool = ThreadPoolExecutor(_WRITERS, "webhooks")

    async def take(self, source: Source, envelope: Envelope, body: bytes) -> int:
        """Start the runs of a body, and say how many events it holds, those that were here before too.

        Raises ``Unavailable`` if Redis does not take them, or too many bodies wait for it: the sender tries again.
        """
        if len(self._pending) >= _WAITING:
            raise Unavailable("too many webhooks wait to be written down")
        loop = asyncio.get_running_loop()
        accepted: asyncio.Future[int] = loop.create_future()
        self._pending.append(_Delivery(source, envelope, body, accepted))
        if len(self._writers) < _WRITERS:
            writer = loop.create_task(self._write(loop))
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await accepted

    async def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._pending:
            taken, self._pending = self._pending[:_AT_ONCE], self._pending[_AT_ONCE:]
            batch = [delivery for delivery in taken if not delivery.accepted.done()]
            outcomes: Sequence[int | Exception]
            try:
                outcomes = await loop.run_in_executor(self._pool, accept, batch)
            except Exception as error:  # noqa: BLE001 - each request that waits is told, whatever it is
                outcomes = [error] * len(batch)
            for delivery, outcome in zip(batch, outcomes, strict=True):
                if delivery.accepted.done():
                    continue
                if isinstance(outcome, Exception):
                    delivery.accepted.set_exception(outcome)
                else:
                    delivery.accepted.set_result(outcome)


def accept(deliveries: Sequence[_Delivery]) -> list[int | Exception]:
    """Start one run for each event that is new, in one call; gives how many events each body holds, or what failed."""
    runs: list[NewRun] = []
    outcomes: list[int | Exception] = []
    for delivery in deliveries:
        try:
            found = list(_runs(delivery.source, delivery.envelope, delivery.body))
        except Exception as error:  # noqa: BLE001 - the other bodies have nothing to do with it; its sender is told
            outcomes.append(error)
        else:
            runs += found
            outcomes.append(len(found))
    if runs:
        DECLARED[runs[0].actor].broker.accept(runs)
    return outcomes


def _runs(source: Source, envelope: Envelope, body: bytes) -> Iterator[NewRun]:
    actor, asked = source.actor, of_request(envelope.headers)
    try:
        arrivals = list(source.read(envelope, body))
    except Unreadable as error:
        yield _kept(source, body, str(error), asked)
        return
    for arrival in arrivals:
        try:
            yield _run(actor, source.key(arrival.id), arrival.payload, asked)
        except (InvalidInput, TypeError, ValueError) as error:
            # The latter two are how pydantic and orjson tell that something is nested too deep.
            why = str(error) if isinstance(error, InvalidInput) else f"an event cannot be written down: {error}"
            yield _kept(source, _bytes(arrival.payload) or body, why, asked)


def _run(actor: Actor[Any, Any], key: str, payload: Any, asked: Carried) -> NewRun:
    """Make the run of an event; it belongs to the trace of the request, and to its number if it has one."""
    options: dict[str, Any] = {}
    carry(options, asked.trace)
    correlation_id = asked.correlation_id or key
    return actor.new_run(
        Send(
            payload=payload,
            key=key,
            mode="throttle",
            period=REMEMBERED,
            correlation_id=correlation_id,
            options=options,
        )
    )


def _kept(source: Source, original: bytes, why: str, asked: Carried) -> NewRun:
    """Keep what cannot be read, as a run that ends among the dead letters; a second delivery is the same run."""
    sha = get_blobs().put(original)
    told = {"source": source.name, "why": why[:500], "original": sha, "size": len(original)}
    return _run(DECLARED[UNREADABLE], source.key(f"unreadable:{hashlib.sha256(original).hexdigest()}"), told, asked)


def _bytes(payload: Any) -> bytes:
    try:
        return orjson.dumps(payload)
    except TypeError:
        return b""
