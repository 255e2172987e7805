"""The stores as the migrations make them are the stores that the code declares, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from services.command.databases import SERVICES, parts_of
from shared.db.engine import Store
from shared.db.migrate import drift, upgrade
from tests.conftest import fresh_schema


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
