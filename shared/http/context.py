"""请求上下文 Who asks, in which realm, with which key and If-Match; and how a write is answered once.

Routes take ``ctx: Ctx``. ``ctx.write(fn)`` runs ``fn(tx)`` in the writer and keeps the answer under the caller's
Idempotency-Key in the same transaction; the same key with the same body replays it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Connection, delete, insert, select

from shared.auth.gate import check
from shared.auth.tokens import Actor
from shared.db.tx import Tx
from shared.errors import Forbidden, Invalid, Refused, StaleVersion, TooLarge, Unauthorized
from shared.ids import is_realm, sha256_hex
from shared.realm import RealmState
from shared.vocabulary import Role

if TYPE_CHECKING:
    from shared.frame import Frame

BODY_BYTES_MAX = 2_000_000
KEY_CHARS_MAX = 200
KEYS_KEPT = timedelta(days=30)
ANONYMOUS = Actor("anonymous", frozenset(), (), ())


@dataclass(frozen=True)
class Answer:
    """答复: what a write gives back; ``version`` becomes the ETag."""

    body: Any
    status: int = 200
    version: int | str | None = None


class Context:
    """请求上下文: one request."""

    def __init__(self, frame: Frame, request: Request, actor: Actor, realm: str, body: bytes) -> None:
        self.frame = frame
        self.request = request
        self.actor = actor
        self.realm = realm
        self._body = body

    @property
    def if_match(self) -> str | None:
        value = self.request.headers.get("if-match")
        return value.removeprefix("W/").strip('"') if value else None

    def require(self, roles: Iterable[Role], area: str | None = None, realm: str | None = None) -> None:
        """The gate; a refusal of somebody known is audited."""
        if self.actor is ANONYMOUS:
            raise Unauthorized("this needs a token: Authorization: Bearer …", "需要登录令牌")
        pack = self.frame.active_pack()
        try:
            check(self.actor, roles, realm or self.realm, area, pack)
        except Forbidden as error:
            where, action = realm or self.realm, f"{self.request.method} {self.request.url.path}"
            sub, code = self.actor.sub, error.code
            self.frame.writer.submit(lambda tx: tx.audit(where, sub, "refused", action, reason=code))
            raise

    def allows(self, roles: Iterable[Role], area: str | None = None) -> bool:
        """Whether the gate would let the caller: for saying what is offered; what is done goes through `require`."""
        try:
            check(self.actor, roles, self.realm, area, self.frame.active_pack())
        except Forbidden:
            return False
        return True

    def match(self, version: int | str, shown: Any = None) -> None:
        """If-Match against the stored version: 412 with both. Absent means that the caller does not mind."""
        wanted = self.if_match
        if wanted is not None and wanted not in ("*", str(version)):
            raise StaleVersion(
                f"you changed version {wanted}, but it is at version {version} now",
                f"您修改的是版本 {wanted}，当前已是版本 {version}",
                yours=wanted,
                current=version,
                object=shown,
            )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.frame.store.read() as conn:
            yield conn

    def write(self, function: Callable[[Tx], Answer | Any], *, whatever_state: bool = False) -> JSONResponse:
        """Run ``function`` in the writer; answer, and answer the same again for the same Idempotency-Key.

        A drill that was interrupted or has ended takes no act, but those that are about its state.
        """
        key = self.request.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= KEY_CHARS_MAX:
            raise Invalid(f"Idempotency-Key: give 1 to {KEY_CHARS_MAX} characters", field="Idempotency-Key")
        digest = sha256_hex(f"{self.request.method} {self.request.url.path} {self.realm}\n".encode() + self._body)
        sub = self.actor.sub

        def apply(tx: Tx) -> tuple[Answer, bool]:
            if key is not None:
                kept = self._kept(tx, sub, key, digest)
                if kept is not None:
                    return kept, True
            if not whatever_state:
                _check_running(tx, self.realm)
            made = function(tx)
            answer = made if isinstance(made, Answer) else Answer(made)
            if key is not None:
                tx.conn.execute(
                    insert(tx.tables.idempotency).values(
                        sub=sub,
                        key=key,
                        request=digest,
                        status=answer.status,
                        etag=None if answer.version is None else str(answer.version),
                        body=answer.body,
                        at=tx.now,
                    )
                )
            return answer, False

        answer, replayed = self.frame.writer.call(apply)
        headers = {} if answer.version is None else {"ETag": f'"{answer.version}"'}
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        return JSONResponse(answer.body, answer.status, headers)

    @staticmethod
    def _kept(tx: Tx, sub: str, key: str, digest: str) -> Answer | None:
        table = tx.tables.idempotency
        tx.conn.execute(delete(table).where(table.c.at < tx.now - KEYS_KEPT))
        row = tx.conn.execute(select(table).where(table.c.sub == sub, table.c.key == key)).first()
        if row is None:
            return None
        if row.request != digest:
            raise Invalid(
                "this Idempotency-Key was used for another request; take a new one",
                "该 Idempotency-Key 已用于其他请求，请换用新的",
                code="key_reused",
                field="Idempotency-Key",
            )
        return Answer(row.body, row.status, row.etag)


def _check_running(tx: Tx, realm: str) -> None:
    clock = tx.realms.clocks().get(realm)
    if clock is None or clock.is_running:
        return
    if clock.state is RealmState.ENDED:
        raise Refused("drill_ended", f"the drill {realm} has ended", f"演练 {realm} 已结束")
    why = clock.interruption
    raise Refused(
        "drill_interrupted",
        f"a real event interrupted the drill {realm} ({why.en if why else ''}); an officer resumes or ends it",
        f"演练 {realm} 已中止，真实险情：{why.zh if why else ''}；须由值班人员恢复或结束演练",
    )


async def _context(request: Request, realm: str | None = None) -> Context:
    frame: Frame = request.app.state.frame
    declared = request.headers.get("content-length", "0")
    limit = frame.body_bytes_max
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(f"the body is larger than {limit} bytes", f"正文超过 {limit} 字节")
    body = await request.body()
    if len(body) > limit:
        raise TooLarge(f"the body is larger than {limit} bytes", f"正文超过 {limit} 字节")
    actor = await _actor(frame, request)
    if realm is not None and not is_realm(realm):
        raise Invalid(f"realm: '{realm}' is not a realm; give actual or x-<exercise>", field="realm")
    return Context(frame, request, actor, realm or frame.default_realm(), body)


async def _actor(frame: Frame, request: Request) -> Actor:
    header = request.headers.get("authorization")
    if header is None:
        return ANONYMOUS
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("Authorization: write 'Bearer <token>'", "Authorization 应为 Bearer 令牌")
    # in a thread: the first verification may fetch the keys
    return await asyncio.to_thread(frame.verifier.verify, token.strip(), now=frame.clock.now())


Ctx = Annotated[Context, Depends(_context)]
