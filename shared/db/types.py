"""列类型 Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Integer, MetaData, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from shared.structs import Packer, Reader

BigId = BigInteger().with_variant(Integer(), "sqlite")

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_metadata() -> MetaData:
    """Metadata with constraint names that migrations can rely on."""
    return MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """时刻 Aware UTC instant. SQLite drops zones, so there it is sortable text ending in Z."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r} must not be stored")
        utc = value.astimezone(UTC)
        if dialect.name == "postgresql":
            return utc
        return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        stored: datetime = value
        return stored.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """JSON Canonical JSON text (sorted keys, UTF-8), so that what was hashed is what is read."""

    impl = Text
    cache_ok = True

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        return JSON()

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else dump_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class StructJson(TypeDecorator[Any]):
    """结构 A struct or dataclass as the same canonical JSON text; the ``kept`` that were read last are not read again.

    Their text says all of them, so that this memory cannot be stale. What is read is shared: only what is frozen may be
    kept. ``read`` is for texts that were asked for in another way (`shared.db.together`).
    """

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[Any], kept: int = 0) -> None:
        super().__init__()
        self.kind, self.kept = kind, kept
        reader = Reader(kind)
        self.read: Callable[[str], Any] = lru_cache(maxsize=kept)(reader.json) if kept else reader.json
        self.text = Packer(kind).text
        if kept and not _is_frozen(kind):
            raise TypeError(f"{kind.__name__} is not frozen: what is kept of it might change")

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else self.read(value)


def _is_frozen(kind: type[Any]) -> bool:
    params = getattr(kind, "__struct_config__", None) or getattr(kind, "__dataclass_params__", None)
    return bool(params and params.frozen)


def dump_json(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, no NaN."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
