"""Connections that find the server that has the data: at a Sentinel's word, or at a cluster node's.

A server may refuse a command because another has its place now. It did not run it then, so it may be sent again, once,
to the one that has. Nothing else is ever sent twice here; what was lost on the way is the caller's to send again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError, TryAgainError
from redis.retry import Retry

from pipeline.engine.address import Address

#: How long a Sentinel may take to say who is the primary: there are others to ask.
_SENTINEL_TIMEOUT_S = 1.0

#: How refusals begin that redis-py has no class for: too few replicas to write, and a primary that is none any more.
_REFUSALS = ("NOREPLICAS", "UNBLOCKED")

Place = tuple[str, int]


class Misdirected(redis.ConnectionError):
    """The server refused a command without running it, because another one may be the right one."""


class Route:
    """The way to the server that has the data, shared by all connections of a client; here it is the one there is."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def reach(self, connection: Any, connect: Callable[[], None]) -> None:
        """Connect to the right server; raises what redis-py raises if it cannot be found or reached."""
        del connection
        connect()

    def verify(self, ask: Callable[..., Any]) -> None:
        """Look whether a connection that was just made leads to the right server."""

    def moved(self, place: Place) -> None:
        """Hear that the data has another place; raises ``redis.ConnectionError`` where it can have only one."""
        raise redis.ConnectionError(
            f"it is a node of a cluster, the data is at {place[0]}:{place[1]}: let REDIS_URL begin with redis+cluster://"
        )


class Watched(Route):
    """The primary that Sentinels know by a name; the one that answered last is asked first."""

    def __init__(self, address: Address, **options: Any) -> None:
        super().__init__(address)
        self._sentinels = list(address.nodes)
        self._class = SSLConnection if address.options.startswith("rediss") else Connection
        tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
        self._options = {
            **tls,
            "username": address.sentinel_username or None,
            "password": address.sentinel_password or None,
            "socket_timeout": _SENTINEL_TIMEOUT_S,
            "socket_connect_timeout": _SENTINEL_TIMEOUT_S,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
            "driver_info": None,
        }

    def reach(self, connection: Any, connect: Callable[[], None]) -> None:
        """Connect to the primary of this moment."""
        connection.host, connection.port = self._primary()
        connect()

    def verify(self, ask: Callable[..., Any]) -> None:
        """Take a server for the primary only if it says so itself: a Sentinel hears of a change late."""
        role = ask("ROLE")[0]
        if role != b"master":
            raise redis.ConnectionError(f"the primary {self.address.service!r} is being replaced")

    def _primary(self) -> Place:
        failures = []
        for place in list(self._sentinels):
            line: Any = self._class(host=place[0], port=place[1], **self._options)
            try:
                line.send_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.address.service)
                found = line.read_response(disable_decoding=True)
            except redis.RedisError as error:
                failures.append(f"{place[0]}:{place[1]}: {error}")
                continue
            finally:
                line.disconnect()
            if found:
                self._sentinels = [place, *(other for other in self._sentinels if other != place)]
                return found[0].decode(), int(found[1])
            failures.append(f"{place[0]}:{place[1]}: knows no {self.address.service!r}")
        raise redis.ConnectionError(f"no Sentinel names a primary ({'; '.join(failures)})")


class Slotted(Route):
    """The node of a cluster that serves a namespace; all keys of one lie in one slot.

    A connection asks for a key of the namespace, and goes where the answer says. While the slot itself is moved,
    nothing is served: scripts build their keys, and on neither node would they find all of them.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._owner: Place | None = None

    def reach(self, connection: Any, connect: Callable[[], None]) -> None:
        """Connect to the node that served the slot last, or to the one that any node names."""
        todo = [*filter(None, [self._owner]), *self.address.nodes]
        tried: list[Place] = []
        failures: list[str] = []
        while todo:
            place = todo.pop(0)
            if place in tried:
                continue
            tried.append(place)
            connection.host, connection.port = place
            try:
                connect()
            except MovedError as error:
                todo.insert(0, _place(error, place))
            except (redis.ConnectionError, redis.TimeoutError) as error:
                failures.append(str(error))
                self._owner = None
            else:
                if self.address.namespace:
                    self._owner = place
                return
        raise redis.ConnectionError(f"no node of the cluster serves this namespace ({'; '.join(failures)})")

    def verify(self, ask: Callable[..., Any]) -> None:
        """Ask for a key of the namespace: a node that does not serve it says who does."""
        if not self.address.namespace:
            return
        try:
            ask("EXISTS", f"{{{self.address.namespace}}}:")
        except (AskError, ClusterDownError, TryAgainError) as error:
            if isinstance(error, MovedError):
                raise
            raise redis.ConnectionError(f"the cluster does not serve this namespace now: {error}") from error

    def moved(self, place: Place) -> None:
        """Go there from now on."""
        self._owner = place


class _Steered:
    """What is the same for every kind of connection."""

    _sock: Any

    def __init__(self, *, route: Route, **options: Any) -> None:
        self._route = route
        #: Whether anything was answered since something was last sent.
        self._answered = False
        super().__init__(**options)

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        if self._sock:
            return
        connect = super().connect_check_health  # type: ignore[misc] # what this is mixed into has it
        self._route.reach(self, lambda: connect(check_health, retry_socket_connect))

    def on_connect_check_health(self, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health)  # type: ignore[misc]
        self._route.verify(self._ask)

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        super().send_packed_command(command, check_health)  # type: ignore[misc]
        self._answered = False

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            reply = super().read_response(*args, **options)  # type: ignore[misc]
        except redis.ResponseError as error:
            self._judge(error)
            raise
        self._answered = True
        return reply

    def _ask(self, *words: str) -> Any:
        self.send_command(*words, check_health=False)  # type: ignore[attr-defined]
        return super().read_response(disable_decoding=True)  # type: ignore[misc]

    def _judge(self, error: redis.ResponseError) -> None:
        """Leave a server that refuses what another would do; raises what tells the caller so."""
        why = f"refused: {error}"
        if isinstance(error, MovedError):
            place = _place(error, (getattr(self, "host", ""), getattr(self, "port", 0)))
            self._route.moved(place)
            why = f"refused: slot {error.slot_id} is at {place[0]}:{place[1]}"
        elif not isinstance(error, ReadOnlyError | AskError | ClusterDownError | TryAgainError) and not str(
            error
        ).startswith(_REFUSALS):
            return
        self.disconnect()  # type: ignore[attr-defined]
        # Something sent along with it was answered, and may have been done: that is not for us to repeat.
        kind = redis.ConnectionError if self._answered else Misdirected
        raise kind(why) from error


class SteeredConnection(_Steered, Connection):
    """A plain connection that finds its server."""


class SteeredTlsConnection(_Steered, SSLConnection):
    """An encrypted connection that finds its server."""


class SteeredSocketConnection(_Steered, UnixDomainSocketConnection):
    """A connection over a socket file, whose server may be replaced as any other."""


class OnceAgain(Retry):
    """Sends once more what was refused by a server that is not the right one, and nothing else."""

    def __init__(self) -> None:
        super().__init__(NoBackoff(), 0)

    def call_with_retry(self, *args: Any, **options: Any) -> Any:
        """Call, and call again if it was refused; raises what redis-py raises."""
        try:
            return super().call_with_retry(*args, **options)
        except Misdirected:
            return super().call_with_retry(*args, **options)


def _place(error: MovedError, here: Place) -> Place:
    # A node that knows no name of its own leaves it out: it means the one that was asked.
    return (error.host if error.host not in {"", "?"} else here[0]), int(error.port)
