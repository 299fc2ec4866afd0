"""Lua files, and the shortest way to call them."""

from __future__ import annotations

import hashlib
import os
from importlib.resources import files
from itertools import chain
from typing import Any

import hiredis
import redis
from redis.exceptions import NoScriptError, OutOfMemoryError

from pipeline.errors import Backpressure, Unavailable

_LUA = files("pipeline.engine") / "lua"

#: What stands before a script that asks a gate, in this order.
_GATES = ("_limits", "_breakers", "_gates")

#: What a script may ask for in a line of its own, ``-- needs <name>``, and what stands before it then.
_NEEDS = {"_gates": _GATES, "_accept": ("_accept",)}

#: Scripts that bring new work, and are refused when Redis has no memory left.
_NEEDS_ROOM = frozenset({"enqueue", "fire_schedule"})


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

    def call(self, *words: str | bytes | float) -> Any:
        """Make one call and give its reply; raises what redis-py raises, and never sends anything twice."""
        if self._pid != os.getpid():  # a fork has its parent's connections: they are not its to use
            self._free, self._pid = [], os.getpid()
        try:
            connection = self._free.pop()
        except IndexError:
            connection = self._pool.connection_class(**self._pool.connection_kwargs)
        try:
            packed = hiredis.pack_command(words)  # type: ignore[arg-type] # typed without its own tuples of mixed words
            connection.send_packed_command([packed])
            reply = connection.read_response(disable_decoding=True)
        except redis.ResponseError:
            self._free.append(connection)
            raise
        except BaseException:
            # Where one is dead the others are, as a rule: nobody is to find that out one failed call after another.
            self._free, dead = [], [connection, *self._free]
            for one in dead:
                one.disconnect()
            raise
        self._free.append(connection)
        return reply


class Script:
    """One Lua file, called by its digest and sent anew to a Redis that does not know it."""

    def __init__(self, lines: Lines, name: str, prefix: str) -> None:
        self._lines = lines
        self._prefix = prefix
        body = (_LUA / f"{name}.lua").read_text()
        needed = (names for need, names in _NEEDS.items() if f"\n-- needs {need}\n" in body)
        preludes = ["_shared", *chain.from_iterable(needed)]
        # What was accepted is finished however full Redis is; a verdict or a sweep that it refused would keep it full.
        head = "" if name in _NEEDS_ROOM else "#!lua flags=allow-oom\n"
        self._source = head + "".join((_LUA / f"{prelude}.lua").read_text() for prelude in preludes) + body
        self._digest = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, *args: str | bytes | float) -> Any:
        try:
            try:
                return self._lines.call("EVALSHA", self._digest, 1, self._prefix, *args)
            except NoScriptError:
                return self._lines.call("EVAL", self._source, 1, self._prefix, *args)
        except redis.RedisError as error:
            if str(error).startswith("BACKPRESSURE") or isinstance(error, OutOfMemoryError):
                raise Backpressure(str(error).removeprefix("BACKPRESSURE ")) from error
            raise Unavailable(f"Redis: {error}") from error
