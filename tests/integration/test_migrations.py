"""The stores as the migrations make them are the stores that the code declares, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from services.command.databases import SERVICES, parts_of
from services.dispatch.callouts import store as callouts
from shared.db.engine import Store
from shared.db.migrate import drift, upgrade
from shared.db.together import Glance
from tests.bench.dispatch import REALM, Bench
from tests.conftest import fresh_schema
from tests.support.resources import sample_pack


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.parametrize("service", SERVICES)
def test_an_upgraded_store_is_the_declared_one(service: str, dsn: str) -> None:
    metadata, migrations = parts_of(service)
    store = Store(dsn, metadata, schema=fresh_schema())
    upgrade(store, migrations)
    assert drift(store) == []
    upgrade(store, migrations)  # a second upgrade finds nothing to do
    assert drift(store) == []
    with store.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
    store.close()


def test_lines_of_before_the_tallies_are_counted_like_later_ones(dsn: str, tmp_path: Path) -> None:
    bench = Bench(dsn, fresh_schema(), tmp_path, sample_pack())
    bench.red("500114112")
    store = bench.frame.store

    def said() -> list[Any]:
        with store.read() as conn:
            return sorted(callouts.standing(Glance(conn, [callouts.STANDING], realm=REALM)), key=str)

    before = said()
    assert len(before) > 3
    with store.write() as conn:  # as the store was then
        conn.execute(text("ALTER TABLE case_lines DROP COLUMN tally"))
        conn.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        conn.execute(text("INSERT INTO alembic_version VALUES ('0005')"))
    upgrade(store, parts_of("dispatch")[1])
    assert said() == before
    with store.write() as conn:  # as a dispatch of then would write after the upgrade
        conn.execute(text("UPDATE case_lines SET tally = '{}' WHERE post = (SELECT min(post) FROM case_lines)"))
    with pytest.raises(msgspec.MsgspecError):
        said()
    bench.frame.writer.call(callouts.keep_tallies)
    assert said() == before
    bench.close()
