"""表 The metadata of warning's store; each concept's ``store.py`` adds its tables."""

from __future__ import annotations

from shared.db.tables import platform_tables
from shared.db.types import new_metadata

metadata = new_metadata()
tables = platform_tables(metadata)
