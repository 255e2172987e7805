"""迁移 Alembic migrations of a service's store, run through its own write transaction (both databases).

Revisions live in ``services/<service>/migrations``; ``fengsui db revision <service> "message"`` writes the next one
from the difference between the newest revision and the metadata, for a maintainer to read and commit.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from alembic.autogenerate import api as autogenerate
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations import ops
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, text

from shared.db.engine import Store
from shared.db.types import StructJson

HEADER = '''"""{message}"""

import sqlalchemy as sa
from alembic import op

import shared.db.types

revision = "{revision}"
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {upgrade}
'''


def upgrade(store: Store, migrations: Path) -> None:
    """Bring the store to the newest revision; forward only, in one transaction."""
    store.ensure_schema()
    script, config = _script(migrations)

    def revisions(current: Any, _: Any) -> Any:
        return script._upgrade_revs("head", current)

    with store.write() as conn, EnvironmentContext(config, script, fn=revisions) as env:
        env.configure(connection=conn, target_metadata=store.metadata, transactional_ddl=False)
        env.run_migrations()


def drift(store: Store) -> list[Any]:
    """What the migrated store lacks or has too much against the metadata; empty when they agree.

    Indexes on expressions are written by hand and compared by presence alone: databases give their text back changed.
    """
    by_hand = {
        str(index.name): table.name
        for table in store.metadata.tables.values()
        for index in table.indexes
        if not all(isinstance(part, Column) for part in index.expressions)
    }

    def compared(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        return not (kind == "index" and name in by_hand)

    with store.engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"include_name": _ours, "include_object": compared})
        found = list(compare_metadata(context, store.metadata))
        query = (
            "SELECT name FROM sqlite_master WHERE type = 'index'"
            if store.is_sqlite
            else "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
        )
        there = set(conn.execute(text(query)).scalars())
    return found + [("missing_index", table, name) for name, table in by_hand.items() if name not in there]


def write_revision(metadata: MetaData, migrations: Path, message: str) -> Path | None:
    """Write the next revision; None where nothing changed."""
    script, _ = _script(migrations)
    heads = script.get_heads()
    number = len(list(script.walk_revisions())) + 1
    with tempfile.TemporaryDirectory() as place:
        store = Store(f"sqlite:///{place}/now.db", metadata)
        upgrade(store, migrations)
        with store.engine.connect() as conn:
            code = _render(conn, metadata)
        store.close()
    if code is None:
        return None
    path = migrations / "versions" / f"{number:04d}_{message.lower().replace(' ', '_')[:40]}.py"
    path.write_text(
        HEADER.format(message=message, revision=f"{number:04d}", down=heads[0] if heads else None, upgrade=code),
        encoding="utf-8",
    )
    return path


def _render(conn: Connection, metadata: MetaData) -> str | None:
    context = MigrationContext.configure(conn, opts={"include_name": _ours, "render_item": _plain})
    migrations = autogenerate.produce_migrations(context, metadata)
    up = migrations.upgrade_ops
    if up is None or up.is_empty():
        return None
    return str(autogenerate.render_python_code(ops.UpgradeOps(up.ops)))


def _plain(kind: str, item: Any, _context: Any) -> str | bool:
    """A revision knows no struct of the code: it changes, what was stored does not."""
    return "shared.db.types.Json()" if kind == "type" and isinstance(item, StructJson) else False


def _ours(name: str | None, kind: str, _parents: Any) -> bool:
    return not (kind == "table" and name == "alembic_version")


def _script(migrations: Path) -> tuple[ScriptDirectory, Config]:
    (migrations / "versions").mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config), config
