"""Everything that Dramaturg serves over HTTP, as one ASGI application.

``/events`` streams what happens to a run to whoever has a token for it (see pipeline.event_stream), ``/webhooks`` takes
in what others tell us (see pipeline.webhooks), and ``/healthz`` says that the server runs. There is nothing that is
open to all: a part without its secret is not served.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, SecretStr

from pipeline.environment import SettingsError
from pipeline.event_stream import Authorize, Source, events_app
from pipeline.event_tokens import EventTokens
from pipeline.sections import Section

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from pipeline.webhooks import Source as WebhookSource


class WebSettings(Section):
    """What the web server serves besides webhooks."""

    prefix: ClassVar[str] = "DRAMATURG_WEB_"

    events_secret: SecretStr | None = Field(
        default=None, description="signs the tokens of those who listen to runs: 16 bytes or more"
    )

    def tokens(self) -> EventTokens | None:
        """Give what checks tokens, or none without a secret; raises ``SettingsError`` for one that is too short."""
        if self.events_secret is None:
            return None
        try:
            return EventTokens(self.events_secret.get_secret_value().encode())
        except ValueError as error:
            raise SettingsError([f"{self.prefix}EVENTS_SECRET: {error}"]) from None


def web_app(
    source: Source, *, authorize: Authorize | EventTokens | None, hooks: Sequence[WebhookSource] = ()
) -> Starlette:
    """Make the application: events if somebody is let in by ``authorize``, and webhooks of the sources in ``hooks``.

    Raises ``ValueError`` if it would serve nothing.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import BaseRoute, Mount, Route

    routes: list[BaseRoute] = []
    if authorize is not None:
        routes.append(Mount("/events", events_app(source, authorize=authorize)))
    if hooks:
        from pipeline.webhooks import webhooks

        routes.append(Mount("/webhooks", webhooks(*hooks)))
    if not routes:
        raise ValueError("there is nothing to serve: neither events nor webhooks")
    routes.append(Route("/healthz", _runs))
    return Starlette(routes=routes, exception_handlers={HTTPException: _told})


async def _runs(request: Request) -> Response:
    from starlette.responses import JSONResponse

    del request
    return JSONResponse({"ok": True}, headers={"cache-control": "no-store"})


async def _told(request: Request, error: Exception) -> Response:
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse

    del request
    assert isinstance(error, HTTPException)
    headers = {"cache-control": "no-store", **(error.headers or {})}
    return JSONResponse({"error": error.detail.lower()}, status_code=error.status_code, headers=headers)
