"""Durable results in SQL."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pipeline import artifact_tables, artifacts
from pipeline.artifacts import ArtifactStore
from pipeline.errors import PipelineError, Unavailable


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The address of a database that is not there yet, in a folder that is not there either."""
    return f"sqlite:///{tmp_path / 'state' / 'dramaturg.db'}"


@pytest.fixture
def store(url: str) -> ArtifactStore:
    """A store at the newest shape."""
    store = ArtifactStore(url)
    store.migrate()
    return store


def test_a_result_comes_back_as_it_was_saved(store: ArtifactStore) -> None:
    """Text of any script, exact prices, times in UTC and where it came from survive the database."""
    store.save_document("a" * 64, name="Über.pdf", format="pdf", pages=3, language="de")
    body = {"nodes": [{"label": "Größe \u0000 \U0001f600"}], "n": 2**53, "x": None}
    saved = store.save(
        run_id="r1", kind="graph", body=body, flow_id="f1", document_id="a" * 64, generator="offline",
        tokens_in=1200, tokens_out=80, price=Decimal("0.000000123"), seconds=1.5,
    )  # fmt: skip
    assert store.get(saved.id) == store.find("r1", "graph") == saved
    assert saved.body == body
    assert saved.price == Decimal("0.000000123")
    assert datetime.now(UTC) - saved.created_at < timedelta(minutes=1)
    document = store.document("a" * 64)
    assert document is not None
    assert (document.name, document.language) == ("Über.pdf", "de")


def test_saving_twice_is_one_row(store: ArtifactStore) -> None:
    """The second save of a run's result replaces its body and keeps its id, whoever does it."""
    first = store.save(run_id="r1", kind="graph", body={"v": 1}, tokens_in=5)
    second = store.save(run_id="r1", kind="graph", body={"v": 2})
    assert (second.id, second.created_at) == (first.id, first.created_at)
    assert (second.body, second.tokens_in) == ({"v": 2}, 0)
    assert store.list() == (second,)
    for _ in range(2):
        store.save_document("a" * 64, name="notes.txt", format="text", pages=1)


def test_results_are_listed_newest_first(store: ArtifactStore) -> None:
    """By kind, by flow, and no more than asked for."""
    saved = [
        store.save(run_id=f"r{number}", kind=kind, body=number, flow_id=f"f{number % 2}")
        for number in range(6)
        for kind in ("graph", "quiz")
    ]
    newest_first = tuple(reversed(saved))
    assert store.list() == newest_first
    assert store.list(limit=3) == newest_first[:3]
    assert [found.body for found in store.list(kind="quiz", flow_id="f1")] == [5, 3, 1]
    assert store.list(kind="lesson") == ()
    assert store.get("nothing") is store.find("r0", "lesson") is store.document("0" * 64) is None


def test_the_migrations_make_the_tables_that_the_code_uses(store: ArtifactStore) -> None:
    """Autogeneration finds no difference, and the newest revision is the one the code asks for."""
    with store._database.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, artifact_tables.metadata) == []
    assert ScriptDirectory(str(artifacts._MIGRATIONS)).get_current_head() == artifacts.HEAD


def test_a_database_that_is_not_migrated_says_so(url: str) -> None:
    """Before the first migration it is not, afterwards it is, and migrating again changes nothing."""
    store = ArtifactStore(url)
    assert not store.is_migrated()
    store.migrate()
    assert store.is_migrated()
    store.migrate()


def test_a_migration_that_fails_half_way_leaves_no_half(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables made by a step that does not end are not there, and the next try succeeds."""
    from alembic import op

    monkeypatch.setattr(op, "create_index", lambda *_, **__: 1 / 0)
    store = ArtifactStore(url)
    with pytest.raises(ZeroDivisionError):
        store.migrate()
    with store._database.begin() as connection:
        assert sa.inspect(connection).get_table_names() == []
    monkeypatch.undo()
    store.migrate()
    assert store.is_migrated()


MIGRATING = """
import sys
import alembic.command, sqlalchemy
from pipeline.artifacts import ArtifactStore
store = ArtifactStore(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
store.migrate()
for number in range(20):
    store.save(run_id=f"{sys.argv[2]}-{number}", kind="graph", body=number)
"""


def test_processes_that_start_at_once_migrate_once(url: str) -> None:
    """Four processes migrate and save to the same new database at the same moment, and none of them fails."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATING, url, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert len(ArtifactStore(url).list(limit=1000)) == 80


def test_threads_share_a_store(store: ArtifactStore) -> None:
    """Eight threads save different and the same results at once; each result is there once."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.save(run_id=f"r{n % 50}", kind="graph", body=n), range(200)))
    assert len(store.list(limit=1000)) == 50


def test_a_forked_process_opens_connections_of_its_own(store: ArtifactStore) -> None:
    """A child saves with the store of its parent, and the parent goes on."""
    store.save(run_id="parent", kind="graph", body=1)
    engine = store._database._connected()
    child = os.fork()
    if child == 0:
        ours = store._database._connected() is engine
        store.save(run_id="child", kind="graph", body=2)
        os._exit(1 if ours else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert {found.run_id for found in store.list()} == {"parent", "child"}


def test_the_database_is_set_up_to_be_safe(store: ArtifactStore) -> None:
    """Write-ahead log, waiting instead of failing when it is busy, and references that must exist."""
    with store._database.begin() as connection:
        pragmas = [connection.scalar(sa.text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys")]
        assert pragmas == ["wal", 1]
        assert connection.scalar(sa.text("PRAGMA busy_timeout")) >= 10_000
    with pytest.raises(sa.exc.IntegrityError):
        store.save(run_id="r1", kind="graph", body=1, document_id="f" * 64)


def test_a_database_of_a_newer_version_is_named(store: ArtifactStore, url: str) -> None:
    """It is not touched, and the error says why."""
    with store._database.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(PipelineError, match="newer version"):
        ArtifactStore(url).migrate()


def test_a_database_out_of_reach_is_unavailable(tmp_path: Path) -> None:
    """A folder in the place of the file, and a file that is no database, are told without the body of the save."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unavailable, match="unable to open"):
        ArtifactStore(f"sqlite:///{tmp_path / 'folder'}").migrate()
    (tmp_path / "file").write_text("no database" * 1000)
    with pytest.raises(Unavailable, match="no place for the database"):
        ArtifactStore(f"sqlite:///{tmp_path / 'file' / 'x.db'}").migrate()
    with pytest.raises(Unavailable, match="not a database"):
        ArtifactStore(f"sqlite:///{tmp_path / 'file'}").migrate()


def test_a_failing_save_keeps_the_body_out_of_its_message(store: ArtifactStore, url: str) -> None:
    """What a document says does not go into errors and logs."""
    with sqlite3.connect(url.removeprefix("sqlite:///")) as other:
        other.execute("DROP TABLE artifacts")
    with pytest.raises(Unavailable) as failure:
        store.save(run_id="r1", kind="graph", body={"text": "confidential"})
    assert "confidential" not in str(failure.value)
    assert "confidential" not in str(failure.value.__cause__)
