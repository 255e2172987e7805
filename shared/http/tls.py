"""证书 Whom clients believe: the well-known authorities, read once a process (that takes as long as many requests)."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """For ``httpx``'s ``verify``."""
    return httpx.create_ssl_context()
