"""会话 Who is at the console: the officer's own token in a cookie that no script and no other site can use.

The console keeps no session of its own, so that it may die and be started again without anybody being logged out.
A page that changes anything is asked for by POST, and only by a page of ours (`same_origin`).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Request, Response

from shared.errors import Forbidden
from shared.ids import sha256_hex

COOKIE = "fengsui"
COOKIES = (COOKIE, "fengsui-2", "fengsui-3")
COOKIE_CHARS = 3500  # browsers drop a larger cookie in silence; who answers for two hundred villages has a long token
TOKEN_CHARS_MAX = COOKIE_CHARS * len(COOKIES)
LINK_CHARS_MAX = 200


@dataclass(frozen=True)
class Officer:
    """值班人员: the token and what it says of itself. The services verify it; the console only shows the name."""

    token: str
    name: str
    roles: tuple[str, ...]
    realms: tuple[str, ...]
    expires_at: int

    def expired(self, now: datetime) -> bool:
        return now.timestamp() >= self.expires_at


def officer_of(token: str) -> Officer | None:
    """Read the token's claims without trusting them; None where it is no token."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > TOKEN_CHARS_MAX:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return Officer(
            token,
            str(claims["sub"]),
            tuple(map(str, claims.get("roles", ()))),
            tuple(map(str, claims.get("realm", ()))),
            int(claims["exp"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def parts_of(token: str) -> dict[str, str]:
    """The token as cookies: name → part."""
    cut = range(0, len(token), COOKIE_CHARS)
    return {name: token[at : at + COOKIE_CHARS] for name, at in zip(COOKIES, cut, strict=False)}


def current(request: Request, now: datetime) -> Officer | None:
    """Who asks; None without a login or with one that has expired."""
    officer = officer_of("".join(request.cookies.get(name, "") for name in COOKIES))
    return officer if officer and not officer.expired(now) else None


def log_in(response: Response, officer: Officer, now: datetime, *, secure: bool) -> None:
    """Strict: other sites' pages cannot make the browser send it, not even by a link."""
    left_s = max(0, officer.expires_at - int(now.timestamp()))
    parts = parts_of(officer.token)
    for name in COOKIES:
        if name in parts:
            response.set_cookie(
                name, parts[name], max_age=left_s, httponly=True, samesite="strict", secure=secure, path="/"
            )
        else:
            response.delete_cookie(name, path="/")


def log_out(response: Response) -> None:
    for name in COOKIES:
        response.delete_cookie(name, path="/")


def same_origin(request: Request) -> None:
    """Refuse a POST that another site's page made. Browsers say by themselves where a request comes from."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    strange = site not in (None, "same-origin", "none") or (origin is not None and urlsplit(origin).netloc != host)
    if strange:
        raise Forbidden("this form was sent by another site", "该表单来自其他网站", code="cross_site")


def take_link(links: Path | None, code: str) -> str | None:
    """一次性登录链接: the token behind the link, which is gone afterwards; None where there is none (any more)."""
    if links is None or not 0 < len(code) <= LINK_CHARS_MAX:
        return None
    path = links / sha256_hex(code.encode())
    try:
        token = path.read_text(encoding="ascii").strip()
        path.unlink()  # of two who come at once only one gets past this
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return token
