"""What docs/databases.md says is so: its example runs, its rights suffice, its numbers are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa

from pipeline import database, tables
from pipeline.database import Database, check, engine
from tests.support.databases import MariaDbServer

PAGE = (Path(__file__).parents[2] / "docs" / "databases.md").read_text("utf-8")


def test_the_example_writes_a_note(database_url: str) -> None:
    """Twice the same note is one row, in every kind of database."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    program: dict[str, object] = {}
    bound = list(database._bound)
    kept = Database(database_url)
    database.set_database(kept)
    try:
        exec(compile(block, "docs/databases.md", "exec"), program)  # the page's own example
        notes = tables.metadata.tables["notes"]
        tables.metadata.remove(notes)
        with kept.begin() as connection:
            notes.create(connection)
        for text in ("first", "second"):
            program["write_note"]("n1", text)  # type: ignore[operator] # defined by the page
        with kept.begin() as connection:
            assert connection.execute(sa.select(notes)).all() == [("n1", "second")]
    finally:
        database._bound[:] = bound
        kept.close()


def test_the_rights_that_it_names_are_enough(mariadb_server: MariaDbServer) -> None:
    """A user with these and no others migrates, writes and reads."""
    (rights,) = re.findall(r"GRANT (.*) ON pipeline\.\*", PAGE)
    name = mariadb_server.fresh().rpartition("/")[2]
    mariadb_server.execute("CREATE USER least IDENTIFIED BY 'least'", f"GRANT {rights} ON {name}.* TO least")
    kept = Database(f"mariadb://least:least@127.0.0.1:{mariadb_server.port}/{name}")
    kept.migrate()
    assert kept.is_migrated()
    kept.close()


def test_its_numbers_are_the_codes() -> None:
    """Versions, connections and limits of time."""
    limits = dict(re.findall(r"^\| ([a-z][^|]*) \| ([0-9]+) s \|", PAGE, re.MULTILINE))
    named = {
        "connecting": engine.CONNECT,
        "one statement": engine.STATEMENT,
        "waiting for a row that another transaction holds": engine.LOCK,
        "a transaction that does nothing": engine.IDLE,
    }
    assert {name: int(seconds) for name, seconds in limits.items()} == {
        name: int(limit.total_seconds()) for name, limit in named.items()
    }
    assert f"\n{database.CONNECTIONS} x worker processes" in PAGE
    assert f"waits for {engine.POOL.seconds} s" in PAGE
    assert f"up to {engine.TURN.seconds // 60} minutes" in PAGE.replace("\n", " ")
    told = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
    for kind, oldest in check.OLDEST.items():
        assert f"| {told[kind]} | {'.'.join(map(str, oldest))} or later |" in PAGE
