"""What happens around an attempt, one file each; the order is here, and why.

Before the actor they run from the first to the last, after it from the last to the first. Many observe, one decides:
the classifier gives a failure its kind, the outcome turns it into the verdict, and the broker's ``ack`` commits it.
"""

from __future__ import annotations

from datetime import timedelta

from dramatiq.middleware import AsyncIO, Middleware

from middleware.circuit_breaker import CircuitBreaker
from middleware.error_classifier import ErrorClassifier
from middleware.metrics import Metrics
from middleware.model_fallback import ModelFallback
from middleware.outcome import Outcome
from middleware.progress import Progress
from middleware.run_scope import RunScope
from middleware.shutdown import Shutdown
from middleware.telemetry import Telemetry
from middleware.timeout import Timeout
from middleware.tracing import Tracing
from pipeline.models import Models


def stack(*, models: tuple[str, ...] = ("offline",), timeout: timedelta = timedelta(minutes=10)) -> list[Middleware]:
    """Give the middleware of an attempt, outermost first."""
    return [
        AsyncIO(),  # one event loop a process, for async actors
        Shutdown(),  # first: what was given back meanwhile must not start
        RunScope(Models(*models)),  # opens the run that all below share
        Metrics(),  # outside of what decides: it counts what was decided, and how long all of it took
        Tracing(),  # its span is around all below, and their log lines name it
        Telemetry(),  # times and logs what the run scope opened, whatever becomes of it
        Progress(),  # its last report goes out before the verdict is committed
        Outcome(),  # knows the failure's kind: the classifier came before it
        ModelFallback(),  # a failure that another model may not have is none: Outcome hears of a move instead
        CircuitBreaker(),  # hears what really happened, before the fallback calls it a move
        ErrorClassifier(),  # the first to see a failure: all above act on its kind
        Timeout(timeout),  # next to the actor, so that its exception can hit nothing else
    ]
