"""Moving everything from one database to another, of another kind perhaps: all of it, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.database import Database, newest_revision
from pipeline.errors import InvalidInput, PipelineError

if TYPE_CHECKING:
    import sqlalchemy as sa

#: Rows that are in memory at once.
_ROWS = 100


def copy_database(source: Database, target: Database) -> dict[str, int]:
    """Copy every row of ``source`` to ``target``, and give how many there are of each table.

    Every domain's tables must be declared. Raises ``InvalidInput`` if ``source`` is not in the newest shape, or
    ``target`` holds something already, and ``NoDatabase``; the target is as before then.
    """
    import sqlalchemy as sa

    if (found := source.revision()) != newest_revision():
        raise InvalidInput(f"What is to be copied has the shape {found}, not {newest_revision()}: migrate it first.")
    target.migrate()
    counts = {}
    with source.begin() as reading, target.alone() as writing:
        for table in _tables(reading):
            if writing.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None:
                raise InvalidInput(f"The database holds something already, in {table.name}: copy to an empty one.")
        for table in _tables(reading):
            counts[table.name] = _copy(table, reading, writing)
    return counts


def _copy(table: sa.Table, reading: sa.Connection, writing: sa.Connection) -> int:
    import sqlalchemy as sa

    copied = 0
    rows = reading.execution_options(yield_per=_ROWS).execute(sa.select(table))
    for part in rows.mappings().partitions():
        writing.execute(sa.insert(table), [dict(row) for row in part])
        copied += len(part)
    there = writing.scalar(sa.select(sa.func.count()).select_from(table))
    if there != copied:
        raise PipelineError(f"Of {table.name} {copied} rows were copied, and {there} are there.")
    return copied


def _tables(connection: sa.Connection) -> list[sa.Table]:
    """Give all tables, those that others refer to first; what is nothing stays nothing, and does not become null."""
    import sqlalchemy as sa

    from pipeline import artifact_tables  # noqa: F401 - declares its tables
    from pipeline.tables import metadata

    unknown = set(sa.inspect(connection).get_table_names()) - {*metadata.tables, "alembic_version"}
    if unknown:
        raise PipelineError(f"Nobody has declared the tables {', '.join(sorted(unknown))}.")
    own = sa.MetaData()
    for table in metadata.sorted_tables:
        for column in table.to_metadata(own).columns:
            if isinstance(column.type, sa.JSON) and column.nullable:
                column.type = sa.JSON(none_as_null=True)
    return own.sorted_tables
