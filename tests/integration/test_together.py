"""Many rows' texts in one row, the same on both databases."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text, bindparam, insert

from shared.db.engine import Store
from shared.db.together import texts_of, together
from shared.db.types import Json, new_metadata
from tests.conftest import fresh_schema

metadata = new_metadata()
things = Table("things", metadata, Column("no", Integer, primary_key=True), Column("kind", Text), Column("body", Json))
BOTH = together(things.c.kind, things.c.body, where=things.c.no >= bindparam("least"))
BODIES = [{"zh": "濯水\t涨\n2 米"}, {"a": "''\"\\"}, [], None]


def test_texts_are_those_of_the_rows_whatever_stands_in_them(dsn: str) -> None:
    store = Store(dsn, metadata, schema=fresh_schema())
    store.ensure_schema()
    metadata.create_all(store.engine)
    json = things.c.body.type
    rows = [{"no": no, "kind": "odd" if no % 2 else None, "body": body} for no, body in enumerate(BODIES)]
    with store.write() as conn:
        conn.execute(insert(things), rows)
    with store.read() as conn:
        found = texts_of(conn, BOTH, least=0)
        assert texts_of(conn, BOTH, least=99) == []
        assert texts_of(conn, together(things.c.kind, where=things.c.no == 0)) == [("",)]
    dialect = store.engine.dialect
    read = [(kind, json.process_result_value(text or None, dialect)) for kind, text in found]
    assert sorted(read, key=str) == sorted([(row["kind"] or "", row["body"]) for row in rows], key=str)
    store.close()
