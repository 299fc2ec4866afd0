"""SQLite: copied by its online backup, which sees one moment while others write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from actors.upkeep.backup.databases import Unpack, occupied, require_same
from actors.upkeep.backup.manifest import Checked
from pipeline.errors import Permanent, ResourceExhausted, Transient


class SqliteDatabase:
    """A file; one that is not there yet is an empty database."""

    kind = "sqlite"

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextmanager
    def copied(self, folder: Path) -> Iterator[_Copy]:
        """Copy it to a file in ``folder``; raises ``ResourceExhausted`` when there is no room for it."""
        place = folder / "database.sqlite"
        place.unlink(missing_ok=True)
        with _plainly(), closing(sqlite3.connect(place)) as copy:
            if self._file.exists():
                with closing(sqlite3.connect(f"{self._file.absolute().as_uri()}?mode=ro", uri=True)) as database:
                    database.execute("PRAGMA busy_timeout = 15000")
                    database.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            counts = _counts(copy)
        with place.open("rb") as file:
            yield _Copy(file, counts)
        place.unlink()

    def try_out(self, unpack: Unpack, counts: Mapping[str, int], folder: Path) -> Checked:
        """Open what was copied, have SQLite look at all of it, and count."""
        file = folder / "restored.sqlite"
        try:
            self._restore(unpack, counts, file)
        finally:
            file.unlink(missing_ok=True)
        return Checked(proof="restored")

    def require_free(self, *, force: bool) -> None:
        """Raise ``InvalidInput`` unless it is empty, or may be overwritten."""
        if force or not self._file.exists():
            return
        with _plainly(), closing(sqlite3.connect(self._file)) as database:
            for table, rows in _counts(database).items():
                if rows and table != "alembic_version":
                    raise occupied(str(self._file), table)

    def put_back(self, unpack: Unpack, counts: Mapping[str, int]) -> None:
        """Put the copy in the place of the file, once it is whole and counted."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        restored = self._file.with_name(f"{self._file.name}.restoring")
        try:
            self._restore(unpack, counts, restored)
            for ending in ("-wal", "-shm", "-journal"):
                self._file.with_name(self._file.name + ending).unlink(missing_ok=True)
            restored.replace(self._file)
        finally:
            restored.unlink(missing_ok=True)

    def _restore(self, unpack: Unpack, counts: Mapping[str, int], file: Path) -> None:
        with _plainly():
            with file.open("wb") as into:
                file.chmod(0o600)
                unpack(into)
            with closing(sqlite3.connect(file)) as database:
                (said,) = database.execute("PRAGMA integrity_check(1)").fetchone()
                if said != "ok":
                    raise Permanent(f"The backup is damaged: SQLite says {said}.")
                require_same(_counts(database), counts)


class _Copy:
    def __init__(self, source: IO[bytes], counts: dict[str, int]) -> None:
        self.source = source
        self._counts = counts

    def counts(self) -> dict[str, int]:
        return self._counts


def _counts(database: sqlite3.Connection) -> dict[str, int]:
    tables = database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()
    quoted = {name: name.replace('"', '""') for (name,) in tables}
    return {
        name: int(database.execute(f'SELECT count(*) FROM "{inside}"').fetchone()[0])  # noqa: S608 - quoted
        for name, inside in quoted.items()
    }


@contextmanager
def _plainly() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if "full" in str(error) or "disk I/O" in str(error):
            raise ResourceExhausted(f"There is no room for a copy of the database: {error}.") from error
        if isinstance(error, sqlite3.OperationalError):
            raise Transient(f"The database does not do what it should: {error}.") from error
        raise Permanent(f"This is no SQLite database: {error}.") from error
    except OSError as error:
        raise ResourceExhausted(f"There is no room for a copy of the database: {error.strerror}.") from error
