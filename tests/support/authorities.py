"""One authority instead of all: each client of httpx reads its list, and no test speaks to anybody but this machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import certifi

END = "-----END CERTIFICATE-----\n"


def one_authority() -> Path:
    """A file with the first of the well-known authorities, the same for all processes of this user."""
    path = Path(tempfile.gettempdir()) / f"fengsui-tests-{os.getuid()}-authority.pem"
    if not path.is_file():
        first = Path(certifi.where()).read_text(encoding="utf-8").partition(END)[0] + END
        own = path.with_suffix(f".{os.getpid()}")
        own.write_text(first, encoding="utf-8")
        own.replace(path)
    return path
