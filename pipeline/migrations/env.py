"""Runs the steps on the connection that ``Database.migrate`` hands over."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.ddl.mysql import MariaDBImpl

from pipeline.tables import metadata


class _Continued(MariaDBImpl):
    """MariaDB keeps every table as soon as it is made: a step that was killed half-way finds its first half there."""

    __dialect__ = "mariadb"

    def create_table(self, table: sa.Table, **kw: Any) -> None:
        super().create_table(table, **{"if_not_exists": True, **kw})

    def create_index(self, index: sa.Index, **kw: Any) -> None:
        super().create_index(index, **{"if_not_exists": True, **kw})

    def drop_table(self, table: sa.Table, **kw: Any) -> None:
        super().drop_table(table, **{"if_exists": True, **kw})

    def drop_index(self, index: sa.Index, **kw: Any) -> None:
        super().drop_index(index, **{"if_exists": True, **kw})

    def add_column(self, table_name: str, column: sa.Column[Any], **kw: Any) -> None:
        super().add_column(table_name, column, **{"if_not_exists": True, **kw})

    def drop_column(self, table_name: str, column: sa.Column[Any], **kw: Any) -> None:
        super().drop_column(table_name, column, **{"if_exists": True, **kw})


def _as_elsewhere(table: sa.Table, connection: sa.Connection, **_: Any) -> None:
    """Let MariaDB compare text as the others do: by its letters, their case, and the spaces at its end."""
    if connection.dialect.name == "mariadb":
        table.dialect_options["mariadb"].update(engine="InnoDB", default_charset="utf8mb4", collate="utf8mb4_nopad_bin")


sa.event.listen(sa.Table, "before_create", _as_elsewhere)
try:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,  # SQLite changes a table by writing it anew
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
finally:
    sa.event.remove(sa.Table, "before_create", _as_elsewhere)
