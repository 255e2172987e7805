"""页面 The officers' page, its parts, login and logout. Reads everything anew each time: a reload is always right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console import view
from console.desk import Desk
from console.peers import Asked
from console.session import Officer, log_in, log_out, officer_of, same_origin, take_link
from console.settings import SERVICES
from console.words import LANGS, Words
from shared.errors import NotFound

PARTS = ("strip", "fuses", "board", "orders", "timeline")
CASES_SHOWN = 6
INCIDENTS_SHOWN = 6
FUSES_EXPLAINED = 12
LANG_COOKIE = "fengsui_lang"
FIELD_MAX = 4096
Lang = Annotated[str | None, Query(max_length=8)]
Realm = Annotated[str | None, Query(max_length=42)]
Text = Annotated[str, Form(max_length=FIELD_MAX)]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()
    _main(router, desk)
    _login(router, desk)
    return router


def _main(router: APIRouter, desk: Desk) -> None:
    @router.get("/")
    async def page(request: Request, realm: Realm = None, lang: Lang = None) -> Response:
        """The officers' page (值班台), on the running realm or the asked one."""
        officer = desk.officer(request)
        if officer is None:
            return RedirectResponse("/login", 303)
        seen = await _look(desk, officer, realm, PARTS)
        if seen.get("denied"):
            gone = RedirectResponse("/login?why=expired", 303)
            log_out(gone)
            return gone
        return _html(desk, request, "page.html", lang, {"officer": officer, **seen})

    @router.get("/part/{name}")
    async def part(name: str, request: Request, realm: Realm = None, lang: Lang = None) -> Response:
        """One part of the page, for the script that follows the streams."""
        if name not in PARTS:
            raise NotFound("there is no such part", "没有该部分")
        officer = desk.officer(request)
        if officer is None:
            return Response(status_code=401)
        seen = await _look(desk, officer, realm, (name,))
        if seen.get("denied"):
            return Response(status_code=401)
        answer = _html(desk, request, f"{name}.html", lang, seen)
        answer.headers["X-Domain-Now"] = seen["now"].isoformat() if seen["now"] else ""
        return answer


def _login(router: APIRouter, desk: Desk) -> None:
    @router.get("/login")
    async def form(
        request: Request,
        code: Annotated[str | None, Query(max_length=200)] = None,
        why: Annotated[str | None, Query(max_length=20)] = None,
        lang: Lang = None,
    ) -> Response:
        """The login form; with ``code`` the one-time link of `fengsui run`."""
        if code is not None:
            token = take_link(desk.settings.links, code)
            officer = officer_of(token) if token else None
            if officer is None or officer.expired(desk.now()):
                return _html(desk, request, "login.html", lang, {"problem": "link_used"}, 403)
            return _enter(desk, officer)
        return _html(desk, request, "login.html", lang, {"problem": "expired" if why == "expired" else None})

    @router.post("/login")
    async def enter(request: Request, username: Text = "", password: Text = "", token: Text = "") -> Response:
        """Log in with a password, or with a token."""
        same_origin(request)
        if not token:
            asked = await desk.peers.token_for(username, password)
            if asked.wrong:
                problem = {400: "login_failed", 401: "login_failed", 429: "too_many"}.get(asked.status, "login_away")
                return _html(desk, request, "login.html", None, {"problem": problem}, 403 if asked.status else 503)
            token = str(asked.body["access_token"])
        officer = officer_of(token.strip())
        if officer is None or officer.expired(desk.now()):
            return _html(desk, request, "login.html", None, {"problem": "login_failed"}, 403)
        return _enter(desk, officer)

    @router.post("/logout")
    async def leave(request: Request) -> Response:
        same_origin(request)
        answer = RedirectResponse("/login", 303)
        log_out(answer)
        return answer


def _enter(desk: Desk, officer: Officer) -> Response:
    answer = RedirectResponse("/", 303)
    log_in(answer, officer, desk.now(), secure=desk.settings.secure_cookie)
    return answer


async def _look(desk: Desk, officer: Officer, wanted: str | None, parts: tuple[str, ...]) -> dict[str, Any]:
    """Everything that the parts show, asked at once."""
    token = officer.token
    known = await desk.peers.get("warning", "/v1/realm")
    realms, default = view.realms_of(known)
    chosen = view.choose_realm(realms, default, wanted)
    if chosen is None:
        name = wanted or default or view.LIVE_REALM
        chosen = view.RealmView(name, 1.0, None, None, None)
    answers = await desk.peers.many(_asks(chosen.realm, parts), token)
    if any(answer.status == 401 for answer in answers.values()):
        return {"denied": True}
    seen: dict[str, Any] = {
        "realm": chosen,
        "realms": realms,
        "services": SERVICES,
        "parts": PARTS,
        "now": chosen.now,
        "wall": desk.now(),
    }
    if "strip" in parts:
        strip = view.strip_of(answers)
        seen["strip"] = replace(strip, wrong=[*strip.wrong, ("warning", known.wrong)]) if known.wrong else strip
    if "fuses" in parts:
        fuses = view.fuses_of(answers["fuses"])
        seen |= {"fuses": await _explained(desk, token, chosen.realm, fuses), "fuses_wrong": answers["fuses"].wrong}
    if "orders" in parts:
        seen |= {"orders": view.orders_of(answers["orders"]), "orders_wrong": answers["orders"].wrong}
    if "board" in parts:
        boards = await _each(
            desk, token, chosen.realm, answers["cases"], "case_id", CASES_SHOWN, "/v1/callouts/{}/board"
        )
        seen |= {"cases": view.cases_of(boards), "board_wrong": answers["cases"].wrong or _wrong_of(boards)}
    if "timeline" in parts:
        found = answers["incidents"]
        path = "/v1/incidents/{}/timeline"
        timelines = await _each(desk, token, chosen.realm, found, "incident_id", INCIDENTS_SHOWN, path)
        seen |= {"lines": view.timeline_of(timelines), "timeline_wrong": found.wrong or _wrong_of(timelines)}
    return seen


def _asks(realm: str, parts: tuple[str, ...]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """What the parts need, by name: (service, path, query)."""
    asks: dict[str, tuple[str, str, dict[str, Any]]] = {}
    if "strip" in parts:
        asks |= {f"ready:{service}": (service, "/readyz", {}) for service in SERVICES}
        asks["stations"] = ("warning", "/v1/stations", {"realm": realm})
        for receiver, sender in (("dispatch", "warning"), ("warning", "dispatch"), ("resources", "dispatch")):
            asks[f"inbox:{receiver}"] = (receiver, f"/v1/inbox/{sender}", {})
    if {"strip", "orders"} & set(parts):
        asks["orders"] = ("dispatch", "/v1/orders", {"realm": realm, "limit": 500})
    if {"strip", "board"} & set(parts):
        asks["cases"] = ("dispatch", "/v1/callouts", {"realm": realm, "state": "open"})
    if "fuses" in parts:
        asks["fuses"] = ("warning", "/v1/fuses", {"realm": realm, "limit": 500})
    if "timeline" in parts:
        asks["incidents"] = ("dispatch", "/v1/incidents", {"realm": realm, "limit": INCIDENTS_SHOWN})
    return asks


async def _each(desk: Desk, token: str, realm: str, found: Asked, key: str, most: int, path: str) -> list[Asked]:
    ids = [str(row[key]) for row in found.items[:most]]
    asks: dict[str, tuple[str, str, dict[str, Any]]] = {
        name: ("dispatch", path.format(name), {"realm": realm}) for name in ids
    }
    return list((await desk.peers.many(asks, token)).values())


async def _explained(desk: Desk, token: str, realm: str, fuses: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The worst fuses with the record that says why they stand where they are."""
    asks: dict[str, tuple[str, str, dict[str, Any]]] = {
        f"{row['fuse']}/{row['scope']}": ("warning", f"/v1/fuses/{row['fuse']}/{row['scope']}", {"realm": realm})
        for row in fuses[:FUSES_EXPLAINED]
    }
    answers = await desk.peers.many(asks, token)
    return [{**row, **view.reason_of(answers.get(f"{row['fuse']}/{row['scope']}"))} for row in fuses]


def _wrong_of(answers: list[Asked]) -> str | None:
    return next((answer.wrong for answer in answers if answer.wrong), None)


def _html(
    desk: Desk, request: Request, template: str, lang: str | None, values: Mapping[str, Any], status: int = 200
) -> HTMLResponse:
    chosen = lang or request.cookies.get(LANG_COOKIE) or LANGS[0]
    words = Words(chosen)
    text = desk.templates.get_template(template).render({**values, "t": words, "lang": words.lang})
    answer = HTMLResponse(text, status, headers={"Cache-Control": "no-store"})
    if lang in LANGS:
        answer.set_cookie(LANG_COOKIE, lang, max_age=365 * 86400, httponly=True, samesite="strict", path="/")
    return answer
