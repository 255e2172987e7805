"""Many rows' texts in one row, many statements in one, the same on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Integer, Table, Text, bindparam, insert

from shared.db.engine import Store
from shared.db.together import Glance, how_many, last_row, texts_of, together
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


LOG = Table("log", metadata, Column("realm", Text), Column("no", Integer), Column("kind", Text), Column("says", Text))
MINE = LOG.c.realm == bindparam("realm")
KINDS, LAST = how_many(LOG.c.kind, LOG.c.says, where=MINE), last_row(LOG, LOG.c.says)
ALL = together(LOG.c.says, where=MINE)


def test_a_glance_says_what_each_statement_says_of_its_realm_at_one_instant(dsn: str) -> None:
    store = Store(dsn, metadata, schema=fresh_schema())
    store.ensure_schema()
    metadata.create_all(store.engine)
    rows = [("x-a", 1, "call", "濯水"), ("x-a", 3, "call", "濯水"), ("x-a", 2, None, "b"), ("x-b", 9, "call", "c")]
    with store.write() as conn:
        conn.execute(insert(LOG), [dict(zip(LOG.c.keys(), row, strict=True)) for row in rows])
    with store.read() as conn:
        glance = Glance(conn, [KINDS, LAST, ALL, KINDS], realm="x-a")
        nobody = Glance(conn, [KINDS, LAST, ALL], realm="x-c")
        assert Glance(conn, []).conn is conn
    assert sorted(glance.texts(KINDS)) == [("", "b", "1"), ("call", "濯水", "2")]
    assert glance.texts(LAST) == [("3", "濯水")]
    assert sorted(glance.texts(ALL)) == [("b",), ("濯水",), ("濯水",)]
    assert [nobody.texts(each) for each in (KINDS, LAST, ALL)] == [[], [], []]
    with pytest.raises(KeyError):
        glance.texts(together(LOG.c.kind))
    store.close()
