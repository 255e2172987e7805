"""叫应日志 What each case logged, as it became known; append-only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, Row, Table, Text, insert, select

from services.dispatch.schema import metadata, newest_rows
from shared.db.together import last_row
from shared.db.tx import Tx
from shared.db.types import Json, UtcDateTime

log = Table(
    "case_log",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("case_id", Text, nullable=False),
    Column("post", Text),
    Column("at", UtcDateTime, nullable=False),
    Column("happened_at", UtcDateTime),
    Column("kind", Text, nullable=False),
    Column("by", Text),
    Column("body", Json, nullable=False),
    Index(None, "realm", "case_id", "no"),
)
LAST = last_row(log, log.c.case_id, log.c.body, log.c.at)
_NEWEST = newest_rows(log)


def add(tx: Tx, rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.conn.execute(insert(log), rows)


def newest(conn: Connection, realm: str, limit: int, since: int) -> list[Row[Any]]:
    """What the realm's cases logged last, from number ``since`` on, newest first."""
    return list(conn.execute(_NEWEST, {"realm": realm, "limit": limit, "since": since}))


def last_of(
    conn: Connection, realm: str, case_ids: Iterable[str], limit: int, before: int | None = None
) -> list[Row[Any]]:
    """What these cases logged last, from before number ``before``, newest first."""
    query = select(log).where(log.c.realm == realm, log.c.case_id.in_(sorted(set(case_ids))))
    if before is not None:
        query = query.where(log.c.no < before)
    return list(conn.execute(query.order_by(log.c.no.desc()).limit(limit)))


def of_case(conn: Connection, realm: str, case_id: str, limit: int, after: int = 0) -> list[Row[Any]]:
    """What a case logged after number ``after``, in its order."""
    query = select(log).where(log.c.realm == realm, log.c.case_id == case_id, log.c.no > after)
    return list(conn.execute(query.order_by(log.c.no).limit(limit)))
