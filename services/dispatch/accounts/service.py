"""账号用例 Create accounts, check secrets, name the posts of who is logged in.

Hashing is slow by design (argon2id, 0.1 s): `hash_secret` and `proves` run in the caller's thread, never in the
writer's, and at most `HASHES_AT_ONCE` at a time.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from pwdlib import PasswordHash
from sqlalchemy import Connection

from services.dispatch.accounts import store
from services.dispatch.accounts.account import KEY_MIN, SECRET_MAX, SECRET_MIN, USERNAME_MAX, Account, SecretKind
from shared.auth.tokens import Actor
from shared.db.tx import Tx
from shared.errors import Invalid, TooMany
from shared.ids import sha256_hex
from shared.pack.model import Pack
from shared.realm import ACTUAL
from shared.vocabulary import Role

HASHES_AT_ONCE = 2
HASH_WAIT_S = 5.0
SERVICE_PREFIX = "service:"

_hasher = PasswordHash.recommended()
_slots = threading.BoundedSemaphore(HASHES_AT_ONCE)


def hash_secret(kind: SecretKind, secret: str) -> str:
    """The stored form; Invalid where the secret is too weak for its kind."""
    least = KEY_MIN if kind is SecretKind.KEY else SECRET_MIN
    if not least <= len(secret) <= SECRET_MAX:
        raise Invalid(
            f"secret: give {least} to {SECRET_MAX} characters",
            f"口令长度应为 {least} 至 {SECRET_MAX} 个字符",
            field="secret",
        )
    if kind is SecretKind.KEY:
        return sha256_hex(secret.encode())
    with _slot():
        return _hasher.hash(secret)


def proves(found: tuple[Account, str] | None, secret: str) -> bool:
    """Whether the secret is the account's; takes as long for an unknown user as for a known one."""
    if found is not None and found[0].kind is SecretKind.KEY:
        return hmac.compare_digest(sha256_hex(secret.encode()), found[1]) and not found[0].disabled
    with _slot():
        right = _hasher.verify(secret[:SECRET_MAX], found[1] if found else _nobody())
    return right and found is not None and not found[0].disabled


@contextmanager
def _slot() -> Iterator[None]:
    """One of the few places in which a password may be hashed; a full house is 429, not a dead service."""
    if not _slots.acquire(timeout=HASH_WAIT_S):
        raise TooMany("too many log-ins at once; try again", "登录过多，请稍后再试")
    try:
        yield
    finally:
        _slots.release()


@cache
def _nobody() -> str:
    """Checked where the user is unknown, so that the time of an answer tells nothing."""
    return _hasher.hash("nobody has this password")


def create_account(tx: Tx, account: Account, secret_hash: str, *, by: str) -> None:
    """建账号 Create an account or replace it; ``secret_hash`` comes from `hash_secret`."""
    if not 0 < len(account.username) <= USERNAME_MAX or not account.username.isprintable():
        raise Invalid(f"username: give 1 to {USERNAME_MAX} printable characters", field="username")
    unknown = [role for role in account.roles if role not in tuple(Role)]
    if unknown:
        raise Invalid(f"roles: '{unknown[0]}' is not known; choose from {', '.join(Role)}", field="roles")
    store.save(tx, account, secret_hash)
    seen = {"roles": list(account.roles), "areas": list(account.areas), "posts": list(account.posts)}
    tx.audit(ACTUAL, by, "account.save", account.username, body=seen)


def ensure_keys(tx: Tx, accounts: Iterable[tuple[Account, str]], *, by: str) -> int:
    """At the start: the accounts that the supervisor wrote down. Answers how many of them were new or other."""
    changed = 0
    for account, secret_hash in accounts:
        if store.find(tx.conn, account.username) != (account, secret_hash):
            create_account(tx, account, secret_hash, by=by)
            changed += 1
    return changed


def find(conn: Connection, username: str) -> tuple[Account, str] | None:
    return store.find(conn, username)


def actor_of(account: Account) -> Actor:
    """The actor that a token of this account names."""
    is_service = Role.SERVICE in account.roles
    return Actor(
        sub=f"{SERVICE_PREFIX}{account.username}" if is_service else account.username,
        roles=frozenset(account.roles),
        areas=account.areas,
        realms=account.realms,
    )


def posts_of(conn: Connection, actor: Actor) -> tuple[str, ...]:
    """任职 The posts that the actor's account fills; none for services and for users of an outside login."""
    found = store.find(conn, actor.sub)
    return found[0].posts if found else ()


def account_from(entry: Mapping[str, Any]) -> tuple[Account, str]:
    """One entry of the supervisor's accounts file: ``{username, key, roles, areas, realms, posts}``."""
    account = Account(
        username=str(entry["username"]),
        kind=SecretKind.KEY,
        roles=tuple(entry["roles"]),
        areas=tuple(entry.get("areas", ("*",))),
        realms=tuple(entry.get("realms", ("*",))),
        posts=tuple(entry.get("posts", ())),
    )
    return account, hash_secret(SecretKind.KEY, str(entry["key"]))


def demo_accounts(pack: Pack) -> tuple[Account, ...]:
    """演示账号 The twelve users of contract §1, filling the posts that the pack's authority table names.

    Only for packs whose status is Exercise: their tokens name every exercise and never the realm ``actual``.
    """
    if not pack.district.is_exercise:
        raise Invalid("demo accounts exist only while the pack's status is Exercise", field="status")
    district = pack.district.code
    townships = sorted(code for code in pack.regions if pack.township_of(code) == code)
    villages = sorted(code for code, region in pack.regions.items() if region.level == "village")
    signers = _unique(row.signer for row in pack.authority)
    deputies = _unique(post for row in pack.authority for post in row.deputies)
    lifters = _unique(row.lifter for row in pack.authority)
    keepers = _unique(house.key_post for house in pack.warehouses.values() if house.key_post)
    posts: dict[Role, tuple[str, ...]] = {
        Role.ISSUER: signers,
        Role.SECOND_ISSUER: deputies,
        Role.COMMANDER: lifters,
        Role.VERIFIER: _unique(duty.post for duty in pack.duties if duty.role == "verifier"),
        Role.TOWNSHIP: _unique(duty.post for duty in pack.duties if duty.role == "head" and duty.object in townships),
        Role.VILLAGE: _unique(duty.post for duty in pack.duties if duty.role == "warden"),
        Role.WAREHOUSE_KEEPER: keepers,
    }
    areas: dict[Role, tuple[str, ...]] = {
        Role.TOWNSHIP: tuple(townships) or (district,),
        Role.VILLAGE: tuple(villages) or (district,),
    }
    return tuple(
        Account(
            username=role.value,
            kind=SecretKind.KEY,
            roles=(role.value,),
            areas=("*",) if role is Role.ADMIN else areas.get(role, (district,)),
            posts=posts.get(role, ()),
        )
        for role in Role
        if role is not Role.SERVICE
    )


def _unique(posts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(posts))
