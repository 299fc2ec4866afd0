"""Place: where backups lie. A file there is whole or absent, whatever is killed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from actors.upkeep.backup.settings import BackupSettings
from pipeline.errors import InvalidInput


class Item(NamedTuple):
    """A file in a place."""

    name: str
    size: int
    changed: datetime


class Place(Protocol):
    """A folder or a bucket; names are relative, with slashes."""

    def put(self, name: str, content: bytes) -> None:
        """Write a file whole, or not at all; raises ``ResourceExhausted`` when there is no room."""

    def get(self, name: str) -> bytes:
        """Read a file; raises ``Missing`` if there is none."""

    def list(self, folder: str) -> Iterator[Item]:
        """Give the files in a folder and below."""

    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is no mistake."""

    def __str__(self) -> str:
        """Name the place, without secrets."""


class Missing(InvalidInput):
    """There is no such file in the place."""


def open_place(settings: BackupSettings) -> Place:
    """Give the place that the settings name; raises ``InvalidInput`` if they name none."""
    if not settings.to:
        raise InvalidInput(
            "Nobody said where backups go: set DRAMATURG_BACKUP_TO to a folder or to s3://bucket/prefix."
        )
    if settings.to.startswith("s3://"):
        from actors.upkeep.backup.bucket import Bucket

        return Bucket(settings)
    if "://" in settings.to:
        raise InvalidInput("DRAMATURG_BACKUP_TO must be a folder, or begin with s3://.")
    from actors.upkeep.backup.folder import Folder

    return Folder(Path(settings.to).expanduser().absolute())
