"""MariaDB: copied by ``mariadb-dump`` in one transaction, a row a line, so that what was copied can be counted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from actors.upkeep.backup import programs
from actors.upkeep.backup.databases import SCRATCH, Unpack, occupied, require_same
from actors.upkeep.backup.locking import Writable
from actors.upkeep.backup.manifest import Checked
from actors.upkeep.backup.stream import Lines
from pipeline.errors import AuthFailed, Permanent, ResourceExhausted, Transient

_DUMP = (
    "--single-transaction",
    "--quick",
    "--skip-lock-tables",
    "--skip-extended-insert",
    "--skip-add-locks",
    "--no-autocommit",
    "--hex-blob",
    "--triggers",
    "--default-character-set=utf8mb4",
)
_END = b"-- Dump completed"
_DENIED, _FULL = (1044, 1045, 1142, 1227, 1698), (1021, 1114, 3)
_DAY_S = 86_400


class MariadbDatabase:
    """A database of a server, which may be far away."""

    kind = "mariadb"

    def __init__(self, url: str, folder: Path | None, scratch: str | None) -> None:
        self._at = _At(url)
        self._folder = folder
        self._scratch = _At(scratch) if scratch else self._at

    @contextmanager
    def copied(self, folder: Path) -> Iterator[_Copy]:
        """Have ``mariadb-dump`` write it as it is at one moment."""
        del folder
        with ExitStack() as stack:
            words = stack.enter_context(self._at.options())
            argv = [programs.find("mariadb-dump", self._folder), *words, *_DUMP, self._at.database]
            yield _Copy(stack.enter_context(programs.reading(argv, {})))

    def try_out(self, unpack: Unpack, counts: Mapping[str, int], folder: Path) -> Checked:
        """Put the copy into a database of its own, count, and drop it; where none may be made, count its lines."""
        del folder
        import pymysql

        name = f"{SCRATCH}{time.time_ns() // 1000}"
        with self._scratch.connected() as cursor:
            _sweep(cursor)
            try:
                cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
            except pymysql.err.MySQLError as error:
                if error.args[0] not in _DENIED:
                    raise
                self._read(unpack, counts)
                return Checked(proof="read", note=f"No database could be made to restore it into: {_short(error)}.")
            try:
                there = self._scratch.named(name)
                self._load(there, unpack)
                with there.connected() as restored:
                    require_same(_counts(restored, name), counts)
            finally:
                cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
        return Checked(proof="restored")

    def require_free(self, *, force: bool) -> None:
        """Raise ``InvalidInput`` unless no table has rows, or it may be overwritten."""
        if force:
            return
        with self._at.connected() as cursor:
            for table, rows in _counts(cursor, self._at.database).items():
                if rows and table != "alembic_version":
                    raise occupied("The database", table)

    def put_back(self, unpack: Unpack, counts: Mapping[str, int]) -> None:
        """Replace its tables by those of the copy, one after another."""
        self._load(self._at, unpack)
        with self._at.connected() as cursor:
            found = _counts(cursor, self._at.database)
            require_same({table: found[table] for table in found if table in counts}, counts)

    def _load(self, at: _At, unpack: Unpack) -> None:
        with at.options() as words:
            argv = [programs.find("mariadb", self._folder), *words, "--default-character-set=utf8mb4", at.database]
            with programs.feeding(argv, {}) as into:
                unpack(into)

    def _read(self, unpack: Unpack, counts: Mapping[str, int]) -> None:
        seen = _Counting()
        unpack(seen)
        require_same(seen.finish(), counts)


class _Copy:
    """Counts the rows in what goes by."""

    def __init__(self, output: programs.Output) -> None:
        self._output, self._seen = output, _Counting()

    @property
    def source(self) -> _Copy:
        return self

    def read(self, size: int = -1) -> bytes:
        block = self._output.read(size)
        self._seen.write(block)
        return block

    def counts(self) -> dict[str, int]:
        return self._seen.finish()


class _Counting(Writable):
    def __init__(self) -> None:
        self._lines = Lines(self._see)
        self._tables: dict[str, int] = {}
        self._whole = False

    def write(self, data: bytes) -> int:
        return self._lines.write(data)

    def finish(self) -> dict[str, int]:
        if not self._whole:
            raise Permanent("The copy of the database is not whole: its end is missing.")
        return self._tables

    def _see(self, line: bytes) -> None:
        if line.startswith(b"INSERT INTO `"):
            self._tables[_name(line, b"INSERT INTO `")] += 1
        elif line.startswith(b"CREATE TABLE `"):
            self._tables.setdefault(_name(line, b"CREATE TABLE `"), 0)
        elif line.startswith(_END):
            self._whole = True


class _At:
    """An address; everything of it reaches a program in a file."""

    def __init__(self, url: str, database: str = "") -> None:
        self._url = url
        parts = urlsplit(url)
        self.database = database or unquote(parts.path.lstrip("/"))
        more = dict(parse_qsl(parts.query))
        said = {
            "host": parts.hostname,
            "port": parts.port,
            "user": None if parts.username is None else unquote(parts.username),
            "password": None if parts.password is None else unquote(parts.password),
            "unix_socket": more.get("unix_socket"),
            "ssl_ca": more.get("ssl_ca"),
        }
        self._said: dict[str, Any] = {name: value for name, value in said.items() if value is not None}

    def named(self, database: str) -> _At:
        return _At(self._url, database)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        import pymysql

        try:
            connection = pymysql.connect(
                **self._said, database=self.database, charset="utf8mb4", connect_timeout=10, autocommit=True
            )
            with connection, connection.cursor() as cursor:
                yield cursor
        except pymysql.err.MySQLError as error:
            told = f"MariaDB does not do what it should: {_short(error)}."
            code = error.args[0] if error.args else 0
            raise (AuthFailed if code in _DENIED else ResourceExhausted if code in _FULL else Transient)(
                told
            ) from error

    @contextmanager
    def options(self) -> Iterator[list[str]]:
        names = {"unix_socket": "socket", "ssl_ca": "ssl-ca"}
        lines = [f"{names.get(name, name)} = {_quoted(str(value))}" for name, value in self._said.items()]
        with programs.secret_file("\n".join(["[client]", *lines, ""])) as file:
            yield [f"--defaults-extra-file={file}"]


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _counts(cursor: Any, database: str) -> dict[str, int]:
    cursor.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE'",
        (database,),
    )
    counts = {}
    for (table,) in cursor.fetchall():
        cursor.execute(f"SELECT count(*) FROM `{table.replace('`', '``')}`")  # noqa: S608 - quoted
        counts[table] = int(cursor.fetchone()[0])
    return counts


def _sweep(cursor: Any) -> None:
    """Drop what a killed run left behind more than a day ago."""
    cursor.execute("SELECT schema_name FROM information_schema.schemata")
    for (name,) in cursor.fetchall():
        made = name.removeprefix(SCRATCH)
        if name.startswith(SCRATCH) and made.isdigit() and time.time() - int(made) / 1e6 > _DAY_S:
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")


def _name(line: bytes, before: bytes) -> str:
    quoted = line[len(before) :].replace(b"``", b"\0").partition(b"`")[0]
    return quoted.replace(b"\0", b"`").decode(errors="replace")


def _short(error: Exception) -> str:
    return " ".join(str(error.args[-1] if error.args else error).split())[:300].rstrip(".")
