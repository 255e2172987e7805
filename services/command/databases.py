"""数据库 The three stores of one machine: their addresses and their upgrade (``fengsui db upgrade``)."""

from __future__ import annotations

import importlib
from pathlib import Path

from sqlalchemy import MetaData

from shared.db.engine import Store
from shared.db.migrate import upgrade

SERVICES = ("warning", "dispatch", "resources")


def dsn_of(data: Path, service: str) -> str:
    return f"sqlite:///{data / f'{service}.db'}"


def parts_of(service: str) -> tuple[MetaData, Path]:
    """A service's metadata, with every concept's tables declared, and where its migrations are."""
    root = importlib.import_module(f"services.{service}")
    importlib.import_module(f"services.{service}.main")
    metadata: MetaData = importlib.import_module(f"services.{service}.schema").metadata
    return metadata, Path(str(root.__file__)).parent / "migrations"


def upgrade_store(service: str, dsn: str, schema: str | None = None) -> None:
    """Bring one service's store to the newest revision."""
    metadata, migrations = parts_of(service)
    store = Store(dsn, metadata, schema=schema)
    try:
        upgrade(store, migrations)
    finally:
        store.close()
