"""Durable results in SQL: documents, and what was made of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from pipeline import ids
from pipeline.database import Database, upsert
from pipeline.errors import Cancelled

if TYPE_CHECKING:
    import sqlalchemy as sa

    from pipeline.run import Run


class Stored(BaseModel):
    """A row, as it is handed out."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(Stored):
    """A document that something was made of, named by the sha256 of its bytes."""

    id: str
    name: str
    format: str
    pages: int
    language: str | None = None
    created_at: datetime


class Artifact(Stored):
    """One result of a run: its body, where it came from and what it took."""

    id: str
    run_id: str
    flow_id: str | None = None
    kind: str
    document_id: str | None = None
    body: Any
    generator: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    price: Decimal | None = None
    seconds: float = 0.0
    created_at: datetime


class ArtifactStore:
    """The database of results. Threads may share it, and a forked process may go on using it."""

    def __init__(self, database: Database | str) -> None:
        self._database = Database(database) if isinstance(database, str) else database

    def migrate(self) -> None:
        """Bring the database to the newest shape; processes that start at once wait for the one that does it."""
        self._database.migrate()

    def is_there(self) -> bool:
        """Tell, without making it, whether the database exists; a server's is taken to."""
        return self._database.is_there()

    def is_migrated(self) -> bool:
        """Tell whether the database has the newest shape."""
        return self._database.is_migrated()

    def save_document(self, sha: str, *, name: str, format: str, pages: int, language: str | None = None) -> None:  # noqa: A002 - the column's name
        """Remember a document; saying it again renames it."""
        from pipeline.artifact_tables import documents

        row = {"name": name, "format": format, "pages": pages, "language": language}
        with self._database.begin() as connection:
            upsert(connection, documents, ("id",), row, {"id": sha, "created_at": datetime.now(UTC)})

    def save(
        self,
        *,
        run_id: str,
        kind: str,
        body: Any,
        flow_id: str | None = None,
        document_id: str | None = None,
        generator: str | None = None,
        tokens_in: int = 0,
        tokens_out: int = 0,
        price: Decimal | None = None,
        seconds: float = 0.0,
    ) -> Artifact:
        """Keep the result of this kind of a run; saving it again replaces its body and keeps its id and its age."""
        from pipeline.artifact_tables import artifacts

        row = {
            "body": body,
            "flow_id": flow_id,
            "document_id": document_id,
            "generator": generator,
            "tokens_in": tokens_in,
            "tokens_out": tokens_out,
            "price": price,
            "seconds": seconds,
        }
        first = {"id": ids.new(), "run_id": run_id, "kind": kind, "created_at": datetime.now(UTC)}
        with self._database.begin() as connection:
            return self._artifact(upsert(connection, artifacts, ("run_id", "kind"), row, first))

    def withdraw(self, run_id: str) -> int:
        """Remove the results of a run that was cancelled, and say how many there were."""
        import sqlalchemy as sa

        from pipeline.artifact_tables import artifacts

        with self._database.begin() as connection:
            return connection.execute(sa.delete(artifacts).where(artifacts.c.run_id == run_id)).rowcount

    def get(self, artifact_id: str) -> Artifact | None:
        """Give a result by its id."""
        from pipeline.artifact_tables import artifacts

        return next(self._select(artifacts.c.id == artifact_id, limit=1), None)

    def find(self, run_id: str, kind: str) -> Artifact | None:
        """Give the result of one kind of a run."""
        from pipeline.artifact_tables import artifacts

        return next(self._select(artifacts.c.run_id == run_id, artifacts.c.kind == kind, limit=1), None)

    def list(self, *, kind: str | None = None, flow_id: str | None = None, limit: int = 50) -> tuple[Artifact, ...]:
        """Give results, the newest first."""
        from pipeline.artifact_tables import artifacts

        wanted = []
        if kind is not None:
            wanted.append(artifacts.c.kind == kind)
        if flow_id is not None:
            wanted.append(artifacts.c.flow_id == flow_id)
        return tuple(self._select(*wanted, limit=limit))

    def document(self, sha: str) -> Document | None:
        """Give what is known of a document."""
        import sqlalchemy as sa

        from pipeline.artifact_tables import documents

        with self._database.begin() as connection:
            row = connection.execute(sa.select(documents).where(documents.c.id == sha)).mappings().first()
        return None if row is None else Document.model_validate(dict(row))

    def close(self) -> None:
        """Close the connections; the store may be used again."""
        self._database.close()

    def _select(self, *wanted: sa.ColumnElement[bool], limit: int) -> Iterator[Artifact]:
        import sqlalchemy as sa

        from pipeline.artifact_tables import artifacts

        newest_first = (artifacts.c.created_at.desc(), artifacts.c.id.desc())
        with self._database.begin() as connection:
            rows = connection.execute(sa.select(artifacts).where(*wanted).order_by(*newest_first).limit(limit)).all()
        return map(self._artifact, rows)

    @staticmethod
    def _artifact(row: sa.Row[Any]) -> Artifact:
        return Artifact.model_validate(row._asdict())


_bound: list[ArtifactStore] = []


def set_artifacts(store: ArtifactStore) -> None:
    """Say which database this process keeps its results in."""
    _bound[:] = [store]


@contextmanager
def withdrawn_if_cancelled(run: Run) -> Iterator[None]:
    """Take back what the block saved for a run if somebody asked it to stop meanwhile; raises ``Cancelled`` then."""
    try:
        yield
        run.check_cancelled()  # the answer to the last step's result said whether somebody had asked
    except Cancelled:
        get_artifacts().withdraw(run.id)
        raise


def get_artifacts() -> ArtifactStore:
    """Give this process's database in its newest shape; raises ``LookupError`` where none was set."""
    _bound[0].migrate()
    return _bound[0]
