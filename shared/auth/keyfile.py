"""密钥文件 Private keys on disk: one JWK a file, for its owner alone (0600)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from shared.auth.keys import decode, new_private_jwk, public_jwk
from shared.errors import Invalid

PRIVATE_MODE = 0o600


def write_private(path: Path, jwk: Mapping[str, str]) -> None:
    """写私钥 FileExistsError rather than replace a key that somebody signs with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(dict(jwk), file)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def read_private(path: Path) -> dict[str, str]:
    """读私钥 Invalid names the file and what would be right."""
    try:
        jwk = json.loads(path.read_text(encoding="utf-8"))
        public = public_jwk(jwk)
        if decode(jwk.get("d")) is None:
            raise Invalid("d is missing")  # noqa: TRY301 - one answer for all that is wrong with the file
    except (ValueError, AttributeError, Invalid) as error:
        raise Invalid(f"{path}: not a private Ed25519 JWK ({error}); make one with: fengsui key new") from None
    return {**public, "d": str(jwk["d"])}


def load_or_make(path: Path) -> dict[str, str]:
    """A service's own key: made where there is none."""
    if not path.exists():
        write_private(path, new_private_jwk())
    return read_private(path)
