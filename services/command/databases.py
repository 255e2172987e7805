"""数据库 Where the three stores are, and their upgrade (``fengsui db upgrade``).

Three SQLite files in DATA, or three schemas of one PostgreSQL: ``warning dispatch resources``, behind a prefix where
several systems share a database.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import MetaData
from sqlalchemy.exc import OperationalError

from shared.db.engine import Store
from shared.db.migrate import upgrade
from shared.errors import Unavailable
from shared.settings import POSTGRESQL, SettingError, check_dsn

SERVICES = ("warning", "dispatch", "resources")
SCHEMA_PATTERN = "[a-z][a-z0-9_]{0,39}"


@dataclass(frozen=True, kw_only=True)
class Databases:
    """数据库: ``dsn`` None means SQLite files in DATA; ``prefix`` leads the schemas' names."""

    data: Path
    dsn: str | None = None
    prefix: str | None = None

    @property
    def kind(self) -> str:
        return "SQLite" if self.dsn is None else "PostgreSQL"

    def dsn_of(self, service: str) -> str:
        return self.dsn or f"sqlite:///{self.data / f'{service}.db'}"

    def schema_of(self, service: str) -> str | None:
        if self.dsn is None:
            return None
        return f"{self.prefix}_{service}" if self.prefix else service

    def settings_of(self, service: str) -> Mapping[str, str]:
        """What the service is told of it (without ``FENGSUI_``)."""
        schema = self.schema_of(service)
        return {"DSN": self.dsn_of(service)} | ({"SCHEMA": schema} if schema else {})

    def upgrade(self, service: str) -> None:
        """Bring one service's store to the newest revision."""
        metadata, migrations = parts_of(service)
        store = Store(self.dsn_of(service), metadata, schema=self.schema_of(service))
        try:
            upgrade(store, migrations)
        except OperationalError as error:
            said = str(error.orig).strip().partition("\n")[0]
            raise Unavailable(
                f"the database of {service} cannot be used: {said}", f"{service} 的数据库不可用：{said}"
            ) from error
        finally:
            store.close()


def read_databases(data: Path, values: Mapping[str, str]) -> Databases:
    """``DSN`` and ``SCHEMA`` of the environment, as `fengsui run` and `fengsui db` take them."""
    dsn, prefix = values.get("DSN") or None, values.get("SCHEMA") or None
    if dsn is not None:
        check_dsn(dsn, "DSN")
        if not dsn.startswith(POSTGRESQL):
            raise SettingError(
                "DSN is for PostgreSQL; SQLite files lie in DATA, so leave DSN away",
                "DSN 只用于 PostgreSQL；SQLite 文件在数据目录 DATA 里，请不要设置 DSN",
                field="DSN",
            )
    if prefix is not None and not re.fullmatch(SCHEMA_PATTERN, prefix):
        raise SettingError(
            f"SCHEMA is '{prefix[:80]}'; give a prefix of a-z 0-9 _, beginning with a letter, at most 40",
            f"SCHEMA 为“{prefix[:80]}”；请用小写字母开头，只含 a-z 0-9 _，不超过 40 个字符",
            field="SCHEMA",
        )
    return Databases(data=data, dsn=dsn, prefix=prefix)


def parts_of(service: str) -> tuple[MetaData, Path]:
    """A service's metadata, with every concept's tables declared, and where its migrations are."""
    root = importlib.import_module(f"services.{service}")
    importlib.import_module(f"services.{service}.main")
    metadata: MetaData = importlib.import_module(f"services.{service}.schema").metadata
    return metadata, Path(str(root.__file__)).parent / "migrations"
