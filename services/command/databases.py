"""数据库 The three stores of one machine: their addresses and their upgrade (``fengsui db upgrade``)."""

from __future__ import annotations

from pathlib import Path

from shared.db.engine import Store
from shared.db.migrate import upgrade

SERVICES = ("warning", "dispatch", "resources")


def dsn_of(data: Path, service: str) -> str:
    return f"sqlite:///{data / f'{service}.db'}"


def upgrade_store(service: str, dsn: str, schema: str | None = None) -> None:
    """Bring one service's store to the newest revision; its main module names all of its tables."""
    import importlib

    root = importlib.import_module(f"services.{service}")
    importlib.import_module(f"services.{service}.main")
    metadata = importlib.import_module(f"services.{service}.schema").metadata
    store = Store(dsn, metadata, schema=schema)
    try:
        migrations = Path(str(root.__file__)).parent / "migrations"
        if any((migrations / "versions").glob("*.py")):
            upgrade(store, migrations)
        else:
            store.ensure_schema()
            with store.write() as conn:
                metadata.create_all(conn)
    finally:
        store.close()
