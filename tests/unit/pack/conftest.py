"""The whole district's pack, generated once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.pack.model import Pack
from tests.support.packs import generated, loaded


@pytest.fixture(scope="session")
def full_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated(tmp_path_factory.mktemp("full"), "full")


@pytest.fixture(scope="session")
def full_pack(full_folder: Path) -> Pack:
    return loaded(full_folder)
