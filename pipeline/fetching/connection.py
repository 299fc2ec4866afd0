"""A connection to exactly the IP addresses that were checked, which ends at a deadline however slow the other side is.

It is the network backend of ``httpcore2`` (the transport below httpx2), in that library's shape: a host name never
reaches the system here, so nothing can be looked up a second time.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from pipeline.errors import Timeout, Transient
from pipeline.fetching.address import Ip

#: Finds the IP addresses of a host name; raises ``OSError`` if there are none.
Resolve = Callable[[str], Sequence[str]]

#: How many of a host's addresses are tried, and how long each.
_TRIED = 4
_EACH_S = 5.0


class Deadline:
    """The moment at which everything has to be over."""

    def __init__(self, limit: timedelta) -> None:
        self.limit = limit
        self._at = time.monotonic() + limit.total_seconds()

    def left(self) -> float:
        """Give the seconds that are left; raises ``Timeout`` when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise self.over()
        return left

    def over(self) -> Timeout:
        """Say that it is over."""
        return Timeout(f"it took longer than {self.limit.total_seconds():g} s")


def system_addresses(host: str) -> list[str]:
    """Ask the system for the IP addresses of a host."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in found))


def resolved(resolve: Resolve, host: str, deadline: Deadline) -> list[Ip]:
    """Give the addresses of a host, asked once; raises ``Transient`` without any, ``Timeout`` past the deadline."""
    answer: list[Sequence[str] | Exception] = []

    def ask() -> None:
        try:
            answer.append(resolve(host))
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that waits
            answer.append(error)

    # The system's resolver knows no deadline: it is asked in a thread that may be left behind.
    asking = threading.Thread(target=ask, name="resolve", daemon=True)
    asking.start()
    asking.join(deadline.left())
    if not answer:
        raise Timeout(f"the name {host} was not resolved in time")
    if isinstance(answer[0], OSError) or not answer[0]:
        raise Transient(f"the name {host} leads nowhere") from (answer[0] if isinstance(answer[0], OSError) else None)
    if isinstance(answer[0], Exception):
        raise answer[0]
    return [ip_address(one) for one in answer[0]]


class Pinned:
    """Connects to the given addresses, in their order, whatever host is asked for."""

    def __init__(self, addresses: Sequence[Ip], deadline: Deadline) -> None:
        self._addresses = addresses[:_TRIED]
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Stream:
        """Give a stream to the first address that takes a connection; raises ``OSError`` if none does."""
        del host, timeout, local_address, socket_options
        failed: OSError | None = None
        for ip in self._addresses:
            try:
                return Stream(_connected(ip, port, min(_EACH_S, self._deadline.left())), self._deadline)
            except OSError as error:
                failed = error
        if isinstance(failed, ConnectionError | TimeoutError):
            raise failed
        raise ConnectionAbortedError("no way there") from failed

    def connect_unix_socket(self, *_args: object, **_kwargs: object) -> Stream:
        """Refuse: documents come over the network only."""
        raise ConnectionRefusedError("no sockets of this machine")

    def sleep(self, seconds: float) -> None:
        """Do nothing: nothing is tried again here."""


def _connected(ip: Ip, port: int, seconds: float) -> socket.socket:
    sock = socket.socket(socket.AF_INET if ip.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)  # noqa: PLR2004 - the version of IP
    try:
        sock.settimeout(seconds)
        sock.connect((str(ip), port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


class Stream:
    """A socket whose every wait ends at the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Give what has come; nothing at the end."""
        del timeout
        read: bytes = self._waiting(lambda: self._sock.recv(max_bytes))
        return read

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        del timeout
        self._waiting(lambda: self._sock.sendall(buffer))

    def close(self) -> None:
        """Let go of the socket."""
        with suppress(OSError):
            self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        """Go on encrypted, with the certificate of the name that was asked for, not of the address."""
        del timeout
        try:
            safe = self._waiting(lambda: ssl_context.wrap_socket(self._sock, server_hostname=server_hostname))
        except BaseException:
            self.close()
            raise
        return Stream(safe, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Tell what the library asks: the TLS object, for what was agreed on."""
        return self._sock if info == "ssl_object" and isinstance(self._sock, ssl.SSLSocket) else None

    def _waiting(self, wait: Callable[[], Any]) -> Any:
        self._sock.settimeout(self._deadline.left())
        try:
            return wait()
        except TimeoutError:
            raise self._deadline.over() from None
