"""Writing a row that may be there already, once for all databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa


def upsert(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], row: Mapping[str, Any], first: Mapping[str, Any]
) -> sa.Row[Any]:
    """Write ``row`` where ``key`` (columns under a unique constraint) is as in ``first``, and give the whole row.

    What is in ``first`` is written only when there was no such row. A row that another unique constraint forbids is an
    ``IntegrityError``.
    """
    if connection.dialect.name == "mariadb":
        return _in_mariadb(connection, table, key, row, first)
    from sqlalchemy.dialects import postgresql, sqlite

    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(**first, **row)
    replaced = {name: statement.excluded[name] for name in row or key}
    return connection.execute(
        statement.on_conflict_do_update(index_elements=list(key), set_=replaced).returning(table)
    ).one()


def _in_mariadb(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], row: Mapping[str, Any], first: Mapping[str, Any]
) -> sa.Row[Any]:
    import sqlalchemy as sa
    from sqlalchemy.dialects import mysql

    whole = {**first, **row}
    ours = sa.and_(*(table.c[name] == whole[name] for name in key))
    update = sa.update(table).where(ours).values(**row or {key[0]: table.c[key[0]]})
    found = sa.select(table).where(ours)
    # A row that is there is never inserted anew: that locks its neighbours, too, and ends in deadlocks.
    if connection.execute(update).rowcount:
        return connection.execute(found).one()
    # MariaDB updates whichever row is in the way, also of another constraint. So the update changes nothing, and only
    # takes the row's lock, as an exclusive one: two that insert at once would go on from a shared one to a deadlock.
    insert = mysql.insert(table).values(**whole)
    connection.execute(insert.on_duplicate_key_update({key[0]: table.c[key[0]]}))
    if not connection.execute(update).rowcount:  # another constraint is in the way: let the database say which
        connection.execute(sa.insert(table).values(**whole))
    return connection.execute(found).one()
