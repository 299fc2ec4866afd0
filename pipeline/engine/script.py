"""Lua files, and the shortest way to call them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from importlib.resources import files
from itertools import chain
from typing import Any

import hiredis
import redis
from redis.exceptions import NoScriptError, OutOfMemoryError

from pipeline import metrics
from pipeline.engine.steering import Misdirected
from pipeline.errors import Backpressure, NotReplicated, Unavailable

_LUA = files("pipeline.engine") / "lua"

#: What stands before a script that asks a gate, in this order.
_GATES = ("_limits", "_breakers", "_gates")

#: What a script may ask for in a line of its own, ``-- needs <name>``, and what stands before it then.
_NEEDS = {"_gates": _GATES, "_accept": ("_accept",)}

#: Scripts that bring new work, or ask whether there is room for it: refused when Redis has no memory left.
_NEEDS_ROOM = frozenset({"enqueue", "fire_schedule", "probe"})


#: Scripts after which somebody was promised something: replicas confirm them, if any have to.
_PROMISES = frozenset({"enqueue", "fire_schedule", "commit", "save_checkpoint"})


class Lines:
    """Open connections to Redis, each used by one call at a time; safe to use from all threads.

    A call through ``redis.Redis`` costs three to four times the processor time of one through its connection: pool,
    retry wrapper and metrics are gone through for every command. A connection that fails is closed, and what was on its
    way is the caller's to send again.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._free: list[Any] = []
        self._pid = os.getpid()
        route = self._pool.connection_kwargs.get("route")
        #: How many replicas have to confirm what was promised, and within how many ms.
        self.replicas: int = route.address.replicas if route else 0
        self.wait_ms: int = route.address.wait_ms if route else 0

    def call(self, *words: str | bytes | float) -> Any:
        """Make one call and give its reply; raises what redis-py raises.

        Nothing is sent twice, but for what a server refused because another has its place.
        """
        return self.calls(words)[0]

    def calls(self, *commands: Sequence[str | bytes | float]) -> list[Any]:
        """Make calls at once over one connection, and give their replies; raises the first one's error."""
        try:
            return self._calls(commands)
        except Misdirected:
            return self._calls(commands)

    def _calls(self, commands: Sequence[Sequence[str | bytes | float]]) -> list[Any]:
        if self._pid != os.getpid():  # a fork has its parent's connections: they are not its to use
            self._free, self._pid = [], os.getpid()
        try:
            connection = self._free.pop()
        except IndexError:
            connection = self._pool.connection_class(**self._pool.connection_kwargs)
        failed = None
        try:
            # typed without its own tuples of mixed words
            connection.send_packed_command([hiredis.pack_command(words) for words in commands])  # type: ignore[arg-type]
            replies = []
            for _ in commands:
                try:
                    replies.append(connection.read_response(disable_decoding=True))
                except redis.ResponseError as error:
                    failed = failed or error
                    replies.append(None)
        except BaseException:
            # Where one is dead the others are, as a rule: nobody is to find that out one failed call after another.
            self._free, dead = [], [connection, *self._free]
            for one in dead:
                one.disconnect()
            raise
        self._free.append(connection)
        if failed is not None:
            raise failed
        return replies


class Script:
    """One Lua file, called by its digest and sent anew to a Redis that does not know it."""

    def __init__(self, lines: Lines, name: str, prefix: str) -> None:
        self._lines = lines
        self._prefix = prefix
        self._name = name
        self._replicas = lines.replicas if name in _PROMISES else 0
        body = (_LUA / f"{name}.lua").read_text()
        needed = (names for need, names in _NEEDS.items() if f"\n-- needs {need}\n" in body)
        preludes = ["_shared", *chain.from_iterable(needed)]
        # What was accepted is finished however full Redis is; a verdict or a sweep that it refused would keep it full.
        head = "" if name in _NEEDS_ROOM else "#!lua flags=allow-oom\n"
        self._source = head + "".join((_LUA / f"{prelude}.lua").read_text() for prelude in preludes) + body
        self._digest = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, *args: str | bytes | float) -> Any:
        """Run it; raises ``Unavailable`` if Redis does not answer, its subclasses if it answers no."""
        began = time.monotonic()
        try:
            try:
                return self._send("EVALSHA", self._digest, 1, self._prefix, *args)
            except NoScriptError:
                return self._send("EVAL", self._source, 1, self._prefix, *args)
        except redis.RedisError as error:
            if str(error).startswith("BACKPRESSURE") or isinstance(error, OutOfMemoryError):
                metrics.count("dramaturg_redis_errors_total", "backpressure")
                raise Backpressure(str(error).removeprefix("BACKPRESSURE ")) from error
            metrics.count("dramaturg_redis_errors_total", "unavailable")
            raise Unavailable(f"Redis: {error}") from error
        finally:
            metrics.observe("dramaturg_redis_script_duration_seconds", time.monotonic() - began, self._name)

    def _send(self, *words: str | bytes | float) -> Any:
        wanted = self._replicas
        if not wanted:
            return self._lines.call(*words)
        # Replicas confirm what a connection wrote. A call that is made again writes nothing, and what it wrote before
        # would not be waited for: the mark is behind it in any case.
        mark = ("SET", f"{self._prefix}kept", 1)
        reply, _, confirmed = self._lines.calls(words, mark, ("WAIT", wanted, self._lines.wait_ms))
        if confirmed < wanted:
            raise NotReplicated(
                f"Redis: written, and {confirmed} of {wanted} replicas confirmed it within {self._lines.wait_ms} ms"
            )
        return reply
