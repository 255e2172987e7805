"""密钥登记 ``/v1/keys``: an administrator enrols and revokes signing keys; each service has its own list (§7).

A key is never deleted: a signature of last year must still be checkable. Its times are wall time, whatever the realm.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, Table, insert, select, update

from shared.auth.keys import SigningKey, key_id_of, public_jwk
from shared.db.tx import Tx
from shared.errors import Invalid, NotFound, Refused
from shared.http.context import Answer, Ctx
from shared.http.lists import Cursor, Limit, decode_place, page
from shared.realm import format_time
from shared.vocabulary import Role

NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps no NUL in text
CLOCK_SLACK = timedelta(minutes=2)
"""How far ahead of ours the clock of who enrols may run."""


class KeyBody(BaseModel):
    """登记: ``fengsui key new`` prints the ``jwk``; ``owner`` is the user name that signs with it."""

    model_config = ConfigDict(extra="forbid")
    owner: str = Field(pattern=NO_NUL, min_length=1, max_length=80)
    jwk: dict[str, Any] = Field(max_length=12)
    key_id: str | None = Field(default=None, max_length=64, description="if given, it must be the key's own")
    name: str = Field(pattern=NO_NUL, default="", max_length=100)
    person: str | None = Field(pattern=NO_NUL, default=None, min_length=1, max_length=100)
    valid_from: AwareDatetime | None = None


class RevokeBody(BaseModel):
    """吊销: ``at`` may lie in the past, to when the key was lost: signatures made since do not count."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(pattern=NO_NUL, min_length=1, max_length=500)
    at: AwareDatetime | None = None


def find_key(conn: Connection, table: Table, key_id: str) -> SigningKey | None:
    row = conn.execute(select(table).where(table.c.key_id == key_id)).first()
    return _key(row) if row else None


def keys_by_id(conn: Connection, table: Table, key_ids: set[str]) -> dict[str, SigningKey]:
    rows = conn.execute(select(table).where(table.c.key_id.in_(sorted(key_ids))))
    return {row.key_id: _key(row) for row in rows}


def persons_of_owner(conn: Connection, table: Table, owner: str) -> frozenset[str]:
    """All names in the roster that keys of a user were enrolled with."""
    query = select(table.c.person).where(table.c.owner == owner, table.c.person.is_not(None))
    return frozenset(conn.execute(query).scalars())


def enrol(tx: Tx, realm: str, body: KeyBody, *, by: str) -> tuple[SigningKey, bool]:
    """登记 Keep a public key; (key, whether it is new). The same again changes nothing."""
    table = tx.tables.keys
    if "d" in body.jwk:
        raise Invalid(
            "jwk: this holds the private key; it is burnt now, make a new one and send only the public part",
            "jwk 含有私钥，该密钥已泄露；请重新生成，只提交公钥",
            field="jwk",
        )
    jwk = public_jwk(body.jwk)
    key_id = key_id_of(jwk)
    if body.key_id not in (None, key_id):
        raise Invalid(f"key_id: the thumbprint of this key is {key_id}", f"key_id 应为 {key_id}", field="key_id")
    known = find_key(tx.conn, table, key_id)
    if known is not None:
        if (known.owner, known.person) != (body.owner, body.person) or known.revoked_at is not None:
            raise Refused(
                "key_enrolled",
                "this key is enrolled for somebody else, or revoked; make a new one",
                "该密钥已登记在他人名下或已吊销，请重新生成",
            )
        return known, False
    if persons_of_owner(tx.conn, table, body.owner) - {body.person}:
        raise Refused(
            "other_person",
            f"person: keys of {body.owner} are enrolled for another person; one user is one person",
            f"用户 {body.owner} 的密钥已登记为另一人；一个账号只对应一人",
            field="person",
        )
    valid_from = body.valid_from or tx.now
    if valid_from < tx.now - CLOCK_SLACK:
        raise Invalid(
            "valid_from: a key cannot be good for signatures made before it was enrolled",
            "valid_from 不得早于登记时间",
            field="valid_from",
        )
    tx.conn.execute(
        insert(table).values(
            key_id=key_id,
            owner=body.owner,
            person=body.person,
            name=body.name,
            jwk=jwk,
            valid_from=valid_from,
            enrolled_at=tx.now,
            enrolled_by=by,
        )
    )
    seen = {"key_id": key_id, "owner": body.owner, "person": body.person}
    tx.audit(realm, by, "key.enrol", key_id, body=seen)
    tx.event(realm, "key.enrolled", key_id, {"key_id": key_id, "owner": body.owner})
    made = SigningKey(
        key_id=key_id, owner=body.owner, jwk=jwk, valid_from=valid_from, name=body.name, person=body.person
    )
    return made, True


def revoke(tx: Tx, realm: str, key_id: str, body: RevokeBody, *, by: str) -> SigningKey:
    """吊销 From ``at`` on its signatures do not count; an earlier date may be set later, never a later one."""
    table = tx.tables.keys
    known = find_key(tx.conn, table, key_id)
    if known is None:
        raise NotFound(f"no key {key_id}", f"没有密钥 {key_id}")
    at: datetime = body.at or tx.now
    if at > tx.now + CLOCK_SLACK:
        raise Invalid("at: revoke now or back to when the key was lost", "吊销时间不得晚于现在", field="at")
    if known.revoked_at is None or at < known.revoked_at:
        values = {"revoked_at": at, "revoked_by": by, "revoke_reason": body.reason}
        tx.conn.execute(update(table).where(table.c.key_id == key_id).values(**values))
        tx.audit(realm, by, "key.revoke", key_id, reason=body.reason, happened_at=at)
        tx.event(realm, "key.revoked", key_id, {"key_id": key_id, "owner": known.owner, "at": format_time(at)})
    return find_key(tx.conn, table, key_id) or known


def key_out(key: SigningKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "owner": key.owner,
        "person": key.person,
        "name": key.name,
        "jwk": dict(key.jwk),
        "valid_from": format_time(key.valid_from),
        "revoked_at": format_time(key.revoked_at) if key.revoked_at else None,
    }


def routes() -> APIRouter:
    """``POST``, ``GET /v1/keys`` and ``POST /v1/keys/{key_id}/revoke``, by an administrator."""
    router = APIRouter(tags=["keys"])

    @router.post("/v1/keys", status_code=201)
    def enrol_key(body: KeyBody, ctx: Ctx) -> JSONResponse:
        """Enrol a public key for a user; the same key again answers 200."""
        ctx.require([Role.ADMIN])
        realm, sub = ctx.realm, ctx.actor.sub

        def apply(tx: Tx) -> Answer:
            key, is_new = enrol(tx, realm, body, by=sub)
            return Answer(key_out(key), 201 if is_new else 200)

        return ctx.write(apply)

    @router.get("/v1/keys")
    def list_keys(ctx: Ctx, owner: str | None = None, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
        """Enrolled keys, revoked ones too, by their id; without being an administrator one's own (``owner``)."""
        ctx.require(tuple(Role) if owner is not None and owner == ctx.actor.sub else [Role.ADMIN])
        table = ctx.frame.tables.keys
        after = decode_place(cursor, str)
        query = select(table).order_by(table.c.key_id).limit(limit + 1)
        if owner is not None:
            query = query.where(table.c.owner == owner)
        if after is not None:
            query = query.where(table.c.key_id > after)
        with ctx.read() as conn:
            items = [key_out(_key(row)) for row in conn.execute(query)]
        return page(items, limit, lambda item: [item["key_id"]])

    @router.post("/v1/keys/{key_id}/revoke")
    def revoke_key(key_id: str, body: RevokeBody, ctx: Ctx) -> JSONResponse:
        """Revoke a key from a date on."""
        ctx.require([Role.ADMIN])
        realm, sub = ctx.realm, ctx.actor.sub
        return ctx.write(lambda tx: key_out(revoke(tx, realm, key_id, body, by=sub)))

    return router


def _key(row: Row[Any]) -> SigningKey:
    return SigningKey(
        key_id=row.key_id,
        owner=row.owner,
        jwk=row.jwk,
        valid_from=row.valid_from,
        name=row.name,
        person=row.person,
        revoked_at=row.revoked_at,
    )
