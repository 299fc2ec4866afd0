"""What systemd is told of a unit of ``Type=notify``: that it is ready, that it lives, that it stops."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

import structlog

log = structlog.get_logger(__name__)


class Systemd:
    """Whoever started this process and wants to hear of it; where nobody does, telling does nothing.

    What says so is taken out of the environment: children are not the unit.
    """

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        microseconds = os.environ.pop("WATCHDOG_USEC", "")
        mine = os.environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watched = self._address and mine and microseconds.isdecimal()
        #: How often it wants to hear that this process lives: twice in the time that it waits.
        self.every = timedelta(microseconds=int(microseconds) / 2) if watched else None
        self._said: set[str] = set()

    def ready(self) -> None:
        """Say, once, that it has come up."""
        self._once("READY=1")

    def alive(self) -> None:
        """Say that it lives, if that is asked for."""
        if self.every is not None:
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Say, once, that it has begun to stop."""
        self._once("STOPPING=1")

    def _once(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._tell(what)

    def _tell(self, what: str) -> None:
        if not self._address:
            return
        # An address that begins with @ is a name outside the file system, which has a zero byte there.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
                to.settimeout(1.0)
                to.sendto(what.encode(), address)
        except OSError as error:
            log.warning("systemd_not_told", what=what, why=str(error))
