"""How a Redis that is fit does at the moment: for the doctor, who asks more than a worker does before it starts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import redis

from pipeline.engine.server_exposure import check_door
from pipeline.engine.server_rights import BACKUP, CALLED, DANGEROUS, SCRIPTED, denied
from pipeline.errors import Unavailable
from pipeline.finding import Finding

if TYPE_CHECKING:
    from pipeline.engine.store import Store

#: A Redis that takes longer to answer is far away, or busy; every claim and commit waits for it.
FAR_MS, VERY_FAR_MS = 10.0, 100.0

#: This machine's clock may differ from that of Redis by so much; only schedules shown here and log lines notice.
AHEAD_MS = 2_000

_ASKED = 9


def check_health(store: Store, url: str) -> list[Finding]:
    """Say how a server does that answers; raises ``Unavailable`` if it stops to."""
    client = store.client
    try:
        info: dict[str, Any] = client.info()
        return [
            *check_door(url),
            *_memory(info),
            *_saving(client, info),
            *_replicas(info),
            *_clients(info),
            _latency(client),
            _clock(client),
            *_rights(client, store.namespace),
        ]
    except redis.RedisError as error:
        raise Unavailable(f"Redis: {error}") from error


def _memory(info: dict[str, Any]) -> Iterator[Finding]:
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if limit:
        if used <= 0.7 * limit:  # more than that is told by check_server
            yield Finding("ok", f"Redis uses {_mb(used)} of the {_mb(limit)} it may.", check="redis.memory")
    elif info.get("tcp_port"):
        what = f"Redis may use all memory of its machine (maxmemory is 0), and uses {_mb(used)}."
        mend = "Set it, so that sends are refused before the system ends it: redis-cli CONFIG SET maxmemory 1gb."
        yield Finding("warning", what, mend, "redis.memory")
    else:
        yield Finding("ok", f"Redis uses {_mb(used)}.", check="redis.memory")
    ratio = float(info.get("mem_fragmentation_ratio", 1))
    if ratio > 2 and used > 256 * 1024**2:  # noqa: PLR2004 - twice what is in it
        what = f"Redis takes {ratio:.1f} times the memory that is in use."
        yield Finding("warning", what, "redis-cli CONFIG SET activedefrag yes, or restart it.", "redis.memory")


def _saving(client: redis.Redis, info: dict[str, Any]) -> Iterator[Finding]:
    if not int(info.get("aof_enabled", 0)):
        return
    if info.get("aof_last_bgrewrite_status", "ok") != "ok":
        mend = "Look in its log: a rewrite needs free disk and, for a moment, memory."
        yield Finding("warning", "The last rewrite of the append-only file failed: it grows.", mend, "redis.aof")
    if int(info.get("aof_delayed_fsync", 0)) > 0 and int(info.get("aof_pending_bio_fsync", 0)) > 1:
        what = "The disk of Redis is slower than what is written to its append-only file."
        yield Finding("warning", what, "Give it a faster disk.", "redis.aof")
    try:
        how = client.config_get("appendfsync").get("appendfsync", "everysec")
    except redis.RedisError:
        how = ""  # who may not ask is told nothing
    if how == "no":
        what = "Redis leaves it to the system when its append-only file is written (appendfsync no)."
        mend = "Set it: redis-cli CONFIG SET appendfsync everysec, and the same in redis.conf."
        yield Finding("warning", what, mend, "redis.aof")
    else:
        shown = f", {how}" if how else ""
        yield Finding("ok", f"Redis writes an append-only file{shown}.", check="redis.aof")


def _replicas(info: dict[str, Any]) -> Iterator[Finding]:
    replicas = [value for name, value in info.items() if name.startswith("slave") and isinstance(value, dict)]
    behind = [one for one in replicas if one.get("state") != "online" or int(one.get("lag", 0)) > 10]  # noqa: PLR2004 - seconds
    for one in behind:
        what = f"The replica {one.get('ip')}:{one.get('port')} is {one.get('state')} and {one.get('lag')} s behind."
        yield Finding("warning", what, "Look at its log, and at the network between the two.", "redis.replicas")
    if replicas and not behind:
        yield Finding("ok", f"{len(replicas)} replicas keep up.", check="redis.replicas")


def _clients(info: dict[str, Any]) -> Iterator[Finding]:
    connected, most = int(info.get("connected_clients", 0)), int(info.get("maxclients", 0))
    if most and connected > 0.8 * most:
        what = f"{connected:,} of {most:,} connections to Redis are in use."
        yield Finding("warning", what, "Raise maxclients, or run fewer processes.", "redis.clients")


def _latency(client: redis.Redis) -> Finding:
    took = []
    for _ in range(_ASKED):
        began = time.perf_counter()
        client.ping()
        took.append((time.perf_counter() - began) * 1000)
    median = statistics.median(took)
    what = f"Redis answers in {median:.1f} ms"
    if median <= FAR_MS:
        return Finding("ok", f"{what}.", check="redis.latency")
    mend = "Let workers run near it, and look for slow commands: redis-cli SLOWLOG GET 10."
    level = "error" if median > VERY_FAR_MS else "warning"
    return Finding(level, f"{what}: every start and end of a run waits for it.", mend, "redis.latency")  # type: ignore[arg-type] # one of the levels


def _clock(client: redis.Redis) -> Finding:
    began = time.time()
    seconds, micros = client.time()
    ended = time.time()
    there = seconds + micros / 1e6
    ahead_ms = (min(max(there, began), ended) - there) * 1000
    if abs(ahead_ms) <= AHEAD_MS:
        return Finding("ok", "The clocks of this machine and of Redis agree.", check="clock.here")
    way = "ahead of" if ahead_ms > 0 else "behind"
    what = f"This machine's clock is {abs(ahead_ms) / 1000:.1f} s {way} that of Redis, by which runs are due."
    return Finding("warning", what, "Let both keep time by NTP: timedatectl set-ntp true.", "clock.here")


def _rights(client: redis.Redis, namespace: str) -> Iterator[Finding]:
    try:
        missing = denied(client, namespace, SCRIPTED | CALLED)
        backup = denied(client, namespace, BACKUP)
        spare = set(DANGEROUS) - set(denied(client, namespace, DANGEROUS))
    except redis.ResponseError as error:
        what = f"What the user of Redis may do cannot be asked: {error}."
        yield Finding("warning", what, "See deploy/redis/users.acl for what it needs.", "redis.rights")
        return
    if missing:
        what = f"The user of Redis may not call {', '.join(missing)}, which are used here."
        yield Finding("error", what, "Allow it what deploy/redis/users.acl says.", "redis.rights")
    elif spare:
        shown = ", ".join(sorted(spare))
        told = f"The user of Redis may also call {shown}; deploy/redis/users.acl has one that may not."
        yield Finding("ok", told, check="redis.rights")
    else:
        yield Finding("ok", "The user of Redis may do what is needed, and nothing dangerous.", check="redis.rights")
    if backup and not missing:
        told = f"The user of Redis may not take backups: it lacks {', '.join(backup)}."
        yield Finding("ok", told, check="redis.rights")


def _mb(size: int) -> str:
    return f"{size / 1024**2:,.0f} MB"
