"""The one way a client of Redis is made here."""

from __future__ import annotations

from datetime import timedelta

import redis
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

#: How long a call that does not block may take before it counts as lost.
CALL_TIMEOUT = timedelta(seconds=5)

#: How long opening a connection may take.
CONNECT_TIMEOUT = timedelta(seconds=5)

#: After this much silence a connection is tried with a PING before a command is trusted to it.
IDLE_CHECK = timedelta(seconds=30)

#: More than any process has threads; past it a call fails instead of opening yet another connection.
MAX_CONNECTIONS = 1024


def connect(url: str, *, blocking: bool = False, name: str = "dramaturg") -> redis.Redis:
    """Make a client that never sends a command twice; it connects at its first call.

    A client for ``blocking`` calls has no read timeout: the blocking call carries its own, and TCP keep-alive
    finds a peer that is gone. Every other call fails after five seconds, and the caller, who knows whether
    the call may be repeated, repeats it.
    """
    return redis.Redis.from_url(
        url,
        protocol=3,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        socket_timeout=None if blocking else CALL_TIMEOUT.total_seconds(),
        socket_connect_timeout=CONNECT_TIMEOUT.total_seconds(),
        health_check_interval=0 if blocking else int(IDLE_CHECK.total_seconds()),
        client_name=name,
        max_connections=MAX_CONNECTIONS,
        # Both would cost every new connection round trips that nothing here makes use of.
        driver_info=None,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
