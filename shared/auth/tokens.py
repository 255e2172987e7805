"""令牌 EdDSA JWTs (RFC 8037) signed by dispatch, verified everywhere by its JWKS, cached on disk.

Claims: ``sub roles areas realm exp``; ``realm`` lists the realms that the token may act in, ``*`` for all exercises.
"""

from __future__ import annotations

import json
import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet, OKPKey

from shared.chance import new_uuid
from shared.errors import Unauthorized, Unavailable
from shared.realm import ACTUAL

log = structlog.get_logger(__name__)

ALGORITHM = "EdDSA"  # contract §5; RFC 9864 renames it per curve, and verifiers in the field know this name
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)
ISSUER = "fengsui"
LEEWAY_S = 30
JWKS_TIMEOUT_S = 3.0
JWKS_RETRY_S = 2.0
TOKEN_BYTES_MAX = 8192


@dataclass(frozen=True)
class Actor:
    """行为人: who asks. ``areas`` are region codes (a code covers all below it); ``realms`` as in the token."""

    sub: str
    roles: frozenset[str]
    areas: tuple[str, ...]
    realms: tuple[str, ...]

    def may_realm(self, realm: str) -> bool:
        """Exercises by ``*``; ``actual`` only where it is named."""
        return realm in self.realms or ("*" in self.realms and realm != ACTUAL)


class TokenSigner:
    """签发: holds the private key; dispatch alone has one."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self._kid = key.kid or key.thumbprint()

    @classmethod
    def from_file(cls, path: Path) -> TokenSigner:
        """Load the key, or make one (0600) where there is none."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            key = OKPKey.generate_key("Ed25519", {"kid": new_uuid()[:8], "use": "sig", "alg": ALGORITHM})
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(key.as_dict(private=True), file)
        return cls(OKPKey.import_key(json.loads(path.read_text(encoding="utf-8"))))

    def jwks(self) -> dict[str, Any]:
        public = dict(self._key.as_dict(private=False))
        public["kid"] = self._kid
        return {"keys": [public]}

    def sign(self, actor: Actor, *, now: datetime, lifetime_s: int) -> str:
        claims = {
            "iss": ISSUER,
            "sub": actor.sub,
            "roles": sorted(actor.roles),
            "areas": list(actor.areas),
            "realm": list(actor.realms),
            "iat": int(now.timestamp()),
            "exp": int(now.timestamp()) + lifetime_s,
            "jti": new_uuid(),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._kid}, claims, self._key, algorithms=[ALGORITHM])


class TokenVerifier:
    """验签: keys from the JWKS address (or given), kept on disk so that a dead issuer locks nobody out."""

    def __init__(
        self,
        *,
        jwks_url: str | None = None,
        cache: Path | None = None,
        local: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        self._url = jwks_url
        self._cache = cache
        self._local = local
        self._keys: KeySet | None = None
        self._lock = threading.Lock()
        self._tried_at: datetime | None = None

    def verify(self, token: str, *, now: datetime) -> Actor:
        """The token's actor; Unauthorized tells why."""
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthorized("the token is too long", "令牌过长")
        keys = self._key_set(now, refresh=False)
        try:
            claims = self._decode(token, keys)
        except (JoseError, ValueError):
            try:
                claims = self._decode(token, self._key_set(now, refresh=True))
            except (JoseError, ValueError):
                raise Unauthorized("the token is not valid; log in again", "令牌无效，请重新登录") from None
        expires = claims.get("exp")
        if not isinstance(expires, int) or expires + LEEWAY_S < now.timestamp():
            raise Unauthorized("the login has expired; log in again", "登录已过期，请重新登录", code="token_expired")
        if claims.get("iss") != ISSUER:
            raise Unauthorized("the token is not ours", "令牌签发者不符")
        return Actor(
            sub=str(claims.get("sub", "")),
            roles=frozenset(str(role) for role in claims.get("roles", [])),
            areas=tuple(str(area) for area in claims.get("areas", [])),
            realms=tuple(str(realm) for realm in claims.get("realm", [])),
        )

    @staticmethod
    def _decode(token: str, keys: KeySet) -> dict[str, Any]:
        return dict(jwt.decode(token, keys, algorithms=[ALGORITHM]).claims)

    def _key_set(self, now: datetime, *, refresh: bool) -> KeySet:
        with self._lock:
            if self._local is not None:
                return KeySet.import_key_set(cast(Any, self._local()))
            recent = self._tried_at is not None and (now - self._tried_at).total_seconds() < JWKS_RETRY_S
            if self._keys is None or (refresh and not recent):
                self._tried_at = now
                self._keys = self._fetch() or self._keys or self._from_cache()
            if self._keys is None:
                raise Unavailable("the login keys cannot be had yet; try again", "暂时无法取得登录公钥，请稍后再试")
            return self._keys

    def _fetch(self) -> KeySet | None:
        if self._url is None:
            return None
        try:
            answer = httpx.get(self._url, timeout=JWKS_TIMEOUT_S)
            answer.raise_for_status()
            keys = KeySet.import_key_set(answer.json())
        except (httpx.HTTPError, ValueError, JoseError) as error:
            log.warning("jwks.unreachable", url=self._url, error=str(error))
            return None
        if self._cache is not None:
            fresh = self._cache.with_suffix(".new")
            fresh.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(answer.content)
            fresh.replace(self._cache)
        return keys

    def _from_cache(self) -> KeySet | None:
        if self._cache is None or not self._cache.exists():
            return None
        try:
            return KeySet.import_key_set(json.loads(self._cache.read_text(encoding="utf-8")))
        except (ValueError, JoseError) as error:
            log.warning("jwks.cache_unreadable", error=str(error))
            return None
