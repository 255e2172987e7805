"""账号表"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Connection, Table, Text, insert, select, update

from services.dispatch.accounts.account import Account, SecretKind
from services.dispatch.schema import metadata
from shared.db.tx import Tx
from shared.db.types import Json, UtcDateTime

accounts = Table(
    "accounts",
    metadata,
    Column("username", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("roles", Json, nullable=False),
    Column("areas", Json, nullable=False),
    Column("realms", Json, nullable=False),
    Column("posts", Json, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)


def find(conn: Connection, username: str) -> tuple[Account, str] | None:
    """The account and the hash of its secret."""
    row = conn.execute(select(accounts).where(accounts.c.username == username)).first()
    if row is None:
        return None
    account = Account(
        username=row.username,
        kind=SecretKind(row.kind),
        roles=tuple(row.roles),
        areas=tuple(row.areas),
        realms=tuple(row.realms),
        posts=tuple(row.posts),
        disabled=bool(row.disabled),
    )
    return account, str(row.secret)


def save(tx: Tx, account: Account, secret: str) -> None:
    values = {
        "kind": account.kind.value,
        "secret": secret,
        "roles": list(account.roles),
        "areas": list(account.areas),
        "realms": list(account.realms),
        "posts": list(account.posts),
        "disabled": account.disabled,
        "changed_at": tx.now,
    }
    changed = tx.conn.execute(update(accounts).where(accounts.c.username == account.username).values(**values))
    if changed.rowcount == 0:
        tx.conn.execute(insert(accounts).values(username=account.username, **values))
