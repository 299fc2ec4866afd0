"""Connections to a SQL database, for threads and forked processes alike."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from pipeline.errors import PipelineError, Unavailable

if TYPE_CHECKING:
    import sqlalchemy as sa

_MIGRATIONS = Path(__file__).parent / "migrations"
_ALONE = 0x6472616D  # any number, the same in every process
_BUSY_MS = 15_000


class Database:
    """A database by its address; it is connected to at its first use."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._engine: tuple[int, sa.Engine] | None = None
        self._migrated = False

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Open a transaction that is kept if its block ends well; a database that fails is ``Unavailable``."""
        import sqlalchemy as sa

        try:
            with self._connected().begin() as connection:
                yield connection
        except (sa.exc.IntegrityError, sa.exc.DataError, sa.exc.ProgrammingError):
            raise  # what was said is wrong, not the database
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            raise Unavailable(f"The database does not do what it should: {getattr(error, 'orig', error)}.") from error

    @contextmanager
    def alone(self) -> Iterator[sa.Connection]:
        """Open a transaction that waits for those of other processes that asked to be alone, too."""
        import sqlalchemy as sa

        if (file := self._file()) is not None:
            _make_folder(file.parent)
            with file.with_name(f"{file.name}.lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                with self.begin() as connection:
                    yield connection
        else:
            with self.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ALONE)))
                yield connection

    def migrate(self) -> None:
        """Bring the database to the newest shape; processes that start at once wait for the one that does it."""
        if self._migrated or self.is_migrated():
            self._migrated = True
            return
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        with self.alone() as connection:
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise PipelineError(
                    f"The database cannot be migrated: {error}. Was it last used by a newer version of dramaturg?"
                ) from error
        self._migrated = True

    def is_migrated(self) -> bool:
        """Tell whether the database has the newest shape."""
        import sqlalchemy as sa

        with self.begin() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return False
            found = connection.scalars(sa.text("SELECT version_num FROM alembic_version")).all()
        return found == [newest_revision()]

    def is_there(self) -> bool:
        """Tell, without making it, whether the database exists; a server's is taken to."""
        file = self._file()
        return file is None or file.exists()

    def close(self) -> None:
        """Close the connections of this process."""
        with self._lock:
            if self._engine is not None and self._engine[0] == os.getpid():
                self._engine[1].dispose()
            self._engine = None

    def _file(self) -> Path | None:
        import sqlalchemy as sa

        url = sa.make_url(self._url)
        on_disk = url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}
        return Path(str(url.database)) if on_disk else None

    def _connected(self) -> sa.Engine:
        with self._lock:
            # A connection must not be shared with the process that this one was forked from.
            if self._engine is None or self._engine[0] != os.getpid():
                self._engine = (os.getpid(), self._make_engine())
            return self._engine[1]

    def _make_engine(self) -> sa.Engine:
        import sqlalchemy as sa

        if (file := self._file()) is not None:
            _make_folder(file.parent)
        engine = sa.create_engine(
            self._url,
            hide_parameters=True,
            pool_pre_ping=True,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=_loads,
        )
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _prepare_sqlite)
            sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return engine


def upsert(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], row: Mapping[str, Any], first: Mapping[str, Any]
) -> sa.Row[Any]:
    """Write ``row`` where ``key`` (columns under a unique constraint) is as in ``first``, and give the whole row.

    What is in ``first`` is written only when there was no such row.
    """
    from sqlalchemy.dialects import postgresql, sqlite

    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(**first, **row)
    replaced = {name: statement.excluded[name] for name in row}
    return connection.execute(
        statement.on_conflict_do_update(index_elements=list(key), set_=replaced).returning(table)
    ).one()


@cache
def newest_revision() -> str:
    """Give the revision of the newest migration; a database at it needs none."""
    return max(file.name[1:5] for file in (_MIGRATIONS / "versions").glob("r[0-9][0-9][0-9][0-9]_*.py"))


_bound: list[Database] = []


def set_database(database: Database) -> None:
    """Say which database this process works with."""
    _bound[:] = [database]


def get_database() -> Database:
    """Give this process's database in its newest shape; raises ``LookupError`` where none was set."""
    _bound[0].migrate()
    return _bound[0]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"There is no place for the database in {folder}: {error.strerror}.") from error


def _loads(value: Any) -> Any:
    # SQLite keeps JSON that is nothing but a number as a number.
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Python's driver begins transactions late, and none for a change of tables; we begin them ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout = {_BUSY_MS}", "journal_mode = WAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
