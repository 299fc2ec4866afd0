"""A Redis for machines that have none: started privately, shared by every command of one home, ended by the last.

The files in the data folder, and who holds them:

``door.lock``     exclusively, by whoever is coming in or going out; never for longer than a start or a stop
``users.lock``    shared, by every user as long as it uses the server
``server.lock``   exclusively, by the server process itself, which inherits it: held means that it lives
``socket``        a link to the server's socket
``redis.log``     of this start; ``redis.log.old`` is of the one before

Locks end with their process, however it ends, so nothing here has to be trusted after a crash.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO
from urllib.parse import quote

import redis

from pipeline.engine.address import completed
from pipeline.engine.connection import connect
from pipeline.engine.redis_program import NoRedis, RedisProgram, find_redis_program
from pipeline.engine.socket_folder import claim_socket_folder
from pipeline.settings import Settings

#: How long a server may take until it answers, unless it says that it is loading its data.
START_DEADLINE = timedelta(seconds=10)

#: How long a running server may refuse connections before it counts as out of reach.
ADOPT_DEADLINE = timedelta(seconds=1)

#: How long it may load its data.
LOAD_DEADLINE = timedelta(minutes=5)

#: How long a server may take to end.
STOP_DEADLINE = timedelta(seconds=15)

#: How long to wait at the door: somebody before us may be waiting for a start or a stop.
DOOR_DEADLINE = START_DEADLINE + LOAD_DEADLINE + STOP_DEADLINE

_PAUSE = 0.01
_LOG_TAIL = 2000


@contextmanager
def open_redis_url(settings: Settings) -> Iterator[str]:
    """Give the address of the Redis to use: ``REDIS_URL``, or that of the home's own server, started if need be.

    The server lives as long as somebody in here; the last one out ends it, with its data on disk.
    """
    if settings.redis_url is not None:
        yield completed(settings)
        return
    server = EmbeddedRedis(settings.redis_folder)
    users = server.enter()
    try:
        yield server.url
    finally:
        server.leave(users)


class EmbeddedRedis:
    """The one server of a data folder, whoever started it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def url(self) -> str:
        """Its address."""
        return f"unix://{quote(str((self._folder / 'socket').readlink()))}?db=0"

    @property
    def pid(self) -> int | None:
        """Its process, as far as it has said."""
        try:
            return int((self._folder / "redis.pid").read_text().strip())
        except (FileNotFoundError, ValueError):
            return None

    def is_alive(self) -> bool:
        """Tell whether the server process lives."""
        with self._open("server.lock") as lock:
            return not _locked(lock, fcntl.LOCK_SH)

    def enter(self) -> IO[bytes]:
        """Become a user, starting the server unless it runs; give what ``leave`` takes back."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._enter()
        except OSError as error:
            raise NoRedis(f"Redis cannot keep its data in {self._folder}: {error}. Set DRAMATURG_HOME.") from error

    def _enter(self) -> IO[bytes]:
        with self._door():
            users = self._open("users.lock")
            try:
                fcntl.flock(users, fcntl.LOCK_SH)
                if not self._adopt():
                    self._start(find_redis_program())
            except BaseException:
                users.close()
                raise
        return users

    def leave(self, users: IO[bytes]) -> None:
        """Stop being a user; if nobody else is one, end the server and wait until it is gone."""
        with self._door(), users:
            if _locked(users, fcntl.LOCK_EX):
                self._stop()

    def _open(self, name: str) -> IO[bytes]:
        return (self._folder / name).open("ab")

    @contextmanager
    def _door(self) -> Iterator[None]:
        with self._open("door.lock") as door:
            if not _wait(lambda: _locked(door, fcntl.LOCK_EX), DOOR_DEADLINE):
                raise NoRedis(
                    f"Another process has been starting or stopping the Redis in {self._folder} for too long."
                )
            yield

    def _adopt(self) -> bool:
        if not self.is_alive():
            return False
        try:
            if (self._folder / "socket").is_symlink() and self._answers(ADOPT_DEADLINE):
                return True
        except redis.TimeoutError as error:
            # Others may be using it, so a server that is slow is not ours to end.
            raise NoRedis(
                f"The Redis server that holds {self._folder} (process {self.pid}) does not answer. "
                "End that process if it does not recover, then try again."
            ) from error
        # It lives and nobody can reach it: its socket was swept away. Two servers on one append-only file would
        # ruin it, so this one ends, in good order, before another starts.
        self._kill()
        return False

    def _answers(self, limit: timedelta) -> bool:
        began = time.monotonic()
        with connect(self.url) as client:
            while True:
                waited = timedelta(seconds=time.monotonic() - began)
                try:
                    client.ping()
                except redis.BusyLoadingError:
                    if waited > LOAD_DEADLINE:
                        return False
                except redis.ConnectionError:
                    if waited > limit or not self.is_alive():
                        return False
                else:
                    return True
                time.sleep(_PAUSE)

    def _start(self, program: RedisProgram) -> None:
        socket = claim_socket_folder(self._folder) / "redis.sock"
        socket.unlink(missing_ok=True)
        link = self._folder / "socket"
        link.unlink(missing_ok=True)
        link.symlink_to(socket)
        (self._folder / "redis.pid").unlink(missing_ok=True)
        log = self._folder / "redis.log"
        if log.exists():
            log.replace(self._folder / "redis.log.old")
        configuration = self._folder / "redis.conf"
        configuration.write_bytes(_configuration(self._folder, socket))
        with self._open("server.lock") as lock, log.open("ab") as output:
            if not _wait(lambda: _locked(lock, fcntl.LOCK_EX), START_DEADLINE):  # somebody looked whether it lives
                raise NoRedis(f"Something else holds {lock.name}.")
            _launch(program, configuration, lock, output)
        if not self._has_started():
            if self.is_alive():
                self._kill()
            raise NoRedis(f"{program} did not start in {self._folder}. The end of its log:\n{_tail(log)}")

    def _has_started(self) -> bool:
        try:
            return self._answers(START_DEADLINE)
        except redis.TimeoutError:
            return False

    def _stop(self) -> None:
        if not self.is_alive():
            return
        with connect(self.url) as client, suppress(redis.RedisError):  # whether it worked is seen by the lock
            client.shutdown()
        if not _wait(lambda: not self.is_alive(), STOP_DEADLINE):
            self._kill()
        self._sweep()

    def _kill(self) -> None:
        pid = self.pid
        if pid is None or not _runs_with(pid, self._folder):
            # A process that is just ending has lost its name and still holds its lock.
            if _wait(lambda: not self.is_alive(), STOP_DEADLINE / 3):
                return
            raise NoRedis(
                f"A Redis server (process {pid or 'unknown'}) holds {self._folder} and does not answer. "
                "End that process, then try again."
            )
        for how in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(pid, how)
            if _wait(lambda: not self.is_alive(), STOP_DEADLINE / 3):
                return
        raise NoRedis(f"The Redis server that holds {self._folder} (process {pid}) cannot be ended.")

    def _sweep(self) -> None:
        link = self._folder / "socket"
        socket = link.readlink()
        link.unlink()
        socket.unlink(missing_ok=True)
        with suppress(OSError):  # something else lies in there: it is not ours to remove
            socket.parent.rmdir()


def _launch(program: RedisProgram, configuration: Path, lock: IO[bytes], output: IO[bytes]) -> None:
    # It becomes a daemon in a session of its own: the terminal's Ctrl-C is not for it. The lock goes with it.
    # How it fared is told by whether it answers, so its exit code adds nothing.
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603 - our own configuration file for a program found on the path
            [program.path, configuration],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=configuration.parent,
            pass_fds=[lock.fileno()],
            start_new_session=True,
            check=False,
            timeout=START_DEADLINE.total_seconds(),
        )


def _configuration(folder: Path, socket: Path) -> bytes:
    settings = {
        "port": "0",
        "unixsocket": _quoted(socket),
        "unixsocketperm": "700",
        "dir": _quoted(folder),
        "pidfile": _quoted(folder / "redis.pid"),
        "logfile": _quoted(folder / "redis.log"),
        "daemonize": "yes",
        # Its command line goes on naming this file, which is how it is recognised.
        "set-proc-title": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        # Plain commands can be read by every version, so the server may be another one next time.
        "aof-use-rdb-preamble": "no",
        "save": '""',
        "maxmemory": "0",
        "maxmemory-policy": "noeviction",
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items()).encode("ascii")


def _quoted(path: Path) -> str:
    plain = b"/._-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return '"' + "".join(chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in os.fsencode(path)) + '"'


def _locked(lock: IO[bytes], how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(until: Callable[[], bool], deadline: timedelta) -> bool:
    end = time.monotonic() + deadline.total_seconds()
    while not until():
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE)
    return True


def _runs_with(pid: int, folder: Path) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(folder / "redis.conf") in arguments


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-_LOG_TAIL:] if log.exists() else "(there is none)"
