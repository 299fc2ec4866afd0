"""``webhooks``: a server that takes webhooks in, for whoever has no application of their own to mount them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.exits import usage
from pipeline.cli.serving import listen, need_web, place_of, serve

if TYPE_CHECKING:
    from starlette.applications import Starlette

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
    need_web("webhooks")
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
        names = ", ".join(source.name for source in sources)
        with listen(host, port) as listening, probing("webhooks", project.broker.store, project.redis_url) as pulse:
            tell(f"Listening on http://{place_of(listening)} for {names}")
            serve(_alone(application(*sources)), listening, pulse)


def _alone(app: Starlette) -> Starlette:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Mount, Route

    async def healthy(request: Request) -> JSONResponse:
        del request
        return JSONResponse({"ok": True}, headers={"cache-control": "no-store"})

    return Starlette(routes=[Route("/healthz", healthy), Mount("/", app)])
