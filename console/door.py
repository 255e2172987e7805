"""门 Login and logout: a password, a token, or the one-time link of `fengsui run`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.desk import Desk
from console.session import log_in, log_out, officer_of, same_origin, take_link
from console.visit import render

FIELD_MAX = 4096
NEXT_MAX = 1000
Lang = Annotated[str | None, Query(max_length=8)]
Text = Annotated[str, Form(max_length=FIELD_MAX)]
Next = Annotated[str, Query(max_length=NEXT_MAX)]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    def ask(request: Request, problem: str | None, status: int = 200, lang: str | None = None) -> HTMLResponse:
        onward = {"next": request.query_params.get("next", "")[:NEXT_MAX]}
        return render(desk, request, "login.html", {"problem": problem, **onward}, lang, status)

    def enter(request: Request, token: str, problem: str, onward: str) -> Response:
        officer = officer_of(token)
        if officer is None or officer.expired(desk.now()):
            return ask(request, problem, 403)
        answer = RedirectResponse(onward if _is_ours(onward) else "/", 303)
        log_in(answer, officer, desk.now(), secure=desk.settings.secure_cookie)
        return answer

    @router.get("/login")
    async def form(
        request: Request,
        code: Annotated[str | None, Query(max_length=200)] = None,
        why: Annotated[str | None, Query(max_length=20)] = None,
        lang: Lang = None,
    ) -> Response:
        """The login form; with ``code`` the one-time link of `fengsui run`."""
        if code is not None:
            return enter(request, take_link(desk.settings.links, code) or "", "link_used", "/")
        return ask(request, "expired" if why == "expired" else None, lang=lang)

    @router.post("/login")
    async def log_in_with(
        request: Request, username: Text = "", password: Text = "", token: Text = "", next: Next = "/"
    ) -> Response:
        """Log in with a password, or with a token."""
        same_origin(request)
        if not token:
            asked = await desk.peers.token_for(username, password)
            if asked.wrong:
                problem = {400: "login_failed", 401: "login_failed", 429: "too_many"}.get(asked.status, "login_away")
                return ask(request, problem, 403 if asked.status else 503)
            token = str(asked.body["access_token"])
        return enter(request, token.strip(), "login_failed", next)

    @router.post("/logout")
    async def leave(request: Request) -> Response:
        same_origin(request)
        answer = RedirectResponse("/login", 303)
        log_out(answer)
        return answer

    return router


def _is_ours(path: str) -> bool:
    """A path on this host: neither ``//elsewhere`` nor ``/\\elsewhere``, which browsers read as another host."""
    return path.startswith("/") and not path.startswith(("//", "/\\"))
