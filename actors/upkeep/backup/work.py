"""What one attempt of a backup works with: where from, where to, a folder of its own, and who hears how it goes."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from actors.upkeep.backup.databases import Database, open_database
from actors.upkeep.backup.locking import Readable, require_recipients
from actors.upkeep.backup.manifest import BLOBS, PARTS, Manifest, Part
from actors.upkeep.backup.place import Place, open_place
from actors.upkeep.backup.settings import BackupSettings
from actors.upkeep.backup.stream import Packer, Unpacker
from pipeline.errors import ResourceExhausted
from pipeline.installation import Installation, end_private_redis

#: Where, in the folder of an attempt, the Redis runs that a copy is put back into.
REHEARSAL = "rehearsal"


@dataclass(frozen=True)
class Work:
    """Everything a step of a backup needs; ``proceed`` hears of every piece, and stops the step by raising."""

    installation: Installation
    settings: BackupSettings
    place: Place
    folder: Path
    proceed: Callable[[int], object] = int
    #: In the name of all it writes: another attempt writes beside it, never over it.
    token: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    @property
    def database(self) -> Database:
        """The database of the installation."""
        return open_database(self.installation.database.get_secret_value(), self.settings)

    def pack(self, source: Readable, backup: str, name: str, kind: str, *, lock: bool = True) -> Part:
        """Bring a stream to the place as a part of a backup."""
        pieces, size, sha = self._packer(lock=lock).pack(source, f"{PARTS}/{backup}/{name}.{self.token}")
        return Part(kind=kind, pieces=pieces, size=size, sha256=sha)

    def pack_blob(self, source: Readable, sha: str) -> Part:
        """Bring a blob to the place, for all backups that have it."""
        pieces, size, found = self._packer(lock=True).pack(source, f"{BLOBS}/{sha[0]}/{sha}.{self.token}")
        return Part(kind="blob", pieces=pieces, size=size, sha256=found)

    def unpacker(self, manifest: Manifest, *, lock: bool = True) -> Unpacker:
        """Give what reads a backup's parts; the index of its blobs is not locked."""
        return Unpacker(
            self.place,
            locked=bool(lock and manifest.recipients),
            identity=self.settings.identity,
            proceed=self.proceed,
        )

    def _packer(self, *, lock: bool) -> Packer:
        return Packer(
            self.place,
            recipients=self.settings.recipients if lock else (),
            piece=self.settings.piece,
            level=self.settings.level,
            proceed=self.proceed,
        )


@contextmanager
def working(installation: Installation, proceed: Callable[[int], object] = int) -> Iterator[Work]:
    """Open the place of backups, and a folder that is gone afterwards; raises ``InvalidInput`` for wrong settings."""
    settings = BackupSettings.current()
    if settings.recipients:
        require_recipients(settings.recipients)
    place = open_place(settings)
    with _own_folder(installation.home / "backup") as folder:
        yield Work(installation, settings, place, folder, proceed)


@contextmanager
def _own_folder(parent: Path) -> Iterator[Path]:
    """Make a folder that is locked while it is used, and remove those that nobody locks: of killed processes."""
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for lock in parent.glob("*.lock"):
            _remove_if_free(lock)
        folder = Path(tempfile.mkdtemp(dir=parent))
        lock = folder.with_suffix(".lock")
        held = lock.open("ab")
    except OSError as error:
        raise ResourceExhausted(f"{parent} cannot be written: {error.strerror}. Set DRAMATURG_HOME.") from error
    with held:
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _remove_if_free(lock: Path) -> None:
    with suppress(FileNotFoundError, BlockingIOError), lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        end_private_redis(lock.with_suffix("") / REHEARSAL)
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        lock.unlink(missing_ok=True)
