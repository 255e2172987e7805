"""The sample pack, read once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.pack.model import Pack
from tests.support.packs import loaded, sample_pack_dir


@pytest.fixture(scope="session")
def sample_folder() -> Path:
    return sample_pack_dir()


@pytest.fixture(scope="session")
def sample_pack(sample_folder: Path) -> Pack:
    return loaded(sample_folder)
