"""``webhooks``: a server that takes webhooks in, for whoever has no application of their own to mount them in."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.exits import Exit, Stop, usage

if TYPE_CHECKING:
    from starlette.applications import Starlette

#: Connections that may wait to be taken.
_BACKLOG = 2048

EXAMPLES = """\
[bold]Examples[/bold]

  DRAMATURG_WEBHOOKS_WHATSAPP_SECRET=... dramaturg webhooks
  dramaturg webhooks --port 8080
  dramaturg webhooks --host 0.0.0.0          where others reach it too

It listens on this machine only: put a proxy that speaks TLS before it. What
it listens for is said by secrets: DRAMATURG_WEBHOOKS_WHATSAPP_SECRET (and
_TOKEN), _MAILCHIMP_SECRET, _MANDRILL_KEY (and _URL), _LEADS_SECRET. Beside
each is an _OLD_SECRET, or _OLD_KEY, that holds while it is changed.

GET /healthz answers while it runs. Ctrl-C or SIGTERM: what came in is
written down, then it ends. Log lines go to stderr, one JSON object each.
GET /livez, /readyz, /startupz and /metrics at 127.0.0.1:9491.
"""


def webhooks(
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Listen there.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0 takes a free one.")] = 8787,
) -> None:
    """Take webhooks in: check who sends them, and start a run for each event."""
    try:
        import starlette
        import uvicorn
    except ImportError as error:
        raise usage("webhooks needs the extra web: pip install 'dramaturg[web]'") from error
    del starlette
    from pipeline import logs
    from pipeline.settings import Settings
    from pipeline.webhooks.settings import WebhooksSettings, sources_of

    settings = Settings.load()
    logs.configure(settings.log_level, settings.log_format, secrets=settings.secrets())
    sources = sources_of(WebhooksSettings.load())
    if not sources:
        raise usage(
            "There is nothing to listen for: set a secret, as DRAMATURG_WEBHOOKS_WHATSAPP_SECRET."
            " See: dramaturg webhooks --help"
        )
    from pipeline.cli.opening import opened
    from pipeline.cli.output import tell
    from pipeline.probes import probing
    from pipeline.webhooks import webhooks as application

    with opened(settings=settings, fit=True) as project:
        for source in sources:
            try:
                _ = source.actor
            except LookupError as error:
                raise usage(str(error)) from None
        listening = _listen(host, port)
        place = "{}:{}".format(*listening.getsockname()[:2])
        tell(f"Listening on http://{place} for {', '.join(source.name for source in sources)}")
        # No access log: an address may hold a secret.
        with probing("webhooks", project.broker.store, project.redis_url) as pulse, suppress(KeyboardInterrupt):
            config = uvicorn.Config(
                _alone(application(*sources)),
                log_config=None,
                access_log=False,
                server_header=False,
                callback_notify=pulse.beat_soon,
                timeout_notify=1,
            )
            server = uvicorn.Server(config)
            pulse.stops_when(lambda: server.should_exit)
            # It ends in good order, and then raises the signal it was told to end with once more.
            server.run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
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


def _alone(app: Starlette) -> Starlette:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Mount, Route

    async def healthy(request: Request) -> JSONResponse:
        del request
        return JSONResponse({"ok": True}, headers={"cache-control": "no-store"})

    return Starlette(routes=[Route("/healthz", healthy), Mount("/", app)])
