"""Real parts of the machine. Where one is missing the test is skipped and says so; ``REQUIRE_REAL=1`` makes it fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def require_real(found: object, what: str) -> None:
    """Skip (or fail, under ``REQUIRE_REAL=1``) when a real part is not installed."""
    if found:
        return
    if os.environ.get("REQUIRE_REAL") == "1":
        pytest.fail(f"{what} is not installed and REQUIRE_REAL=1")
    pytest.skip(f"{what} is not installed")


def mosquitto() -> str | None:
    """The broker on PATH or in /usr/sbin."""
    found = shutil.which("mosquitto")
    return found or ("/usr/sbin/mosquitto" if Path("/usr/sbin/mosquitto").exists() else None)
