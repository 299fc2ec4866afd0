"""A provider on the loopback address that speaks OpenAI chat completions and Anthropic messages."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.providers.behaviours import Behaviour, no_such_model
from tests.providers.exchange import Call, Exchange

_PATHS = ("/chat/completions", "/messages")


class SimulatedProvider:
    """Serves models that do as they were told, and keeps what they were asked."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        #: The most requests that were open at the same time.
        self.most_at_once = 0
        self._open = 0
        self._lock = threading.Lock()
        self._plans: dict[str, list[Behaviour]] = {}
        self._turns: dict[str, int] = defaultdict(int)
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
        """Tell a model what to do, one behaviour a call, the last for all that follow; gives its name as an address."""
        self._plans[model] = list(behaviours)
        self._turns[model] = 0
        return f"{self.url}#{model}"

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
        call = Call(handler.path, body, {name.lower(): value for name, value in handler.headers.items()})
        with self._lock:
            self.calls.append(call)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            self._behaviour(call).play(Exchange(call, handler, self._closing))
        except (BrokenPipeError, ConnectionResetError):
            call.abandoned = True
            handler.close_connection = True
        finally:
            with self._lock:
                self._open -= 1

    def _behaviour(self, call: Call) -> Behaviour:
        with self._lock:
            plan = self._plans.get(call.model)
            if plan is None or not call.path.endswith(_PATHS):
                return no_such_model()
            turn = self._turns[call.model]
            self._turns[call.model] = turn + 1
            return plan[min(turn, len(plan) - 1)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _handler_for(provider: SimulatedProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            provider.serve(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of http.server
            """Say nothing: tests read ``calls``."""

    return Handler
