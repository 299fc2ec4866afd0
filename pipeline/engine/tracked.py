"""A connection to Redis that hears of every change of the keys it reads, in order with its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, cast

import redis

from pipeline.errors import AuthFailed, Transient, Unavailable

#: What stands for a change in place of an answer.
_TOLD = object()


class Everything(Transient):
    """All keys were removed at once while they were read."""


class Tracked:
    """One connection; ``changed`` is called with each key under the prefix that changed since the last answer.

    Redis tells of a change before it answers what is asked after it. So once an answer is here, every change that was
    made before the question came in has been told.
    """

    def __init__(self, client: redis.Redis, prefix: bytes, changed: Callable[[bytes], object]) -> None:
        pool = client.connection_pool
        self._connection: Any = pool.connection_class(**pool.connection_kwargs)
        self._prefix = prefix
        self._changed = changed
        self._emptied = False

    def __enter__(self) -> Self:
        try:
            self._connection.connect()
            self._connection._parser.set_invalidation_push_handler(self._hear)  # noqa: SLF001 - redis-py's own cache does so
            self.ask("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", self._prefix)
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.disconnect()

    def ask(self, *words: str | bytes | float) -> Any:
        """Ask one question; raises ``AuthFailed`` for what this user may not, ``Unavailable`` if nothing answers."""
        (reply,) = self.ask_all([words])
        if isinstance(reply, redis.RedisError):
            if isinstance(reply, redis.exceptions.NoPermissionError):
                raise AuthFailed(
                    f"The user of REDIS_URL may not take a copy of Redis ({reply}). "
                    "Allow it: +client|tracking +client|pause +client|unpause +scan."
                ) from reply
            raise Unavailable(f"Redis: {reply}") from reply
        return reply

    def ask_all(self, questions: Sequence[Sequence[str | bytes | float]]) -> list[Any]:
        """Ask several questions at once; one that is refused is answered with its error."""
        try:
            self._connection.send_packed_command(self._connection.pack_commands(questions))
            return [self._answer() for _ in questions]
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error

    @contextmanager
    def held_still(self, limit_ms: int) -> Iterator[Callable[[], bool]]:
        """Keep everybody from writing for at most ``limit_ms``; gives what says whether that still holds.

        Redis ends it by itself when the time is over, whatever becomes of this process.
        """
        began_ms = self.now_ms()
        self.ask("CLIENT", "PAUSE", limit_ms, "WRITE")
        self.ask("PING")  # what was written before has been told when this is answered
        try:
            yield lambda: self.now_ms() < began_ms + limit_ms
        finally:
            self.ask("CLIENT", "UNPAUSE")

    def now_ms(self) -> int:
        """Give the time of Redis."""
        seconds, micros = self.ask("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def _answer(self) -> Any:
        # redis-py calls itself to read on after each change: a thousand in a row are deeper than Python goes.
        while True:
            try:
                found = self._connection.read_response(disable_decoding=True, push_request=True)
            except redis.ResponseError as error:
                return error
            if self._emptied:
                raise Everything("All keys of Redis were removed while they were copied.")
            if found is not _TOLD:
                return found

    def _hear(self, message: list[Any]) -> object:
        # Nothing is raised here: redis-py would log it, and go on.
        if message[1] is None:
            self._emptied = True
            return _TOLD
        for key in cast("list[bytes]", message[1]):
            self._changed(key)
        return _TOLD
