"""库表 The metadata of resources' store; each concept's ``store.py`` declares its tables on it."""

from __future__ import annotations

from shared.db.tables import platform_tables
from shared.db.types import new_metadata

metadata = new_metadata()
tables = platform_tables(metadata)
