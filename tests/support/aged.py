"""A server that says it is of another version: what an old Redis is to those who ask it."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from typing import Self

_VERSION = re.compile(rb"(redis_version|valkey_version):(\d+\.\d+\.\d+)")

#: A version with the hole, by how many letters it has: a reply is not to change its length.
_OLD = {5: b"8.0.1", 6: b"7.0.14", 7: b"7.2.010"}


class AgedRedis:
    """A relay on a loopback port in front of a server; its program seems older, and put there by hand."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._upstream))
                self._open += [client, server]
                threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket, aged: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 20):
                target.sendall(_older(data) if aged else data)


def _older(data: bytes) -> bytes:
    data = _VERSION.sub(lambda found: found[1] + b":" + _OLD[len(found[2])], data)
    return data.replace(b"executable:/usr/bin", b"executable:/opt/bin")
