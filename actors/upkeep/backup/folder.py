"""A folder as a place of backups."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from actors.upkeep.backup.place import Item, Missing
from pipeline.errors import AuthFailed, ResourceExhausted, Transient

#: What a file is called until it is whole.
_UNFINISHED = ".unfinished-"


class Folder:
    """Files under a folder; each is written under another name, brought to disk, and then given its own."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def put(self, name: str, content: bytes) -> None:
        """Write a file whole, or not at all; raises ``ResourceExhausted`` when there is no room."""
        path = self._root / name
        with self._plainly():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            unfinished = path.parent / f"{_UNFINISHED}{uuid.uuid4().hex}"
            try:
                with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
            _sync(path.parent)

    def get(self, name: str) -> bytes:
        """Read a file; raises ``Missing`` if there is none."""
        try:
            with self._plainly():
                return (self._root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Missing(f"There is no {name} in {self}.") from error

    def list(self, folder: str) -> Iterator[Item]:
        """Give the files in a folder and below, those that were never finished too."""
        root = self._root / folder if folder else self._root
        with self._plainly():
            for path in sorted(root.rglob("*")):
                try:
                    found = path.lstat()
                except FileNotFoundError:
                    continue  # it went away since
                if path.is_file() and not path.is_symlink():
                    changed = datetime.fromtimestamp(found.st_mtime, UTC)
                    yield Item(path.relative_to(self._root).as_posix(), found.st_size, changed)

    def delete(self, name: str) -> None:
        """Remove a file, and the folders that are empty then; one that is not there is no mistake."""
        with self._plainly():
            (self._root / name).unlink(missing_ok=True)
            for parent in (self._root / name).parents:
                if parent in (self._root, *self._root.parents) or any(parent.iterdir() if parent.is_dir() else ()):
                    return
                if parent.is_dir():
                    parent.rmdir()

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as error:
            told = f"Backups cannot be written to {self}: {error.strerror}."
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise ResourceExhausted(f"{told} Make room; earlier backups are as they were.") from error
            if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
                raise AuthFailed(told) from error
            raise Transient(told) from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
