"""The connections that are open at a server of probes: few, and none for long."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from datetime import timedelta

#: Connections that are attended to at once; for one more the oldest is closed.
MOST = 32

#: A connection is closed after so long, whatever it does.
LONGEST = timedelta(seconds=10)


class Guests:
    """Open connections; whoever comes is attended to, and whoever stays too long is sent away.

    So a client that is slow, or a thousand that say nothing, take nothing from a probe that asks and goes.
    """

    def __init__(self) -> None:
        self._since: dict[socket.socket, float] = {}  # in the order they came
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._since)

    def welcome(self, guest: socket.socket) -> None:
        """Take note of a connection; closes the oldest where there are too many."""
        with self._lock:
            if len(self._since) >= MOST:
                _part(next(iter(self._since)))
                del self._since[next(iter(self._since))]
            self._since[guest] = time.monotonic()

    def gone(self, guest: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._since.pop(guest, None)

    def part(self, *, all_of_them: bool = False) -> None:
        """Close the connections whose time is over, or all."""
        limit = time.monotonic() - LONGEST.total_seconds()
        with self._lock:
            for guest in [one for one, since in self._since.items() if all_of_them or since <= limit]:
                _part(guest)
                del self._since[guest]


def _part(guest: socket.socket) -> None:
    with suppress(OSError):  # it has left by itself
        guest.shutdown(socket.SHUT_RDWR)  # its thread reads the end, and closes it
