"""A provider on the loopback address that speaks OpenAI chat completions and Anthropic messages."""

from __future__ import annotations

import json
import random
import socketserver
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from pipeline.testing.call import Call
from pipeline.testing.exchange import Behaviour, Exchange
from pipeline.testing.statuses import no_such_model

_PATHS = ("/chat/completions", "/messages")
#: The name of what answers for every model that was told nothing.
_ANY = "*"


class SimulatedProvider:
    """Serves models that do as they were told, and keeps what they were asked.

    It listens as long as the ``with`` block runs. Whatever is drawn by lot is drawn by ``seed``; ``clock`` gives the
    seconds that outages are counted in.
    """

    def __init__(self, seed: int = 0, *, clock: Callable[[], float] = time.monotonic) -> None:
        #: Every call received, in order; one that is not answered yet too.
        self.calls: list[Call] = []
        #: The most requests that were open at the same time.
        self.most_at_once = 0
        self._seed = seed
        self._clock = clock
        self._began = clock()
        self._open = 0
        self._lock = threading.Lock()
        self._plans: dict[str, _Plan] = {}
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The base URL of the OpenAI-compatible interface; Anthropic's is the same without ``/v1``."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def root(self) -> str:
        """The base URL of the Anthropic interface."""
        return self.url.removesuffix("/v1")

    def on(self, model: str, *behaviours: Behaviour) -> str:
        """Tell a model what to do, one behaviour a call, the last for all that follow; gives its name as an address.

        The model ``*`` answers for all that were told nothing.
        """
        if not behaviours:
            raise ValueError(f"on({model!r}): needs at least one behaviour")
        with self._lock:
            self._plans[model] = _Plan(list(behaviours), self._clock())
        return f"{self.url}#{model}"

    def log(self) -> str:
        """Give the calls received so far as JSON, one a line."""
        with self._lock:
            return "".join(json.dumps(call.row()) + "\n" for call in self.calls)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Treat one request as its model was told."""
        length = int(handler.headers.get("Content-Length", 0))
        body: dict[str, Any] = json.loads(handler.rfile.read(length) or b"{}")
        headers = {name.lower(): value for name, value in handler.headers.items()}
        call = Call(handler.path, body, headers, self._clock() - self._began)
        with self._lock:
            self.calls.append(call)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            exchange = Exchange(call, handler, self._closing)
            exchange.play(self._behaviour(exchange))
        except (BrokenPipeError, ConnectionResetError):
            call.abandoned = True
            handler.close_connection = True
        finally:
            with self._lock:
                self._open -= 1

    def _behaviour(self, exchange: Exchange) -> Behaviour:
        call = exchange.call
        with self._lock:
            plan = self._plans.get(call.model) or self._plans.get(_ANY)
            if plan is None or not call.path.endswith(_PATHS):
                return no_such_model()
            exchange.since = timedelta(seconds=self._clock() - plan.told_at)
            exchange.dice = random.Random(f"{self._seed}/{call.model}/{plan.turn}")  # noqa: S311 - to be repeatable
            behaviour = plan.behaviours[min(plan.turn, len(plan.behaviours) - 1)]
            plan.turn += 1
            return behaviour


class _Plan:
    def __init__(self, behaviours: list[Behaviour], told_at: float) -> None:
        self.behaviours = behaviours
        self.told_at = told_at
        self.turn = 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # http.server's own would ask for the name of the address
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment] # typed for every family


def _handler_for(provider: SimulatedProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            provider.serve(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of http.server
            """Say nothing: tests read ``calls``."""

    return Handler
