"""编号 What may name a station or a realm, and digests. Random names come from `shared.chance`."""

from __future__ import annotations

import hashlib
import re

ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
REALM_PATTERN = re.compile(r"actual|x-[a-z0-9][a-z0-9-]{0,38}")


def is_id(text: str) -> bool:
    """Whether ``text`` may name a station, unit, shelter… (contract §2)."""
    return ID_PATTERN.fullmatch(text) is not None


def is_realm(text: str) -> bool:
    """Whether ``text`` is a realm: ``actual`` or ``x-<exercise>`` (design §2.7)."""
    return REALM_PATTERN.fullmatch(text) is not None


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
