"""What an error of a database means: that it cannot work now, or that what it was told is wrong."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from pipeline.errors import Unavailable

if TYPE_CHECKING:
    import sqlalchemy as sa

#: Codes from here on are the client's: it does not reach the server, or lost it.
_CLIENT = range(2000, 2100)

#: MariaDB's codes for what passes by itself, or when somebody mends the server: full, busy, stopping, read only,
#: not let in, too slow, in one another's way. Every other of its "operational" errors is a mistake in what it was told.
_PASSING = frozenset({
    *(1016, 1020, 1021, 1023, 1026, 1030, 1037, 1038, 1040, 1041, 1042, 1043, 1044, 1045, 1047, 1049, 1053, 1077),
    *(1079, 1080, 1114, 1129, 1130, 1135, 1152, 1158, 1159, 1160, 1161, 1180, 1184, 1194, 1195, 1203, 1205, 1206),
    *(1213, 1226, 1290, 1317, 1429, 1614, 1637, 1698, 1792, 1836, 1927, 1969, 3024, 4031, 4150, 4151),
})  # fmt: skip


class NoDatabase(Unavailable):
    """The database is away, full, busy, or in its own way; what was to be written is not, and may be tried again."""


class Conflict(NoDatabase):
    """Another transaction was in the way, and the database ended this one: the same may be tried again at once."""


def as_unavailable(error: sa.exc.SQLAlchemyError) -> NoDatabase | None:
    """Give what stands for an error of a database that is that cannot work now; none for a mistake."""
    import sqlalchemy as sa

    if isinstance(error, sa.exc.TimeoutError):
        return NoDatabase("All of this process's connections to the database are in use, and none became free.")
    if not isinstance(error, sa.exc.DBAPIError) or _is_mistake(error):
        return None
    meant = Conflict if _is_conflict(error) else NoDatabase
    return meant(f"The database does not do what it should: {told(error)}.")


def _is_conflict(error: sa.exc.DBAPIError) -> bool:
    return (
        getattr(error.orig, "sqlstate", None) in {"40001", "40P01"}
        or _mariadb_code(error) in {1020, 1213}
        or getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY_SNAPSHOT
    )


def _is_mistake(error: sa.exc.DBAPIError) -> bool:
    import sqlalchemy as sa

    if isinstance(error, sa.exc.IntegrityError | sa.exc.DataError | sa.exc.ProgrammingError | sa.exc.NotSupportedError):
        return True
    if (code := getattr(error.orig, "sqlite_errorcode", None)) is not None:
        return bool(code & 0xFF == sqlite3.SQLITE_ERROR)
    code = _mariadb_code(error)
    return code is not None and code >= 1000 and code not in _PASSING and code not in _CLIENT  # noqa: PLR2004 - below are the driver's own


def _mariadb_code(error: sa.exc.DBAPIError) -> int | None:
    given = getattr(error.orig, "args", ())
    from_pymysql = type(error.orig).__module__.startswith("pymysql")
    return given[0] if from_pymysql and given and isinstance(given[0], int) else None


def told(error: sa.exc.DBAPIError) -> str:
    """Give what the database said in one line, without the statement."""
    code = _mariadb_code(error)
    said = str(error.orig if code is None or error.orig is None else error.orig.args[-1])
    return " ".join(said.split()).rstrip(".") + (f" ({code})" if code else "")
