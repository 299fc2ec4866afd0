"""How each kind of database is connected to: pools, time limits, and sessions that mean the same everywhere."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import sqlalchemy as sa

#: How long connecting may take.
CONNECT = timedelta(seconds=10)
#: How long one statement may take; those of migrations may take as long as they need.
STATEMENT = timedelta(seconds=60)
#: How long a statement waits for rows that another transaction holds.
LOCK = timedelta(seconds=15)
#: How long a transaction may do nothing before the server ends it: whoever began it hangs.
IDLE = timedelta(seconds=60)
#: How long a thread waits for a connection that the others of its process hold.
POOL = timedelta(seconds=30)
#: How long migrations wait for those of another process.
TURN = timedelta(minutes=5)
#: A connection that is older is made anew: what stands between us and the server forgets idle ones.
_AGE = timedelta(minutes=30)
#: Hosts that are this machine.
_HERE = frozenset({None, "", "localhost", "127.0.0.1", "::1"})


def make_engine(address: sa.URL, connections: int, *, alone: bool = False) -> sa.Engine:
    """Give an engine of at most ``connections``; with ``alone`` one that keeps none and has no time limits."""
    import sqlalchemy as sa

    options: dict[str, Any] = {
        "hide_parameters": True,
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": _loads,
    }
    if alone:
        options["poolclass"] = sa.NullPool
    else:
        options |= {"pool_size": connections, "max_overflow": 0, "pool_timeout": POOL.total_seconds()}
        options |= {"pool_use_lifo": True, "pool_pre_ping": True, "pool_recycle": int(_AGE.total_seconds())}
    kind = address.get_backend_name()
    if kind == "sqlite":
        engine = sa.create_engine(address, **options)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return engine
    said = _postgresql(address, alone=alone) if kind == "postgresql" else _mariadb(address, alone=alone)
    # What the address says goes before what we say.
    arguments = {name: value for name, value in said.items() if name == "options" or name not in address.query}
    return sa.create_engine(address, isolation_level="READ COMMITTED", connect_args=arguments, **options)


def _postgresql(address: sa.URL, *, alone: bool) -> dict[str, Any]:
    session = {
        "statement_timeout": "0" if alone else _ms(STATEMENT),
        "lock_timeout": _ms(TURN if alone else LOCK),
        "idle_in_transaction_session_timeout": _ms(IDLE),
        "timezone": "UTC",
    }
    theirs = address.query.get("options", "")
    ours = " ".join(f"-c {name}={value}" for name, value in session.items())
    return {
        "connect_timeout": int(CONNECT.total_seconds()),
        "application_name": "dramaturg",
        "client_encoding": "utf8",
        "options": f"{ours} {theirs if isinstance(theirs, str) else ' '.join(theirs)}".rstrip(),
        # A server whose machine or network is gone says nothing; this finds out within a minute.
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": _ms(timedelta(minutes=1)),
    }


def _mariadb(address: sa.URL, *, alone: bool) -> dict[str, Any]:
    session = {
        "sql_mode": "'TRADITIONAL'",  # a value that does not fit is refused, never cut
        "time_zone": "'+00:00'",
        "max_statement_time": "0" if alone else _s(STATEMENT),
        "lock_wait_timeout": _s(TURN if alone else LOCK),
        "innodb_lock_wait_timeout": _s(LOCK),
        "idle_transaction_timeout": _s(IDLE),
    }
    more: dict[str, Any] = {} if alone else {"read_timeout": int((STATEMENT + LOCK).total_seconds())}
    if address.host in _HERE and not any(name.startswith("ssl") for name in address.query):
        more["ssl_disabled"] = True  # the driver reads all certificates of the machine for each connection: 40 ms
    return {
        "connect_timeout": int(CONNECT.total_seconds()),
        "write_timeout": int(STATEMENT.total_seconds()),
        "charset": "utf8mb4",
        "collation": "utf8mb4_nopad_bin",
        "init_command": "SET SESSION " + ", ".join(f"{name}={value}" for name, value in session.items()),
        **more,
    }


def _ms(time: timedelta) -> int:
    return int(time.total_seconds() * 1000)


def _s(time: timedelta) -> str:
    return str(int(time.total_seconds()))


def _loads(value: Any) -> Any:
    # SQLite keeps JSON that is nothing but a number as a number.
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Python's driver begins transactions late, and none for a change of tables; we begin them ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout = {_ms(LOCK)}", "journal_mode = WAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
