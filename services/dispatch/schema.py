"""表结构 The metadata of dispatch's store; each concept's ``store.py`` declares its tables on it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Table, bindparam, select

from shared.db.tables import platform_tables
from shared.db.types import new_metadata

metadata = new_metadata()
tables = platform_tables(metadata)


def newest_rows(table: Table) -> Select[Any]:
    """``limit`` rows of a ``realm`` from number ``since`` on, newest first; a statement to be made once."""
    mine = (table.c.realm == bindparam("realm"), table.c.no >= bindparam("since"))
    return select(table).where(*mine).order_by(table.c.no.desc()).limit(bindparam("limit"))
