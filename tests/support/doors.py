"""A Redis server behind a door, so that what it tells its replicas can be late, and be lost with its machine."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from tests.support.redis_server import RedisServer, _free_port

_PORTION = 65536


class Door:
    """Passes connections on from one port to another; what goes down to replicas can be held up."""

    def __init__(self, port: int, inside: int) -> None:
        self._port, self._inside = port, inside
        self._listener: socket.socket | None = None
        self._links: set[socket.socket] = set()
        self._flowing = threading.Event()
        self._flowing.set()

    def open(self) -> None:
        """Let connections in."""
        self._flowing.set()
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=256)
        threading.Thread(target=self._receive, args=(self._listener,), daemon=True).start()

    def hold(self) -> None:
        """Keep back what replicas are told, until all of it is lost."""
        self._flowing.clear()

    def shut(self) -> None:
        """Cut every connection; what was held up is lost."""
        listener, self._listener = self._listener, None
        for one in [listener, *self._links]:
            if one is not None:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._links.clear()
        self._flowing.set()

    def _receive(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it was shut
            while True:
                outer, _ = listener.accept()
                outer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    inner = socket.create_connection(("127.0.0.1", self._inside), timeout=5)
                except OSError:
                    outer.close()
                    continue
                inner.settimeout(None)
                self._links |= {outer, inner}
                replicates = threading.Event()
                for source, sink, down in ((outer, inner, False), (inner, outer, True)):
                    threading.Thread(target=self._pass, args=(source, sink, replicates, down), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, replicates: threading.Event, down: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_PORTION):
                if not down and b"PSYNC" in data:
                    replicates.set()
                if down and replicates.is_set():
                    self._flowing.wait()
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
            self._links.discard(one)


class ServerBehindDoor(RedisServer):
    """A server that is a machine of its own: killed, it takes what is not yet with its replicas along."""

    def __init__(self, *, config: dict[str, str] | None = None, password: str = "") -> None:
        inside = _free_port()
        super().__init__(tcp=True, config={**(config or {}), "port": str(inside)}, password=password)
        self.config |= {"replica-announce-ip": "127.0.0.1", "replica-announce-port": str(self.port)}
        self.door = Door(self.port, inside)

    def start(self) -> ServerBehindDoor:
        self.door.open()
        super().start()
        return self

    def kill(self) -> None:
        """End it with its machine."""
        super().kill()
        self.door.shut()

    def stop(self) -> None:
        super().stop()
        self.door.shut()
