"""One set of migrations makes the same tables in every kind of database, whatever interrupts it (F29)."""

from __future__ import annotations

import importlib
import itertools
import os
import pkgutil
import signal
import traceback
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pipeline import artifact_tables, database
from pipeline.artifacts import ArtifactStore
from pipeline.database import Database, newest_revision
from pipeline.errors import PipelineError
from pipeline.tables import metadata
from tests.support.databases import MariaDbServer

SCRIPTS = ScriptDirectory(str(database._MIGRATIONS))


@pytest.fixture
def new(database_url: str) -> Iterator[Database]:
    """A database of each kind that went through no migration."""
    made = Database(database_url)
    yield made
    made.close()


def _declare_all() -> None:
    for package in ("actors.growth.tables", "actors.upkeep.tables"):
        folder = importlib.import_module(package).__path__
        for found in pkgutil.iter_modules(folder, f"{package}."):
            importlib.import_module(found.name)
    assert artifact_tables.metadata is metadata


def _step(connection: sa.Connection, how: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(database._MIGRATIONS))
    config.attributes["connection"] = connection
    getattr(command, how)(config, revision)


def _tables(found: Database) -> set[str]:
    with found.begin() as connection:
        return set(sa.inspect(connection).get_table_names()) - {"alembic_version"}


def test_the_migrations_make_the_tables_that_the_code_uses(new: Database) -> None:
    """Of every domain: autogeneration finds no difference, and no table is left out."""
    _declare_all()
    new.migrate()
    assert _tables(new) == set(metadata.tables)
    with new.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_are_one_line(new: Database) -> None:
    """Each follows the one before, the newest file is the newest revision, and each can be undone."""
    order = [script.revision for script in SCRIPTS.walk_revisions()]
    assert order == sorted(order, reverse=True)
    assert order[0] == newest_revision() == SCRIPTS.get_current_head()
    new.migrate()
    with new.alone() as connection:
        _step(connection, "downgrade", "base")
    assert _tables(new) == set()


def test_moments_and_fractions_are_exact_in_every_table(new: Database) -> None:
    """Microseconds are kept, numbers with fractions are double, and text compares by every letter."""
    new.migrate()
    if new._engine().dialect.name != "mariadb":
        return
    with new.begin() as connection:
        columns = connection.execute(
            sa.text(
                "SELECT table_name, column_name, column_type, collation_name FROM information_schema.columns"
                " WHERE table_schema = database()"
            )
        ).all()
    assert [column for column in columns if column.column_type in {"datetime", "float", "text", "timestamp"}] == []
    collations = {column.collation_name for column in columns} - {None}
    assert collations <= {"utf8mb4_nopad_bin", "utf8mb4_bin"}  # the second is what JSON has


def test_a_database_that_is_not_migrated_says_so(new: Database) -> None:
    """Before the first migration it is not, afterwards it is, and migrating again changes nothing."""
    assert (new.is_migrated(), new.revision()) == (False, None)
    new.migrate()
    new.migrate()
    assert (new.is_migrated(), new.revision()) == (True, newest_revision())


def test_a_database_of_a_newer_version_is_named(new: Database, database_url: str) -> None:
    """It is not touched, and the error says why."""
    new.migrate()
    with new.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(PipelineError, match="newer version"):
        Database(database_url).migrate()


def test_an_older_database_keeps_what_it_holds(new: Database, database_url: str) -> None:
    """Results that were saved at the first revision are there at the newest."""
    with new.alone() as connection:
        _step(connection, "upgrade", "0001")
    store = ArtifactStore(new)
    store.save_document("a" * 64, name="Über.pdf", format="pdf", pages=3)
    saved = store.save(run_id="r1", kind="graph", body={"n": 1}, document_id="a" * 64)
    assert new.revision() == "0001"
    later = ArtifactStore(database_url)
    later.migrate()
    assert later.get(saved.id) == saved
    later.close()


def test_a_migration_that_fails_anywhere_is_continued(new: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After every table and every index in turn: the next try goes on, and ends at the newest shape."""
    keeps_halves = new._engine().dialect.name == "mariadb"
    for allowed in itertools.count() if keeps_halves else (0, 3, 10_000):
        left = iter(range(allowed))

        def watched(call: Callable[..., object], left: Iterator[int] = left) -> Callable[..., object]:
            def made(*args: object, **kw: object) -> object:
                if next(left, None) is None:
                    raise ZeroDivisionError
                return call(*args, **kw)

            return made

        with monkeypatch.context() as patch:
            patch.setattr(op, "create_table", watched(op.create_table))
            patch.setattr(op, "create_index", watched(op.create_index))
            try:
                new.migrate()
            except ZeroDivisionError:
                if not keeps_halves:
                    assert _tables(new) == set(), "half of it is there"
                continue
        break
    assert allowed >= 4
    assert new.revision() == newest_revision()
    ArtifactStore(new).save(run_id="r1", kind="graph", body=1)


def _forked(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - it must not go on as the tests do
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def _ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_killed_migration_is_continued_by_the_next_process(new: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies with tables made and the lock in its hands; nobody waits for it, and nothing has to be mended."""
    made = op.create_index
    with monkeypatch.context() as patch:
        patch.setattr(op, "create_index", lambda *args, **kw: (made(*args, **kw), os.kill(os.getpid(), signal.SIGKILL)))
        assert _ended(_forked(new.migrate)) == -signal.SIGKILL
    assert new.revision() is None
    new.migrate()
    assert new.is_migrated()


def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    """Four processes migrate and save to the same new database at the same moment, and none of them fails."""
    gate, opened = os.pipe()

    def work() -> None:
        store = ArtifactStore(database_url)
        os.close(opened)
        os.read(gate, 1)  # until the one that holds the other end lets go of it
        store.migrate()
        for number in range(10):
            store.save(run_id=f"{os.getpid()}-{number}", kind="graph", body=number)

    children = [_forked(work) for _ in range(4)]
    os.close(opened)
    assert [_ended(child) for child in children] == [0, 0, 0, 0]
    os.close(gate)
    store = ArtifactStore(database_url)
    assert len(store.list(limit=1000)) == 40
    store.close()


def test_databases_of_one_server_do_not_wait_for_one_another(mariadb_server: MariaDbServer) -> None:
    """A lock of MariaDB has a name that all its databases share; ours is of one database."""
    one, other = Database(mariadb_server.fresh()), Database(mariadb_server.fresh())
    with one.alone():
        other.migrate()
    other.close()
