"""PostgreSQL: copied by ``pg_dump`` and counted in the same snapshot of the server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.upkeep.backup import programs
from actors.upkeep.backup.databases import SCRATCH, Unpack, occupied, require_same
from actors.upkeep.backup.manifest import Checked
from pipeline.errors import AuthFailed, ResourceExhausted, Transient

if TYPE_CHECKING:
    import psycopg

_TABLES = """
SELECT schemaname, tablename FROM pg_catalog.pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""
_DAY_S = 86_400
_RESTORE = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")


class PostgresqlDatabase:
    """A database of a server, which may be far away."""

    kind = "postgresql"

    def __init__(self, url: str, folder: Path | None, scratch: str | None) -> None:
        self._at = _At(url)
        self._folder = folder
        self._scratch = _At(scratch) if scratch else self._at

    @contextmanager
    def copied(self, folder: Path) -> Iterator[_Copy]:
        """Have ``pg_dump`` write it, at the moment at which the rows are counted."""
        del folder
        import psycopg

        with ExitStack() as stack:
            connection = stack.enter_context(self._at.connected())
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            words = (
                "--format=custom",
                "--compress=0",
                "--no-owner",
                "--no-privileges",
                f"--snapshot={(row or [''])[0]}",
            )
            counts = _counts(connection)
            yield _Copy(stack.enter_context(self._dumping(words)), counts)

    def try_out(self, unpack: Unpack, counts: Mapping[str, int], folder: Path) -> Checked:
        """Put the copy into a database of its own, count, and drop it; where none may be made, read it to its end."""
        del folder
        import psycopg

        name = f"{SCRATCH}{time.time_ns() // 1000}"
        with self._scratch.connected() as connection:
            connection.autocommit = True
            _sweep(connection)
            try:
                connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
            except psycopg.errors.InsufficientPrivilege as error:
                self._read(unpack)
                return Checked(proof="read", note=f"No database could be made to restore it into: {_short(error)}.")
            try:
                there = self._scratch.named(name)
                self._load(there, unpack, ())
                with there.connected() as restored:
                    require_same(_counts(restored), counts)
            finally:
                connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        return Checked(proof="restored")

    def require_free(self, *, force: bool) -> None:
        """Raise ``InvalidInput`` unless no table has rows, or it may be overwritten."""
        if force:
            return
        with self._at.connected() as connection:
            for table, rows in _counts(connection).items():
                if rows and not table.endswith("alembic_version"):
                    raise occupied("The database", table)

    def put_back(self, unpack: Unpack, counts: Mapping[str, int]) -> None:
        """Replace its tables by those of the copy, in one transaction."""
        self._load(self._at, unpack, ("--clean", "--if-exists"))
        with self._at.connected() as connection:
            found = _counts(connection)
            require_same({table: found[table] for table in found if table in counts}, counts)

    @contextmanager
    def _dumping(self, words: tuple[str, ...]) -> Iterator[programs.Output]:
        with self._at.environment() as env:
            argv = [programs.find("pg_dump", self._folder), *words, "--dbname", self._at.shown]
            with programs.reading(argv, env) as output:
                yield output

    def _load(self, at: _At, unpack: Unpack, words: tuple[str, ...]) -> None:
        with at.environment() as env:
            argv = [programs.find("pg_restore", self._folder), *_RESTORE, *words, "--dbname", at.shown]
            with programs.feeding(argv, env) as into:
                unpack(into)

    def _read(self, unpack: Unpack) -> None:
        argv = [programs.find("pg_restore", self._folder), "--file=/dev/null"]
        with programs.feeding(argv, {}) as into:
            unpack(into)


class _At:
    """An address; ``shown`` is all of it but the password."""

    def __init__(self, url: str, database: str = "") -> None:
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        scheme, _, rest = url.partition("://")
        said: dict[str, Any] = conninfo_to_dict(f"{scheme.partition('+')[0]}://{rest}")
        if database:
            said["dbname"] = database
        self._url = url
        self._password: str = said.pop("password", None) or ""
        self.shown = make_conninfo(**said)

    def named(self, database: str) -> _At:
        return _At(self._url, database)

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Any]]:
        import psycopg

        try:
            with psycopg.connect(self.shown, password=self._password or None, connect_timeout=10) as connection:
                yield connection
        except psycopg.errors.InvalidPassword as error:
            raise AuthFailed(f"PostgreSQL refuses the user or password of DATABASE_URL: {_short(error)}.") from error
        except psycopg.errors.DiskFull as error:
            raise ResourceExhausted(f"PostgreSQL has no room: {_short(error)}.") from error
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise AuthFailed(
                    f"PostgreSQL refuses the user or password of DATABASE_URL: {_short(error)}."
                ) from error
            raise Transient(f"PostgreSQL does not do what it should: {_short(error)}.") from error

    @contextmanager
    def environment(self) -> Iterator[dict[str, str]]:
        escaped = self._password.replace("\\", "\\\\").replace(":", "\\:")
        with programs.secret_file(f"*:*:*:*:{escaped}\n") as file:
            yield {"PGPASSFILE": str(file), "PGCONNECT_TIMEOUT": "10"}


class _Copy:
    def __init__(self, source: programs.Output, counts: dict[str, int]) -> None:
        self.source = source
        self._counts = counts

    def counts(self) -> dict[str, int]:
        return self._counts


def _counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    from psycopg import sql

    counts = {}
    for schema, table in connection.execute(_TABLES).fetchall():
        asked = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        counts[f"{schema}.{table}"] = int((connection.execute(asked).fetchone() or [0])[0])
    return counts


def _sweep(connection: psycopg.Connection[Any]) -> None:
    """Drop what a killed run left behind more than a day ago."""
    found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{SCRATCH}%",)).fetchall()
    for (name,) in found:
        made = name.removeprefix(SCRATCH)
        if made.isdigit() and time.time() - int(made) / 1e6 > _DAY_S:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")
