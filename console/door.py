"""门 Login and logout: a password, a token, or the one-time link of `fengsui run`.

Who was in the middle of a form when the login expired gets the door with the form's fields in it (`keep`), and after
the login the form again as it was, not sent.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.desk import Desk
from console.forms import RESUMED, Typed, read_form
from console.session import log_in, log_out, officer_of, same_origin, take_link
from console.visit import ACTION, KEPT, render

NEXT_MAX = 1000
Lang = Annotated[str | None, Query(max_length=8)]
Next = Annotated[str, Query(max_length=NEXT_MAX)]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    def ask(
        request: Request, problem: str | None, status: int = 200, lang: str | None = None, typed: Typed | None = None
    ) -> HTMLResponse:
        shown: dict[str, Any] = {"problem": problem, "next": request.query_params.get("next", "")[:NEXT_MAX]}
        if typed is not None and typed.text(ACTION):
            shown |= {"action": typed.text(ACTION), "kept": _kept(typed)}
        return render(desk, request, "login.html", shown, lang, status)

    def enter(request: Request, token: str, problem: str, onward: str, typed: Typed | None = None) -> Response:
        officer = officer_of(token)
        if officer is None or officer.expired(desk.now()):
            return ask(request, problem, 403, typed=typed)
        answer: Response = RedirectResponse(onward if _is_ours(onward) else "/", 303)
        if typed is not None and _is_ours(typed.text(ACTION)):
            shown = {"action": typed.text(ACTION), "fields": [*_kept(typed), (RESUMED, "1")]}
            answer = render(desk, request, "resume.html", shown, None)
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
    async def log_in_with(request: Request, next: Next = "/") -> Response:
        """Log in with a password, or with a token."""
        typed = await read_form(request)
        token = typed.text("token")
        if not token:
            asked = await desk.peers.token_for(typed.text("username"), typed.text("password"))
            if asked.wrong:
                problem = {400: "login_failed", 401: "login_failed", 429: "too_many"}.get(asked.status, "login_away")
                return ask(request, problem, 403 if asked.status else 503, typed=typed)
            token = str(asked.body["access_token"])
        return enter(request, token, "login_failed", next, typed)

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


def _kept(typed: Typed) -> list[tuple[str, str]]:
    """The fields of the form that was being filled, under their own names."""
    return [(name.removeprefix(KEPT), value) for name, value in typed.pairs() if name.startswith(KEPT)]
