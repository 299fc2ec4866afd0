"""Tells what makes a Redis server unfit to keep runs, and what mends it."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import redis

from pipeline.engine.redis_program import OLDEST
from pipeline.errors import Unavailable
from pipeline.finding import Finding

#: The first versions without CVE-2025-49844 (a script can run code of its own), by release line.
_PATCHED = {
    "redis": {(7, 2): (7, 2, 11), (7, 4): (7, 4, 6), (8, 0): (8, 0, 4), (8, 2): (8, 2, 2)},
    "valkey": {(7, 2): (7, 2, 11), (8, 0): (8, 0, 6), (8, 1): (8, 1, 4)},
}
_NEWEST_AFFECTED = {"redis": (8, 2), "valkey": (8, 1)}


class UnfitRedis(Unavailable):
    """The Redis server would lose or refuse what it is given; the text says how to mend it."""


def check_server(client: redis.Redis) -> list[Finding]:
    """Look at a server and give everything that is wrong with it; a fit one gives nothing."""
    try:
        info: dict[str, Any] = client.info()
    except redis.AuthenticationError as error:
        return [Finding("error", f"Redis refuses the user or password: {error}.", "Set them in REDIS_URL.")]
    except redis.BusyLoadingError:
        return [Finding("error", "Redis is loading its data.", "Wait until it is ready.")]
    except redis.RedisError as error:
        return [Finding("error", f"Redis does not answer: {error}.", "Start it, or set REDIS_URL to one that runs.")]
    return [
        *_check_version(info),
        *_check_memory(info),
        *_check_durability(info),
        *_check_role(info),
        *_check_writing(client),
    ]


def require_fit_server(client: redis.Redis, *, allow_unsafe: bool = False) -> list[Finding]:
    """Raise ``UnfitRedis`` for errors, unless they are allowed; give the findings that were let pass."""
    findings = check_server(client)
    errors = [finding for finding in findings if finding.level == "error"]
    if errors and not allow_unsafe:
        listed = "\n".join(f"  {finding}" for finding in errors)
        raise UnfitRedis(
            f"This Redis is not fit to keep runs:\n{listed}\n"
            "To start all the same, and accept that runs may be lost, set DRAMATURG_ALLOW_UNSAFE_REDIS=1."
        )
    return findings


def _check_version(info: dict[str, Any]) -> list[Finding]:
    product = "valkey" if "valkey_version" in info else "redis"
    text = str(info.get(f"{product}_version", "0"))
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    version = (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)
    if version < OLDEST:
        return [Finding("error", f"This is {product} {text}.", "Install version 7.0 or later.")]
    line = version[:2]
    patched = _PATCHED[product].get(line)
    affected = version < patched if patched else line <= _NEWEST_AFFECTED[product]
    if affected and info.get("tcp_port"):  # on a private socket nobody else brings scripts
        mend = f"Update to {'.'.join(map(str, patched))} or later." if patched else "Update to a later release line."
        return [
            Finding(
                "warning",
                f"This is {product} {text}, in which a script can run code of its own (CVE-2025-49844), "
                "unless its distributor has mended it.",
                f"{mend} Until then let nobody else connect to it.",
            )
        ]
    return []


def _check_memory(info: dict[str, Any]) -> list[Finding]:
    policy = info.get("maxmemory_policy", "noeviction")
    found = []
    if policy != "noeviction":
        found.append(
            Finding(
                "error",
                f"Redis evicts keys when its memory is full (maxmemory-policy is {policy}): runs would be lost.",
                "Set it: redis-cli CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.",
            )
        )
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if limit and used > 0.7 * limit:
        found.append(
            Finding(
                "warning",
                f"Redis uses {used * 100 // limit} % of the memory it may; from 80 % on nothing new is accepted.",
                "Raise maxmemory, send large data through the blob store, or discard old runs.",
            )
        )
    return found


def _check_durability(info: dict[str, Any]) -> list[Finding]:
    if not int(info.get("aof_enabled", 0)):
        return [
            Finding(
                "error",
                "Redis keeps no append-only file: a restart would lose runs.",
                "Turn it on: redis-cli CONFIG SET appendonly yes, and the same in redis.conf.",
            )
        ]
    if info.get("aof_last_write_status", "ok") != "ok":
        return [
            Finding(
                "error",
                "Redis cannot write its append-only file.",
                "Look in its log: the disk may be full or read-only.",
            )
        ]
    return []


def _check_role(info: dict[str, Any]) -> list[Finding]:
    if info.get("role", "master") != "master":
        return [Finding("error", "This Redis is a replica.", "Set REDIS_URL to its primary.")]
    if int(info.get("cluster_enabled", 0)):
        return [Finding("warning", "This Redis is a cluster.", "Every key of a namespace lies on one of its nodes.")]
    return []


def _check_writing(client: redis.Redis) -> list[Finding]:
    key, value = f"dramaturg:check:{uuid4().hex}", uuid4().hex
    try:
        client.set(key, value, px=5_000)
        read = client.get(key)
        client.delete(key)
        client.eval("return redis.call('TIME')", 0)
    except redis.RedisError as error:
        return [
            Finding(
                "error",
                f"Redis cannot be written or does not run scripts: {error}.",
                "Allow the user every command on our keys, and see that Redis has memory and disk left.",
            )
        ]
    if read != value.encode():
        return [Finding("error", "Redis does not give back what was written.", "Look for a proxy in between.")]
    return []
