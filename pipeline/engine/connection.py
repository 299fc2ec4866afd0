"""The one way a client of Redis is made here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import redis
from redis.connection import ConnectionPool, parse_url
from redis.maint_notifications import MaintNotificationsConfig

from pipeline.engine.address import Address
from pipeline.engine.steering import (
    OnceAgain,
    Route,
    Slotted,
    SteeredConnection,
    SteeredSocketConnection,
    SteeredTlsConnection,
    Watched,
)

#: How long a call that does not block may take before it counts as lost.
CALL_TIMEOUT = timedelta(seconds=5)

#: How long opening a connection may take; less where there are other servers to try.
CONNECT_TIMEOUT = timedelta(seconds=5)
_NEXT_TIMEOUT = timedelta(seconds=2)

#: After this much silence a connection is tried with a PING before a command is trusted to it.
IDLE_CHECK = timedelta(seconds=30)

#: More than any process has threads; past it a call fails instead of opening yet another connection.
MAX_CONNECTIONS = 1024

_CLASSES = {"redis": SteeredConnection, "rediss": SteeredTlsConnection, "unix": SteeredSocketConnection}


def connect(url: str, *, blocking: bool = False, name: str = "dramaturg") -> redis.Redis:
    """Make a client that never sends a command twice; it connects at its first call.

    ``url`` is any form that ``pipeline.engine.address`` reads; behind Sentinels and in a cluster every new connection
    goes to the server that has the data at that moment. A command that a server refused, since another has its place
    now, was not run, and goes to the other.

    A client for ``blocking`` calls has no read timeout: the blocking call carries its own, and TCP keep-alive
    finds a peer that is gone. Every other call fails after five seconds, and the caller, who knows whether
    the call may be repeated, repeats it.
    """
    address = Address.of(url)
    said = parse_url(address.options)  # type: ignore[no-untyped-call] # redis-py's
    said.pop("connection_class", None)
    if address.kind != "server":  # which server it is, is found out at every connection
        del said["host"], said["port"]
    patience = CONNECT_TIMEOUT if address.kind == "server" else _NEXT_TIMEOUT
    options: dict[str, Any] = {
        "protocol": 3,
        "retry": OnceAgain(),
        "retry_on_error": [],
        "socket_timeout": None if blocking else CALL_TIMEOUT.total_seconds(),
        "socket_connect_timeout": patience.total_seconds(),
        "health_check_interval": 0 if blocking else int(IDLE_CHECK.total_seconds()),
        "client_name": name,
        # Both would cost every new connection round trips that nothing here makes use of.
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        **said,
    }
    pool = ConnectionPool(
        connection_class=_CLASSES[address.options.partition(":")[0]],
        max_connections=MAX_CONNECTIONS,
        route=_route(address, said),
        **options,
    )
    return redis.Redis.from_pool(pool)


def aim(client: redis.Redis, namespace: str) -> None:
    """Say whose keys a client is for; of a cluster it goes to the node that serves them, whatever it calls."""
    route = client.connection_pool.connection_kwargs.get("route")
    if route is not None and route.address.kind == "cluster":
        route.address = replace(route.address, namespace=namespace)


def own_prefix(client: redis.Redis) -> str:
    """Give what a key begins with that is asked about the server itself: in a cluster it has to lie with ours."""
    route = client.connection_pool.connection_kwargs.get("route")
    return f"{{{route.address.namespace}}}:" if route and route.address.namespace else "dramaturg:"


def _route(address: Address, said: dict[str, Any]) -> Route:
    if address.kind == "sentinel":
        return Watched(address, **said)
    return Slotted(address) if address.kind == "cluster" else Route(address)
