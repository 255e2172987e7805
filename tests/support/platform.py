"""A service frame without a service: its own metadata, a signer in memory, actors with tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from shared.auth.tokens import Actor, TokenSigner, TokenVerifier
from shared.clock import Clock, SystemClock
from shared.db.tables import PlatformTables, platform_tables
from shared.db.types import new_metadata
from shared.frame import Frame
from shared.settings import ServiceSettings

SIGNER = TokenSigner(OKPKey.generate_key("Ed25519", {"kid": "test"}))


def token(sub: str, *roles: str, areas: tuple[str, ...] = ("*",), realms: tuple[str, ...] = ("*",)) -> str:
    """A token of the tests' own issuer, good for an hour from now."""
    actor = Actor(sub, frozenset(roles), areas, realms)
    return SIGNER.sign(actor, now=SystemClock().now(), lifetime_s=3600)


def bearer(sub: str, *roles: str, **kwargs: Any) -> dict[str, str]:
    """The header for it."""
    return {"Authorization": f"Bearer {token(sub, *roles, **kwargs)}"}


def service_bearer(name: str) -> dict[str, str]:
    return bearer(f"service:{name}", "service", realms=("*", "actual"))


class FixedTokens:
    """Stands for `ServiceTokens`: this service's token from the tests' issuer."""

    def __init__(self, name: str) -> None:
        self._name = name

    def get(self) -> str:
        return token(f"service:{self._name}", "service", realms=("*", "actual"))

    def forget(self) -> None:
        """A new one is made at each `get`."""


def bare_frame(
    dsn: str,
    schema: str,
    *,
    service: str = "warning",
    peers: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    boot: str | None = "boot-1",
    packs_dir: Path = Path("packs"),
    **settings: Any,
) -> Frame:
    """A frame on an empty store with the platform's tables."""
    metadata = new_metadata()
    tables: PlatformTables = platform_tables(metadata)
    frame = Frame(
        ServiceSettings(
            service=service,
            district="500114",
            dsn=dsn,
            schema=schema,
            packs_dir=packs_dir,
            peers=peers or {},
            boot=boot,
            tick_s=0.05,
            **settings,
        ),
        clock or SystemClock(),
        metadata,
        tables,
        verifier=TokenVerifier(local=SIGNER.jwks),
        tokens=FixedTokens(service),
    )
    frame.store.ensure_schema()
    with frame.store.write() as conn:
        metadata.create_all(conn)
    return frame
