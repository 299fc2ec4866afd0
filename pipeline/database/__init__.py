"""Connections to a SQL database, for threads and forked processes alike."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.database.address import NoDriver, read_address
from pipeline.database.engine import TURN, make_engine
from pipeline.database.faults import Conflict, NoDatabase, as_unavailable, told
from pipeline.database.upsert import upsert
from pipeline.errors import PipelineError

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = [
    "CONNECTIONS",
    "Conflict",
    "Database",
    "NoDatabase",
    "NoDriver",
    "get_database",
    "newest_revision",
    "set_database",
    "upsert",
]

#: How many connections a process holds at most, unless it is told otherwise.
CONNECTIONS = 10

_MIGRATIONS = Path(__file__).parents[1] / "migrations"
_ALONE = 0x6472616D  # any number, the same in every process


class Database:
    """A database by its address; it is connected to at its first use, with at most ``connections`` of each process."""

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        self._url = url
        self._connections = connections
        # One for each process: a connection must not be shared with the process that this one was forked from. Those
        # of the others stay here, for one that is cleared away says goodbye to the server in the other's name.
        self._engines: dict[int, sa.Engine] = {}
        self._migrated = False

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Open a transaction that is kept if its block ends well; a database that fails is ``NoDatabase``.

        What the database was told wrongly stays an exception of SQLAlchemy.
        """
        with _transaction(self._engine()) as connection:
            yield connection

    @contextmanager
    def alone(self) -> Iterator[sa.Connection]:
        """Open a transaction that waits for those of other processes that asked to be alone, too; see ``begin``."""
        if (file := self._file()) is not None:
            _make_folder(file.parent)
            with file.with_name(f"{file.name}.lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                with self.begin() as connection:
                    yield connection
            return
        engine = make_engine(read_address(self._url), 1, alone=True)
        with _transaction(engine) as connection:
            _wait_for_turn(connection)
            yield connection

    def migrate(self) -> None:
        """Bring the database to the newest shape; processes that start at once wait for the one that does it.

        Raises ``NoDatabase``, and ``PipelineError`` for one that is newer than we are, or refuses.
        """
        if self._migrated or self.is_migrated():
            self._migrated = True
            return
        import sqlalchemy as sa
        from alembic.util import CommandError

        try:
            with self.alone() as connection:
                _upgrade(connection)
        except CommandError as error:
            raise PipelineError(
                f"The database cannot be migrated: {error}. Was it last used by a newer version of dramaturg?"
            ) from error
        except sa.exc.DBAPIError as error:
            raise PipelineError(
                f"The database refuses to be migrated: {told(error)}. May its user create and change tables?"
            ) from error
        self._migrated = True

    def is_migrated(self) -> bool:
        """Tell whether the database has the newest shape."""
        return self.revision() == newest_revision()

    def revision(self) -> str | None:
        """Give the revision of the newest migration that it went through; none if it went through none."""
        import sqlalchemy as sa

        with self.begin() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            return connection.scalars(sa.text("SELECT version_num FROM alembic_version")).first()

    def is_there(self) -> bool:
        """Tell, without making it, whether the database exists; a server's is taken to."""
        file = self._file()
        return file is None or file.exists()

    def is_same(self, other: Database) -> bool:
        """Tell whether both have one address."""
        return read_address(self._url) == read_address(other._url)

    def close(self) -> None:
        """Close the connections of this process."""
        engine = self._engines.pop(os.getpid(), None)
        if engine is not None:
            engine.dispose()

    def _file(self) -> Path | None:
        url = read_address(self._url)
        on_disk = url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}
        return Path(str(url.database)) if on_disk else None

    def _engine(self) -> sa.Engine:
        found = self._engines.get(os.getpid())
        if found is None:
            if (file := self._file()) is not None:
                _make_folder(file.parent)
            # Without a lock, which a fork could leave locked: of two threads that are here at once one is heard.
            found = self._engines.setdefault(os.getpid(), make_engine(read_address(self._url), self._connections))
        return found


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


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


@contextmanager
def _transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    import sqlalchemy as sa

    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.SQLAlchemyError as error:
        unavailable = as_unavailable(error)
        if unavailable is None:
            raise
        raise unavailable from error


def _wait_for_turn(connection: sa.Connection) -> None:
    import sqlalchemy as sa

    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ALONE)))
    elif connection.dialect.name == "mariadb":
        # Names are the server's, not the database's. The lock ends with the connection, which is kept nowhere.
        name = sa.func.concat("dramaturg ", sa.func.md5(sa.func.database()))
        if connection.scalar(sa.select(sa.func.get_lock(name, int(TURN.total_seconds())))) != 1:
            raise NoDatabase(f"Another process has had the database to itself for {TURN}.")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NoDatabase(f"There is no place for the database in {folder}: {error.strerror}.") from error
