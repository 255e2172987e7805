"""签名密钥 Ed25519 keys of persons, and signatures over RFC 8785 bytes (contract §8). Pure: no store, no clock.

A key is named by its RFC 7638 thumbprint, so that the name alone proves which key is meant. What is signed is an
object, never its text: both sides canonicalise it (JSON Canonicalization Scheme), so a pretty-printer breaks nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from shared.errors import Invalid
from shared.ids import sha256_hex

KEY_BYTES = 32
SIGNATURE_BYTES = 64
ALGORITHM = "Ed25519"


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """已登记密钥: a public key as an administrator enrolled it. ``owner`` is the token's ``sub`` that may use it.

    ``person`` is the holder's name in the roster, so that a key and a voice on the telephone are known to be one.
    """

    key_id: str
    owner: str
    jwk: Mapping[str, str]
    valid_from: datetime
    name: str = ""
    person: str | None = None
    revoked_at: datetime | None = None

    @property
    def holder(self) -> str:
        """Whom a signature of this key binds: two keys of one person are one person."""
        return self.person or self.owner

    def valid_at(self, at: datetime) -> bool:
        """Whether a signature made then counts; a revocation may be dated back to when the key was lost."""
        return self.valid_from <= at and (self.revoked_at is None or at < self.revoked_at)


def canonical(value: Any) -> bytes:
    """规范字节 RFC 8785 bytes of a JSON value."""
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise Invalid(f"this cannot be canonicalised (RFC 8785): {error}") from None


def digest_of(data: bytes) -> str:
    return f"sha256:{sha256_hex(data)}"


def new_private_jwk() -> dict[str, str]:
    """新密钥 A key pair as a private JWK (RFC 8037); ``d`` must never leave its holder."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": ALGORITHM, "x": encode(public), "d": encode(private)}


def public_jwk(jwk: Mapping[str, Any]) -> dict[str, str]:
    """公钥 The public part, checked; Invalid tells what would be right."""
    if jwk.get("kty") != "OKP" or jwk.get("crv") != ALGORITHM:
        raise Invalid("jwk: give an Ed25519 key, {kty: OKP, crv: Ed25519, x}", "jwk 应为 Ed25519 公钥", field="jwk")
    raw = decode(jwk.get("x"))
    if raw is None or len(raw) != KEY_BYTES:
        raise Invalid("jwk: x is 32 bytes in base64url", "jwk.x 应为 32 字节的 base64url", field="jwk")
    return {"kty": "OKP", "crv": ALGORITHM, "x": encode(raw)}


def key_id_of(jwk: Mapping[str, Any]) -> str:
    """密钥编号 RFC 7638 thumbprint."""
    public = public_jwk(jwk)
    return encode(bytes.fromhex(sha256_hex(canonical(public))))


def sign(private: Mapping[str, Any], data: bytes) -> str:
    """签名 base64url of the 64 bytes."""
    raw = decode(private.get("d"))
    if raw is None or len(raw) != KEY_BYTES:
        raise Invalid("this is not a private Ed25519 JWK: d is missing", "不是 Ed25519 私钥", field="d")
    return encode(Ed25519PrivateKey.from_private_bytes(raw).sign(data))


def verify(jwk: Mapping[str, Any], data: bytes, signature: str) -> bool:
    """验签"""
    raw = decode(signature)
    if raw is None or len(raw) != SIGNATURE_BYTES:
        return False
    public = decode(public_jwk(jwk)["x"])
    try:
        Ed25519PublicKey.from_public_bytes(public or b"").verify(raw, data)
    except InvalidSignature:
        return False
    return True


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def decode(text: Any) -> bytes | None:
    """base64url or base64, with or without padding; None where it is neither."""
    if not isinstance(text, str) or len(text) > 1000:
        return None
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
