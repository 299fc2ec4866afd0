"""``web``: one server for everything that Dramaturg serves over HTTP: the events of runs, and webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.exits import usage

if TYPE_CHECKING:
    from pipeline.webhooks import Source

EXAMPLES = """\
[bold]Examples[/bold]

  DRAMATURG_WEB_EVENTS_SECRET=... dramaturg web
  dramaturg web --port 8080
  dramaturg web --host 0.0.0.0       where others reach it too

  /events/runs/ID/events?token=...   what happens to a run, for its readers;
                                     with DRAMATURG_WEB_EVENTS_SECRET
  /webhooks/whatsapp ...             what others tell us; with their secrets:
                                     see dramaturg webhooks --help
  /healthz                           answers while it runs

Nothing is served without its secret, and it does not start with none. It
speaks plain HTTP on this machine only: put a proxy that speaks TLS before it.

Ctrl-C or SIGTERM: nothing new is taken, open requests have 5 seconds to end;
readers of events come back to the next server and go on where they were. Log
lines go to stderr, one JSON object each.
"""


def web(
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Listen there.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0 takes a free one.")] = 8686,
) -> None:
    """Serve the events of runs and take webhooks in, until told to stop."""
    from pipeline.cli.serving import need_web

    need_web("web")
    from pipeline import logs
    from pipeline.cli.opening import opened
    from pipeline.cli.output import tell
    from pipeline.cli.serving import listen, place_of, serve
    from pipeline.probes import probing
    from pipeline.settings import Settings
    from pipeline.web import WebSettings, web_app
    from pipeline.webhooks.settings import WebhooksSettings, sources_of

    settings = Settings.load()
    logs.configure(settings.log_level, settings.log_format, secrets=settings.secrets())
    tokens = WebSettings.load().tokens()
    hooks = sources_of(WebhooksSettings.load())
    if tokens is None and not hooks:
        raise usage(
            "There is nothing to serve: set DRAMATURG_WEB_EVENTS_SECRET, or a secret of webhooks."
            " See: dramaturg web --help"
        )
    with opened(settings=settings, fit=True) as project:
        _find_actors(hooks)
        parts = ["/events"] if tokens is not None else []
        parts += [f"/webhooks/{source.name}" for source in hooks]
        app = web_app(project.broker, authorize=tokens, hooks=hooks)
        with listen(host, port) as listening, probing("web", project.broker.store, project.redis_url) as pulse:
            tell(f"Listening on http://{place_of(listening)} for {', '.join(parts)}")
            serve(app, listening, pulse)
    logs.flush()


def _find_actors(hooks: list[Source]) -> None:
    for source in hooks:
        try:
            _ = source.actor
        except LookupError as error:
            raise usage(str(error)) from None
