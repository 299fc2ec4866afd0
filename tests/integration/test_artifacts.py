"""Durable results in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.artifacts import ArtifactStore
from pipeline.errors import Unavailable


@pytest.fixture
def store(database_url: str) -> Iterator[ArtifactStore]:
    """A store at the newest shape, in a database of each kind."""
    store = ArtifactStore(database_url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The address of a SQLite database that is not there yet, in a folder that is not there either."""
    return f"sqlite:///{tmp_path / 'state' / 'dramaturg.db'}"


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


def test_threads_share_a_store(store: ArtifactStore) -> None:
    """Eight threads save different and the same results at once; each result is there once."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.save(run_id=f"r{n % 50}", kind="graph", body=n), range(200)))
    assert len(store.list(limit=1000)) == 50


def test_a_result_refers_to_a_document_that_is_there(store: ArtifactStore) -> None:
    """Another one is refused, as a mistake and not as a database that is away."""
    with pytest.raises(sa.exc.IntegrityError):
        store.save(run_id="r1", kind="graph", body=1, document_id="f" * 64)


def test_sqlite_is_set_up_to_be_safe(file: str) -> None:
    """Write-ahead log, waiting instead of failing when it is busy, and references that are looked at."""
    with ArtifactStore(file)._database.begin() as connection:
        pragmas = [connection.scalar(sa.text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys")]
        assert pragmas == ["wal", 1]
        assert connection.scalar(sa.text("PRAGMA busy_timeout")) >= 10_000


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


def test_a_failing_save_keeps_the_body_out_of_its_message(store: ArtifactStore) -> None:
    """What a document says does not go into errors and logs."""
    with store._database.begin() as connection:
        connection.execute(sa.text("DROP TABLE artifacts"))
    with pytest.raises(sa.exc.DBAPIError) as failure:
        store.save(run_id="r1", kind="graph", body={"text": "confidential"})
    assert "confidential" not in str(failure.value)
    assert "confidential" not in str(failure.value.orig)
