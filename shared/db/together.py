"""合为一行 Many rows' texts in one row, many statements in one: SQLite hands the interpreter to other threads at each.

    ALL = together(states.c.state, where=states.c.realm == bindparam("realm"))
    texts_of(conn, ALL, realm=realm)
    Glance(conn, (ALL, OTHERS), realm=realm).texts(ALL)

A reader of 500 rows waits for its turn 500 times in a busy service; joined in the database it waits once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    func,
    literal,
    select,
    type_coerce,
)

APART, END = "\t", "\n"  # canonical JSON holds neither, nor do ids
GLANCES_KEPT = 200

Statement = Select[str]


def together(*columns: ColumnElement[Any], where: ColumnElement[bool] | None = None) -> Statement:
    """The statement of `texts_of`, to be made once; of columns that are stored as text."""
    first, *others = [func.coalesce(type_coerce(column, Text), "") for column in columns]
    row: ColumnElement[str] = first
    for other in others:
        row = row.concat(literal(APART)).concat(other)
    found = select(func.aggregate_strings(row, END))
    return found if where is None else found.where(where)


def how_many(*columns: ColumnElement[Any], where: ColumnElement[bool]) -> Statement:
    """The statement of how many rows there are of each kind: the columns' texts, then the number."""
    named = [column.label(f"c{place}") for place, column in enumerate(columns)]
    found = select(*named, cast(func.count(), Text).label("number")).where(where).group_by(*columns).subquery()
    return together(*found.c)


def last_row(table: Table, *columns: ColumnElement[Any]) -> Statement:
    """The statement of the ``realm``'s last row by ``no``: the number, and these columns as texts."""
    texts = [cast(column, Text).label(f"c{place}") for place, column in enumerate((table.c.no, *columns))]
    found = select(*texts).where(table.c.realm == bindparam("realm"))
    return together(*found.order_by(table.c.no.desc()).limit(1).subquery().c)


def texts_of(conn: Connection, statement: Statement, **values: Any) -> list[tuple[str, ...]]:
    """The columns' texts as they are stored, row by row in no order; null reads as an empty text."""
    return _rows(conn.execute(statement, values).scalar())


class Glance:
    """一瞥 What several statements say at one instant, asked as one; ``conn`` for what is asked besides."""

    def __init__(self, conn: Connection, statements: Iterable[Statement], **values: Any) -> None:
        asked = tuple(dict.fromkeys(statements))
        self.conn = conn
        self._said = dict(zip(asked, conn.execute(_as_one(asked), values).one(), strict=True)) if asked else {}

    def texts(self, statement: Statement) -> list[tuple[str, ...]]:
        """As `texts_of`. KeyError: it was not asked."""
        return _rows(self._said[statement])


@lru_cache(maxsize=GLANCES_KEPT)
def _as_one(statements: tuple[Statement, ...]) -> Select[Any]:
    return select(*(each.scalar_subquery().label(f"s{place}") for place, each in enumerate(statements)))


def _rows(joined: str | None) -> list[tuple[str, ...]]:
    return [] if joined is None else [tuple(each.split(APART)) for each in joined.split(END)]
