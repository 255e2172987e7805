"""随机 The one door to randomness. Things people speak of are numbered by `shared.db`, not drawn here."""

from __future__ import annotations

import secrets
import uuid


def new_uuid() -> str:
    return str(uuid.uuid4())


def new_token(bytes_of_entropy: int = 24) -> str:
    """URL-safe random text for passwords, one-time links and API keys."""
    return secrets.token_urlsafe(bytes_of_entropy)
