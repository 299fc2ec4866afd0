"""A loopback proxy in front of Redis that does to connections what networks do."""

import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from pipeline.engine.connection import connect
from tests.support.resp import is_push, message_end, words_of


class Fault(Enum):
    """What becomes of one command: its connection is cut before it reaches Redis, or after Redis has answered."""

    LOSE_REQUEST = "lose_request"
    LOSE_REPLY = "lose_reply"


@dataclass(frozen=True, slots=True)
class Command:
    """One request seen: its number in the proxy's life (from 1), its connection, and its first words."""

    number: int
    connection: int
    words: tuple[bytes, ...]

    @property
    def name(self) -> str:
        """In capitals, and with the script's digest for EVALSHA."""
        name = self.words[0].decode(errors="replace").upper()
        return f"{name} {self.words[1].decode()}" if name == "EVALSHA" else name


class _Weather(Enum):
    CLEAR = "clear"
    STALLED = "stalled"
    SWALLOWING = "swallowing"


@dataclass(eq=False)
class _Link:
    """One client's connection and the one made to Redis for it."""

    number: int
    client: socket.socket
    upstream: socket.socket
    answered: int = 0
    asked: int = 0
    lose_reply_of: int = 0
    closing: threading.Lock = field(default_factory=threading.Lock)

    def cut(self) -> None:
        with self.closing:
            for end in (self.client, self.upstream):
                with suppress(OSError):  # the other side may have gone first
                    end.shutdown(socket.SHUT_RDWR)
                end.close()


class Proxy:
    """Stands between a client and the Redis at ``upstream`` (a redis:// or unix:// URL), at an address of its own.

    ``on_command``, when set, is asked about every request before it is passed on, in order of arrival, and may return a
    ``Fault``; it may do anything else in between, such as kill a process. Subscriptions are not counted rightly.
    """

    def __init__(self, upstream: str, *, tcp: bool = False) -> None:
        self._upstream = urlsplit(_server_at(upstream))
        #: A node of a cluster serves one namespace of those that tests use.
        self._more = "&namespace=dramaturg" if "+cluster" in upstream else ""
        self._folder = tempfile.TemporaryDirectory(prefix="dt-proxy-")
        self._tcp = tcp
        self._port = 0
        self._listener: socket.socket | None = None
        self._links: set[_Link] = set()
        self._lock = threading.RLock()
        self._weather = _Weather.CLEAR
        self._changed = threading.Condition(self._lock)
        self._delay_s = 0.0
        self._connections = 0
        self.commands: list[Command] = []
        self.on_command: Callable[[Command], Fault | None] | None = None

    @property
    def url(self) -> str:
        database = (
            self._upstream.query if self._upstream.scheme == "unix" else f"db={self._upstream.path.strip('/') or 0}"
        )
        where = f"redis://127.0.0.1:{self._port}/" if self._tcp else f"unix://{self._folder.name}/s"
        return f"{where}?{database or 'db=0'}{self._more}"

    @property
    def is_up(self) -> bool:
        return self._listener is not None

    # The weather.

    def down(self) -> None:
        """Cut every connection and refuse new ones, as when Redis or its machine is gone."""
        with self._lock:
            listener, self._listener = self._listener, None
            links, self._links = self._links, set()
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes its accept()
            listener.close()
        if not self._tcp:
            Path(self._folder.name, "s").unlink(missing_ok=True)
        for link in links:
            link.cut()

    def up(self) -> None:
        """Take connections again, at the same address."""
        with self._lock:
            if self._listener is not None:
                return
            listener = socket.socket(socket.AF_INET if self._tcp else socket.AF_UNIX, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self._port) if self._tcp else str(Path(self._folder.name, "s")))
            listener.listen(512)
            self._port = listener.getsockname()[1] if self._tcp else 0
            self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name="proxy-accept", daemon=True).start()

    def stall(self) -> None:
        """Hold everything back, both ways; ``heal()`` delivers it late, as a network does after a partition."""
        self._set(_Weather.STALLED)

    def swallow(self) -> None:
        """Take every byte and deliver none: connections look open and nothing answers (half open)."""
        self._set(_Weather.SWALLOWING)

    def heal(self) -> None:
        """Pass everything on again; what was swallowed stays lost."""
        self._set(_Weather.CLEAR)

    def delay(self, each_way: timedelta) -> None:
        """Make every message this much later in each direction."""
        self._delay_s = each_way.total_seconds()

    def lose_reply_of(self, number: int) -> None:
        """Let the ``number``-th command from now (from 1) reach Redis, then cut its connection instead of answering."""
        self._plan(number, Fault.LOSE_REPLY)

    def lose_request_of(self, number: int) -> None:
        """Cut the connection of the ``number``-th command from now (from 1) before Redis sees it."""
        self._plan(number, Fault.LOSE_REQUEST)

    def _plan(self, number: int, fault: Fault) -> None:
        with self._lock:
            target = len(self.commands) + number
            self.on_command = lambda command: fault if command.number == target else None

    def _set(self, weather: _Weather) -> None:
        with self._changed:
            self._weather = weather
            self._changed.notify_all()

    # The plumbing.

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # down() closed it
            try:
                upstream = self._connect()
            except OSError:
                client.close()
                continue
            with self._lock:
                self._connections += 1
                link = _Link(self._connections, client, upstream)
                if self._listener is not listener:  # down() came in between
                    link.cut()
                    return
                self._links.add(link)
            for pump in (self._pump_requests, self._pump_replies):
                threading.Thread(target=self._run, args=(pump, link), name=f"proxy-{link.number}", daemon=True).start()

    def _connect(self) -> socket.socket:
        if self._upstream.scheme == "unix":
            upstream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            upstream.connect(self._upstream.path)
            return upstream
        upstream = socket.create_connection((self._upstream.hostname or "127.0.0.1", self._upstream.port or 6379))
        upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return upstream

    def _run(self, pump: Callable[[_Link], None], link: _Link) -> None:
        try:
            pump(link)
        except OSError:
            pass  # one of the two ends is gone; the other follows
        finally:
            link.cut()
            with self._lock:
                self._links.discard(link)

    def _pump_requests(self, link: _Link) -> None:
        buffer = bytearray()
        while received := link.client.recv(1 << 16):
            buffer += received
            while buffer and (end := message_end(buffer)) is not None:
                request = bytes(buffer[:end])
                del buffer[:end]
                link.asked += 1
                fault = self._consider(link, request)
                if fault is Fault.LOSE_REQUEST:
                    return
                if fault is Fault.LOSE_REPLY:
                    link.lose_reply_of = link.asked
                if self._let_through():
                    link.upstream.sendall(request)

    def _consider(self, link: _Link, request: bytes) -> Fault | None:
        with self._lock:
            command = Command(len(self.commands) + 1, link.number, words_of(request, 4))
            self.commands.append(command)
            return self.on_command(command) if self.on_command is not None else None

    def _pump_replies(self, link: _Link) -> None:
        buffer = bytearray()
        while received := link.upstream.recv(1 << 16):
            buffer += received
            while buffer and (end := message_end(buffer)) is not None:
                reply = bytes(buffer[:end])
                del buffer[:end]
                if not is_push(reply):
                    link.answered += 1
                if link.lose_reply_of and link.answered >= link.lose_reply_of:
                    return
                if self._let_through():
                    link.client.sendall(reply)

    def _let_through(self) -> bool:
        if self._delay_s:
            time.sleep(self._delay_s)
        with self._changed:
            self._changed.wait_for(lambda: self._weather is not _Weather.STALLED)
            return self._weather is _Weather.CLEAR

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.heal()
        self.down()

        self._folder.cleanup()


def _server_at(url: str) -> str:
    """Give the address of the server that an address leads to now, if there are several."""
    if "+" not in url.partition(":")[0]:
        return url
    with connect(url) as client:
        client.exists("{dramaturg}:")
        connection: Any = client.connection_pool.get_connection()
        return f"redis://{connection.host}:{connection.port}/0"
