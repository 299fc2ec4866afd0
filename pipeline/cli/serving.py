"""Serves an ASGI application until the process is told to stop: what the commands that listen share."""

from __future__ import annotations

import socket
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.cli.exits import Exit, Stop, usage

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from pipeline.probes import Pulse

#: Connections that may wait to be taken.
_BACKLOG = 2048

#: How long open requests, streams of events among them, may go on when the server is told to stop.
GRACE = timedelta(seconds=5)

#: How often its loop says that it turns, in seconds.
BEAT_S = 1


def need_web(command: str) -> None:
    """Raise ``Stop`` if the extra ``web`` is not installed."""
    try:
        import starlette
        import uvicorn
    except ImportError as error:
        raise usage(f"{command} needs the extra web: pip install 'dramaturg[web]'") from error
    del starlette, uvicorn


def listen(host: str, port: int) -> socket.socket:
    """Give a socket that listens there, on a free port if ``port`` is 0; raises ``Stop`` if that cannot be."""
    try:
        # The protocol is said: asyncio lets small answers go at once (TCP_NODELAY) only where it is.
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        raise Stop(f"{host}:{port} cannot be listened on: {error.strerror}.", Exit.FAILED) from None
    return listening


def place_of(listening: socket.socket) -> str:
    """Give the address of a socket as it stands in a URL."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def serve(app: ASGIApp, listening: socket.socket, pulse: Pulse) -> None:
    """Serve until SIGTERM or Ctrl-C; then nothing new is taken, and open requests have ``GRACE`` to end."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # an address may hold a secret
        server_header=False,
        timeout_graceful_shutdown=int(GRACE.total_seconds()),
        callback_notify=pulse.beat_soon,
        timeout_notify=BEAT_S,
    )
    server = uvicorn.Server(config)
    pulse.stops_when(lambda: server.should_exit)
    # It ends in good order, and then raises the signal it was told to end with once more.
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
