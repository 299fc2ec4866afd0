"""Installation: everything that has to outlive this machine - what Redis holds, the database, the blobs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from pipeline.blobs import Blobs
from pipeline.errors import InvalidInput, Permanent, PipelineError
from pipeline.settings import SecretUrl, Settings

if TYPE_CHECKING:
    from pipeline.engine.putting_back import PuttingBack

_FORMAT = "dramaturg redis 1"


class Held(NamedTuple):
    """What a copy of Redis holds: keys, a hash over all of them, when it was taken, and how long writers waited."""

    keys: int
    digest: str
    taken_ms: int
    held_ms: int = 0


@dataclass(frozen=True)
class Installation:
    """What one installation keeps, and where; its addresses have passwords in them and are never printed."""

    redis_url: SecretUrl
    namespace: str
    database: SecretUrl
    blobs: Blobs
    home: Path

    @classmethod
    def of(cls, settings: Settings, redis_url: str) -> Installation:
        """Give the installation that the settings describe, with the Redis at ``redis_url``."""
        return cls(
            SecretUrl(redis_url), settings.namespace, settings.database, Blobs(settings.blobs_folder), settings.home
        )

    @cached_property
    def client(self) -> Any:
        """A client of its Redis."""
        from pipeline.engine.connection import aim, connect

        client = connect(self.redis_url.get_secret_value(), name="dramaturg-backup")
        aim(client, self.namespace)
        return client

    @contextmanager
    def redis_copy(
        self, proceed: Callable[[int], object] = int, folder: Path | None = None
    ) -> Iterator[tuple[Held, Iterator[bytes]]]:
        """Copy what Redis holds at one moment; gives what that is, and the copy as lines.

        ``proceed`` hears how many keys were read, and may stop it by raising. The copy waits in a file in ``folder``.
        """
        from pipeline.engine.snapshot import Snapshot

        with (
            tempfile.TemporaryDirectory(dir=folder) as draft,
            Snapshot(self.client, self.namespace, Path(draft)) as copy,
        ):
            copy.take(proceed)
            digest = copy.digest()
            held = Held(digest.keys, digest.hex(), copy.taken_ms, copy.held_ms)
            head = {"format": _FORMAT, "taken_ms": held.taken_ms}
            tail = {"keys": held.keys, "digest": held.digest}

            def lines() -> Iterator[bytes]:
                yield orjson.dumps(head) + b"\n"
                for row in copy.rows():
                    yield row.line()
                yield orjson.dumps(tail) + b"\n"

            yield held, lines()

    def require_free_redis(self, *, force: bool) -> None:
        """Raise ``InvalidInput`` unless nobody uses Redis, and it is empty or may be emptied (``force``)."""
        from pipeline.engine.putting_back import require_free

        require_free(self.client, self.namespace, force=force)

    def put_back(self, *, ask: bool) -> RedisCopy:
        """Empty Redis, and give what takes the lines of a copy and puts it back."""
        from pipeline.engine.putting_back import empty

        empty(self.client, self.namespace)
        return RedisCopy(self.client, self.namespace, ask=ask)


class RedisCopy:
    """Reads the lines of a copy, one by one; with a client it puts them back there.

    Raises ``Permanent`` for a copy that is damaged, or not whole.
    """

    def __init__(self, client: Any = None, namespace: str = "", *, plain: bool = False, ask: bool = True) -> None:
        from pipeline.engine.copied import Digest

        self._client, self._namespace, self._plain, self._ask = client, namespace, plain, ask
        self._into: PuttingBack | None = None
        self._digest = Digest()
        self._taken_ms = 0
        self._ended = False

    def add(self, line: bytes) -> None:
        """Take the next line."""
        from pipeline.engine.copied import read_row
        from pipeline.engine.putting_back import PuttingBack

        if not line.startswith(b"["):
            self._mark(line)
            if not self._ended and self._client is not None:
                self._into = PuttingBack(
                    self._client, self._namespace, taken_ms=self._taken_ms, plain=self._plain, ask=self._ask
                )
            return
        row = read_row(line)
        self._digest.add(row)
        if self._into is not None:
            self._into.add(row)

    def finish(self) -> tuple[Held, int]:
        """End it; gives what the copy held, and how many runs of it were running."""
        if not self._ended:
            raise Permanent("This copy of Redis is not whole: its end is missing.")
        running = 0 if self._into is None else self._into.finish()
        return Held(self._digest.keys, self._digest.hex(), self._taken_ms), running

    def _mark(self, line: bytes) -> None:
        try:
            told = orjson.loads(line)
        except ValueError as error:
            raise Permanent(f"This is no copy of Redis: {error}.") from error
        if "format" in told:
            if told["format"] != _FORMAT:
                raise InvalidInput(f"This copy of Redis is of another version: {told['format']}.")
            self._taken_ms = int(told["taken_ms"])
            return
        self._ended = True
        if (told["keys"], told["digest"]) != (self._digest.keys, self._digest.hex()):
            raise Permanent("This copy of Redis is damaged: its keys are not those that were counted.")


@contextmanager
def private_redis(namespace: str, folder: Path) -> Iterator[tuple[Installation, RedisCopy] | None]:
    """Start a Redis in ``folder`` for a rehearsal, and end it; gives nothing where no server program is found."""
    from pipeline.engine.connection import connect
    from pipeline.engine.embedded import EmbeddedRedis
    from pipeline.engine.redis_program import NoRedis, find_redis_program

    try:
        find_redis_program()
    except NoRedis:
        yield None
        return
    server = EmbeddedRedis(folder)
    users = server.enter()
    try:
        with connect(server.url) as client:
            nothing = SecretUrl("sqlite://")
            there = Installation(SecretUrl(server.url), namespace, nothing, Blobs(folder / "blobs"), folder)
            yield there, RedisCopy(client, namespace, plain=True)
            there.client.close()
    finally:
        server.leave(users)
        shutil.rmtree(folder, ignore_errors=True)


def end_private_redis(folder: Path) -> None:
    """End the Redis of a rehearsal whose process was killed."""
    from pipeline.engine.embedded import EmbeddedRedis

    if folder.is_dir() and (server := EmbeddedRedis(folder)).is_alive():
        server.leave(server.enter())


_bound: list[Installation] = []


def set_installation(installation: Installation) -> None:
    """Say what this process works for."""
    _bound[:] = [installation]


def get_installation() -> Installation:
    """Give what this process works for."""
    if not _bound:
        raise PipelineError("No installation is bound: start through pipeline.app, or call set_installation() first.")
    return _bound[0]
