"""Waits for news of some logs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import TracebackType
from typing import Self

import redis

from pipeline.errors import Unavailable


class Listener:
    """Hears of entries that are appended to logs; what was missed is in the logs themselves.

    ``announce`` asks that entries be told of from now on; it is called once this listens.
    """

    def __init__(self, client: redis.Redis, logs: Iterable[str], announce: Callable[[], object]) -> None:
        self._announce = announce
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._logs = list(logs)

    def __enter__(self) -> Self:
        try:
            self._pubsub.subscribe(*self._logs)
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error
        self._announce()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pubsub.close()

    def wait(self, timeout: timedelta) -> bool:
        """Block until there is news, at most ``timeout``; says whether there is."""
        limit = time.monotonic() + timeout.total_seconds()
        try:
            while (left := limit - time.monotonic()) > 0:
                if self._pubsub.get_message(timeout=left) is not None:
                    return True
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error
        return False
