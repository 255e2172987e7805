"""编号与随机 The one door to randomness. Things people speak of are numbered by `shared.db`."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid

ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
REALM_PATTERN = re.compile(r"actual|x-[a-z0-9][a-z0-9-]{0,38}")


def is_id(text: str) -> bool:
    """Whether ``text`` may name a station, unit, shelter… (contract §2)."""
    return ID_PATTERN.fullmatch(text) is not None


def is_realm(text: str) -> bool:
    """Whether ``text`` is a realm: ``actual`` or ``x-<exercise>`` (design §2.7)."""
    return REALM_PATTERN.fullmatch(text) is not None


def new_uuid() -> str:
    return str(uuid.uuid4())


def new_token(bytes_of_entropy: int = 24) -> str:
    """URL-safe random text for passwords, one-time links and API keys."""
    return secrets.token_urlsafe(bytes_of_entropy)


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
