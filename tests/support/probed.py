"""Asks probes as Kubernetes and Prometheus do: one request, one connection."""

from __future__ import annotations

import http.client
import json
import random
import socket
import time
from contextlib import ExitStack
from typing import Any, NamedTuple


class Told(NamedTuple):
    """What a probe answered, and how long it took."""

    status: int
    body: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def failing(self) -> dict[str, str]:
        found: dict[str, str] = self.json["failing"]
        assert (self.status == 200) == (not found) == self.json["ok"], self
        return found


def ask(port: int, path: str, *, timeout: float = 10) -> Told:
    """Ask once; an answer of 0 says that nobody listens."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return Told(answer.status, answer.read().decode(), time.monotonic() - began)
    except ConnectionRefusedError:
        return Told(0, "", time.monotonic() - began)
    finally:
        connection.close()


def free_ports(count: int) -> int:
    """The first of so many free ports in a row, below those that systems give out by themselves."""
    while True:
        first = random.randrange(15_000, 30_000)
        with ExitStack() as held:
            try:
                for port in range(first, first + count):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
