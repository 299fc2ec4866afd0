"""Tells what makes a Redis server unfit to keep runs, and what mends it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import redis
from redis.exceptions import NoPermissionError

from pipeline.engine.connection import own_prefix
from pipeline.engine.redis_program import OLDEST
from pipeline.engine.server_exposure import check_exposure, is_here
from pipeline.engine.server_versions import CVE, is_open, product_of, update_for
from pipeline.errors import Unavailable
from pipeline.finding import Finding

#: The exit code of a program that must be started differently: EX_CONFIG of sysexits.h.
UNFIT = 78


class UnfitRedis(Unavailable):
    """The Redis server would lose or refuse what it is given; the text says how to mend it."""


def check_server(client: redis.Redis) -> list[Finding]:
    """Look at a server and give everything that is wrong with it; a fit one gives nothing."""
    try:
        info: dict[str, Any] = client.info()
    except redis.AuthenticationError as error:
        what = f"Redis refuses the user or password: {error}."
        return [Finding("error", what, "Set them in REDIS_URL.", "redis.password")]
    except redis.BusyLoadingError:
        return [Finding("error", "Redis is loading its data.", "Wait until it is ready.", "redis.reach", passing=True)]
    except NoPermissionError as error:
        what = f"Redis does not let us ask how it is: {error}."
        return [Finding("error", what, "Allow the user what deploy/redis/users.acl says.", "redis.rights")]
    except redis.RedisError as error:
        mend = "Start it, or set REDIS_URL to one that runs."
        return [Finding("error", f"Redis does not answer: {error}.", mend, "redis.reach", passing=True)]
    return [
        *_check_version(info, here=is_here(client)),
        *_check_memory(info),
        *_check_durability(info),
        *_check_role(info),
        *check_exposure(client),
        *_check_writing(client),
    ]


def require_fit_server(client: redis.Redis, *, allow_unsafe: bool = False) -> list[Finding]:
    """Raise for errors, unless they are allowed; give the findings that were let pass.

    ``UnfitRedis`` says that somebody has to change a setting, ``Unavailable`` that it may do to try again.
    """
    findings = check_server(client)
    errors = [finding for finding in findings if finding.level == "error"]
    if not errors or allow_unsafe:
        return findings
    listed = "\n".join(f"  {finding}" for finding in errors)
    if all(finding.passing for finding in errors):
        raise Unavailable(f"This Redis cannot be used now:\n{listed}")
    raise UnfitRedis(
        f"This Redis is not fit to keep runs:\n{listed}\n"
        "To start all the same, and accept that runs may be lost, set DRAMATURG_ALLOW_UNSAFE_REDIS=1."
    )


def _check_version(info: dict[str, Any], *, here: bool = False) -> list[Finding]:
    product, text, version = product_of(info)
    if version < OLDEST:
        return [Finding("error", f"This is {product} {text}.", "Install version 7.0 or later.", "redis.version")]
    if not info.get("tcp_port"):  # on a private socket nobody else brings scripts
        return []
    verdict = is_open(info, here=here)
    if verdict in {"safe", "mended"}:
        return []
    what = f"This is {product} {text}, in which a script can run code of its own ({CVE})"
    if verdict == "open":
        return [Finding("error", f"{what}.", update_for(info), "redis.version")]
    mend = f"{update_for(info)} Until then let nobody else connect to it."
    return [Finding("warning", f"{what}, unless its distributor has mended it.", mend, "redis.version")]


def _check_memory(info: dict[str, Any]) -> list[Finding]:
    policy = info.get("maxmemory_policy", "noeviction")
    found = []
    if policy != "noeviction":
        found.append(
            Finding(
                "error",
                f"Redis evicts keys when its memory is full (maxmemory-policy is {policy}): runs would be lost.",
                "Set it: redis-cli CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.",
                "redis.policy",
            )
        )
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if limit and used > 0.7 * limit:
        found.append(
            Finding(
                "warning",
                f"Redis uses {used * 100 // limit} % of the memory it may; from 80 % on nothing new is accepted.",
                "Raise maxmemory, send large data through the blob store, or discard old runs.",
                "redis.memory",
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
                "redis.aof",
            )
        ]
    if info.get("aof_last_write_status", "ok") != "ok":
        return [
            Finding(
                "error",
                "Redis cannot write its append-only file.",
                "Look in its log: the disk may be full or read-only.",
                "redis.aof",
                passing=True,
            )
        ]
    return []


def _check_role(info: dict[str, Any]) -> list[Finding]:
    if info.get("role", "master") != "master":
        what, mend = "This Redis is a replica.", "Set REDIS_URL to its primary."
        return [Finding("error", what, mend, "redis.role", passing=True)]  # a failover may be on its way
    if int(info.get("cluster_enabled", 0)):
        what, mend = "This Redis is a cluster.", "Every key of a namespace lies on one of its nodes."
        return [Finding("warning", what, mend, "redis.role")]
    return []


def _check_writing(client: redis.Redis) -> list[Finding]:
    key, value = f"{own_prefix(client)}check:{uuid4().hex}", uuid4().hex
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
                "redis.writing",
                passing=not isinstance(error, NoPermissionError),
            )
        ]
    if read != value.encode():
        what = "Redis does not give back what was written."
        return [Finding("error", what, "Look for a proxy in between.", "redis.writing")]
    return []
