"""登录 ``POST /v1/token`` (OAuth 2.0, RFC 6749 §4.3, §4.4), public keys (RFC 7517), accounts by an administrator."""

from __future__ import annotations

import base64
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from services.dispatch.accounts import service
from services.dispatch.accounts.account import SECRET_MAX, Account, SecretKind, TryLimiter
from shared.auth.tokens import Actor, TokenSigner
from shared.errors import FengsuiError, TooMany, Unauthorized
from shared.frame import Frame
from shared.http.context import Answer, Ctx
from shared.realm import ACTUAL
from shared.vocabulary import Role

log = structlog.get_logger(__name__)

PERSON_LIFETIME_S = 12 * 3600
"""A duty shift: nobody is logged out in the middle of a flood night."""
SERVICE_LIFETIME_S = 3600
GRANTS = ("password", "client_credentials")
Text = Annotated[str | None, Form(max_length=SECRET_MAX)]


class AccountBody(BaseModel):
    """账号: contract §8"""

    model_config = ConfigDict(extra="forbid")
    username: str = Field(min_length=1, max_length=80)
    secret: str = Field(max_length=SECRET_MAX)
    kind: SecretKind = SecretKind.PASSWORD
    roles: list[Role] = Field(max_length=20)
    areas: list[str] = Field(default_factory=lambda: ["*"], max_length=100)
    realms: list[str] = Field(default_factory=lambda: ["*"], max_length=100)
    posts: list[str] = Field(default_factory=list, max_length=200)
    disabled: bool = False


class _Door:
    """登录口: checks a secret, slows guessing down, and writes down who came."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._limiter = TryLimiter()

    def log_in(self, request: Request, username: str, secret: str) -> Account:
        address = request.client.host if request.client else ""
        now = self._frame.clock.now()
        if self._limiter.refuses(username, address, now):
            raise TooMany("too many failed log-ins; wait five minutes", "登录失败次数过多，请五分钟后再试")
        with self._frame.store.read() as conn:
            found = service.find(conn, username)
        if not service.proves(found, secret) or found is None:
            self._limiter.failed(username, address, now)
            self._audit(username, "login.refused", address)
            raise Unauthorized(
                "user or password is wrong", "用户名或口令错误", code="invalid_grant", error="invalid_grant"
            )
        self._limiter.succeeded(username, address)
        if Role.SERVICE not in found[0].roles:
            self._audit(username, "login", address)
        return found[0]

    def _audit(self, username: str, action: str, address: str) -> None:
        """A standby writes nothing, and still lets the duty officer read."""
        if not self._frame.writer.is_owner:
            log.warning("login.not_audited", username=username, action=action)
            return
        self._frame.writer.submit(lambda tx: tx.audit(ACTUAL, username[:80], action, address))


def routes(frame: Frame, signer: TokenSigner) -> APIRouter:
    """登录路由"""
    router = APIRouter(tags=["accounts"])
    door = _Door(frame)

    @router.get("/.well-known/jwks.json")
    def jwks() -> dict[str, Any]:
        """The public keys that tokens are verified with."""
        return signer.jwks()

    @router.post("/v1/token")
    def token(
        request: Request,
        grant_type: Text = None,
        username: Text = None,
        password: Text = None,
        client_id: Text = None,
        client_secret: Text = None,
    ) -> JSONResponse:
        """A bearer token for a user's password or a service's key."""
        if grant_type not in GRANTS:
            raise FengsuiError(
                f"grant_type: give {' or '.join(GRANTS)}",
                "grant_type 应为 password 或 client_credentials",
                code="unsupported_grant_type",
                field="grant_type",
                error="unsupported_grant_type",
            )
        if grant_type == "client_credentials":
            username, password = _basic(request) or (client_id, client_secret)
        account = door.log_in(request, username or "", password or "")
        actor = service.actor_of(account)
        lifetime_s = SERVICE_LIFETIME_S if Role.SERVICE in actor.roles else PERSON_LIFETIME_S
        body = {
            "access_token": signer.sign(actor, now=frame.clock.now(), lifetime_s=lifetime_s),
            "token_type": "bearer",
            "expires_in": lifetime_s,
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    @router.post("/v1/accounts")
    def save(body: AccountBody, ctx: Ctx) -> JSONResponse:
        """Create an account or replace it."""
        ctx.require([Role.ADMIN])
        account = Account(
            username=body.username,
            kind=body.kind,
            roles=tuple(role.value for role in body.roles),
            areas=tuple(body.areas),
            realms=tuple(body.realms),
            posts=tuple(body.posts),
            disabled=body.disabled,
        )
        hashed = service.hash_secret(body.kind, body.secret)

        def create(tx: Any) -> Answer:
            service.create_account(tx, account, hashed, by=ctx.actor.sub)
            return Answer({"username": account.username, "roles": list(account.roles)}, 201)

        return ctx.write(create)

    @router.get("/v1/me")
    def me(ctx: Ctx) -> dict[str, Any]:
        """Who this token is, and which posts its account fills."""
        ctx.require(list(Role), realm=ctx.realm)
        with ctx.read() as conn:
            return _me(ctx.actor, service.posts_of(conn, ctx.actor))

    return router


def _me(actor: Actor, posts: tuple[str, ...]) -> dict[str, Any]:
    return {
        "sub": actor.sub,
        "roles": sorted(actor.roles),
        "areas": list(actor.areas),
        "realm": list(actor.realms),
        "posts": list(posts),
    }


def _basic(request: Request) -> tuple[str, str] | None:
    """client_secret_basic (RFC 6749 §2.3.1)."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        raise Unauthorized("Authorization: write 'Basic base64(id:secret)'", code="invalid_client") from None
    return username, password
