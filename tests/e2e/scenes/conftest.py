"""A night begins half an hour before its scene."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from zlib import crc32

import pytest

from tests.e2e.scenes.stage import BEIJING, Stage, stage
from tests.support.house.world import RAM
from tests.support.resources import sample_pack

Begin = Callable[..., Stage]


@pytest.fixture
def begin(request: pytest.FixtureRequest) -> Iterator[Begin]:
    """``begin("02:30")``: the whole district at rest, at that hour of 28 June 2026; in memory where there is room."""
    with _beginning(request, None) as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def begin_on_either(request: pytest.FixtureRequest) -> Iterator[Begin]:
    """The same on each database in turn."""
    dsn = None if request.param == "sqlite" else str(request.getfixturevalue("postgres_dsn"))
    with _beginning(request, dsn) as made:
        yield made


@contextmanager
def _beginning(request: pytest.FixtureRequest, dsn: str | None) -> Iterator[Begin]:
    """The test's name decides all that chance decides: the same night alone, among others, on both stores."""
    seed = crc32(request.node.originalname.encode())
    memory = RAM if os.access(RAM, os.W_OK) else None
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fengsui-scene-", dir=memory))

        def made(hour: str, day: str = "2026-06-28") -> Stage:
            begins = datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=BEIJING)
            return stack.enter_context(stage(seed, Path(folder), sample_pack(), begins, dsn))

        yield made
