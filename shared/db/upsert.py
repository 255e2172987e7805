"""插入或改写 Insert a row, or change it where its primary key is there already; one statement, made once a table."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(conn: Connection, table: Table, changes: tuple[str, ...]) -> Insert:
    """For rows of all columns; ``changes`` are written where the key is known."""
    return _made(conn.dialect.name, table, changes)


@lru_cache(maxsize=100)
def _made(dialect: str, table: Table, changes: tuple[str, ...]) -> Insert:
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    return statement.on_conflict_do_update(
        index_elements=[column.name for column in table.primary_key],
        set_={name: statement.excluded[name] for name in changes},
    )
