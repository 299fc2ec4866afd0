"""What a database has to offer to be backed up, and which one an address names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from actors.upkeep.backup.locking import Readable, Writable
from actors.upkeep.backup.manifest import Checked
from actors.upkeep.backup.settings import BackupSettings
from pipeline.errors import InvalidInput, Permanent

#: Writes what was copied to what it is given.
Unpack = Callable[[Writable], object]

#: What databases are called that are made to count what was restored.
SCRATCH = "dramaturg_check_"


class Copied(Protocol):
    """A copy being made: its bytes, and once they were read, the rows of each table in it."""

    @property
    def source(self) -> Readable:
        """The bytes of the copy."""

    def counts(self) -> dict[str, int]:
        """Give the rows of each table in the copy."""


class Database(Protocol):
    """A database that can be copied while it is used, tried out, and put back."""

    @property
    def kind(self) -> str:
        """sqlite, postgresql or mariadb."""

    def copied(self, folder: Path) -> AbstractContextManager[Copied]:
        """Copy it as it is at one moment."""

    def try_out(self, unpack: Unpack, counts: Mapping[str, int], folder: Path) -> Checked:
        """Put a copy into a database made for it, count, and remove it; raises ``Permanent`` if it is not the same."""

    def require_free(self, *, force: bool) -> None:
        """Raise ``InvalidInput`` unless it is empty, or may be overwritten."""

    def put_back(self, unpack: Unpack, counts: Mapping[str, int]) -> None:
        """Make it what was copied."""


def open_database(url: str, settings: BackupSettings) -> Database:
    """Give the database of an address; nothing is connected yet."""
    name = urlsplit(url).scheme.partition("+")[0]
    scratch = None if settings.scratch_url is None else settings.scratch_url.get_secret_value()
    if name == "sqlite":
        from actors.upkeep.backup.sqlite import SqliteDatabase

        return SqliteDatabase(Path(urlsplit(url).path.removeprefix("/")))
    if name == "postgresql":
        from actors.upkeep.backup.postgresql import PostgresqlDatabase

        return PostgresqlDatabase(url, settings.programs, scratch)
    if name in {"mariadb", "mysql"}:
        from actors.upkeep.backup.mariadb import MariadbDatabase

        return MariadbDatabase(url, settings.programs, scratch)
    raise InvalidInput(f"A {name} database cannot be backed up.")


def require_same(found: Mapping[str, int], counts: Mapping[str, int]) -> None:
    """Raise ``Permanent`` unless the same tables have the same number of rows."""
    for table in sorted({*found, *counts}):
        if found.get(table) != counts.get(table):
            raise Permanent(
                f"The backup is not what was copied: the table {table} has {found.get(table, 'no')} rows "
                f"in place of {counts.get(table, 'none')}."
            )


def occupied(what: str, table: str) -> InvalidInput:
    """Give what to raise for a database that holds something."""
    return InvalidInput(
        f"{what} is not empty: it has rows in {table}. Nothing was changed. "
        "To lose what it holds, say --force database."
    )
