"""Counts every attempt: how it ended, how long it had waited and how long it took."""

from __future__ import annotations

from typing import Any

from dramatiq.middleware import Middleware

from pipeline import metrics
from pipeline.engine.delivery import Delivery


class Metrics(Middleware):
    """Reads ``delivery.kind``, ``verdict`` and when it began; writes the metrics of this process.

    A run is counted when its verdict is committed (``engine/committer.py``), not here: it may be refused there.
    """

    def __init__(self) -> None:
        metrics.adopt()

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        del broker, result, exception
        delivery: Delivery = message
        metrics.attempt_ended(delivery)
