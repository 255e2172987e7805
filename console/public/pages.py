"""公众页路由 ``/m`` and what belongs to it. Without a login, small, and never stale in silence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from console.desk import Desk
from console.peers import Asked
from console.public.ask import Public, Visitor
from console.public.qr import code_svg
from console.public.report import (
    COOKIE,
    COOKIE_S,
    FIELDS_MAX,
    NEEDS,
    Typed,
    address_of,
    device_of,
    is_of_another_site,
    key_of,
    typed_of,
)
from console.public.sketch import sketch_svg
from console.times import moment
from console.words.public import EMERGENCY
from shared.chance import new_uuid
from shared.errors import NotFound
from shared.ids import is_id, sha256_hex

STATIC = Path(__file__).parents[1] / "static" / "public"
FILES = {"m.css": "text/css", "m.js": "text/javascript"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    # kept by the phone's own worker alone, which says how old it is; no cache on the way may hand it to anybody
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}
VERSIONED = "public, max-age=31536000, immutable"
AGED_S = 300
REFRESH_S = 60
SOON_S = 15  # while the way out is not known: a new plan is made in seconds


def routes(desk: Desk) -> APIRouter:
    """公众页路由"""
    router = APIRouter()
    public, assets = Public(desk), _Assets()
    _page(router, public, assets)
    _report(router, public, assets)
    _for_the_phone(router, public, assets)
    return router


class _Assets:
    """The two files of the page, named by what is in them, so that a phone never mixes old and new."""

    def __init__(self) -> None:
        self._content = {name: (STATIC / name).read_bytes() for name in FILES}
        digest = sha256_hex(b"".join(self._content.values()))
        self.version = digest[:12]
        self.worker = (STATIC / "worker.js").read_text(encoding="utf-8").replace("VERSION", self.version)

    def url(self, name: str) -> str:
        return f"/m/static/{name}?v={self.version}"

    def get(self, name: str) -> tuple[bytes, str]:
        if name not in self._content:
            raise NotFound("there is no such file", "没有该文件")
        return self._content[name], FILES[name]


def _render(
    public: Public, assets: _Assets, visitor: Visitor, template: str, values: Mapping[str, Any], status: int = 200
) -> HTMLResponse:
    wall = public.desk.now()
    common = {
        "t": visitor.words,
        "lang": visitor.words.lang,
        "visitor": visitor,
        "url": visitor.url,
        "asset": assets.url,
        "emergency": EMERGENCY,
        "other_lang_url": visitor.other_lang_url,
        "wall_ms": int(wall.timestamp() * 1000),
        "now": visitor.realm.now if visitor.realm else None,
        "at": lambda instant: moment(instant, visitor.words.lang),
        "aged_s": AGED_S,
        "refresh_s": REFRESH_S,
    }
    text = public.desk.templates.get_template(f"public/{template}").render({**common, **values})
    return HTMLResponse(text, status, headers=PAGE_HEADERS)


def _page(router: APIRouter, public: Public, assets: _Assets) -> None:
    @router.get("/m")
    async def page(request: Request) -> Response:
        """What is in force here, my way out, help (公众页)."""
        visitor = await public.visitor(request)
        if visitor.is_wrong:
            return _render(public, assets, visitor, "no_realm.html", {}, 404)
        look = await public.look(visitor)
        hazards = ("、" if visitor.words.lang == "zh" else ", ").join(map(visitor.words.pick, look.place.hazards))
        shown = {"look": look, "hazards": hazards, "refresh_s": SOON_S if look.way.is_not_known else REFRESH_S}
        answer = _render(public, assets, visitor, "page.html", shown, 404 if look.is_unknown_place else 200)
        if look.is_whole:
            answer.headers["X-Whole"] = "1"  # for the phone's worker: it may take the place of what it kept
        return answer

    @router.get("/m/offline")
    async def offline(request: Request) -> Response:
        """What the phone's worker shows where it has nothing else; kept when it is installed."""
        return _render(public, assets, await public.visitor(request), "offline.html", {})


def _report(router: APIRouter, public: Public, assets: _Assets) -> None:
    def form(visitor: Visitor, typed: Typed, status: int = 200, failed: str | None = None) -> HTMLResponse:
        shown = {"typed": typed, "mark": typed.mark or new_uuid(), "needs": NEEDS, "failed": failed}
        return _render(public, assets, visitor, "report.html", shown, status)

    @router.get("/m/report")
    async def ask(request: Request) -> Response:
        """The form: help, or safe."""
        visitor = await public.visitor(request)
        if visitor.is_wrong:
            return _render(public, assets, visitor, "no_realm.html", {}, 404)
        return form(visitor, typed_of(request.query_params))

    @router.post("/m/report")
    async def send(request: Request) -> Response:
        """Sent on to dispatch. The answer says what became of it: received under a number, or not sent."""
        visitor = await public.visitor(request)
        async with request.form(max_files=0, max_fields=FIELDS_MAX) as given:
            typed = typed_of(given)
        if visitor.is_wrong or is_of_another_site(request):
            return form(visitor, typed, 403, "failed")
        device = device_of(request)
        body = typed.body(device, visitor.words.lang)
        asked = await public.desk.peers.post(
            "dispatch",
            "/v1/checkins",
            None,
            body,
            key=key_of(typed, body, public.desk.now()),
            headers=address_of(request),
            realm=visitor.realm.realm if visitor.realm else None,
        )
        answer = _sent(asked, visitor, form, typed, public, assets)
        secure = public.desk.settings.secure_cookie
        answer.set_cookie(COOKIE, device, max_age=COOKIE_S, httponly=True, samesite="lax", secure=secure, path="/m")
        return answer


def _sent(asked: Asked, visitor: Visitor, form: Any, typed: Typed, public: Public, assets: _Assets) -> HTMLResponse:
    if asked.wrong or not isinstance(asked.body, dict):
        answer: HTMLResponse = form(
            visitor, typed, asked.status or 503, "failed_busy" if asked.status == 429 else "failed"
        )
        return answer
    return _render(public, assets, visitor, "sent.html", {"receipt": asked.body, "typed": typed}, 201)


def _for_the_phone(router: APIRouter, public: Public, assets: _Assets) -> None:
    @router.get("/m/static/{name}")
    async def file(name: str, request: Request) -> Response:
        """The page's own look and script."""
        content, media = assets.get(name)
        kept = VERSIONED if request.query_params.get("v") == assets.version else "no-cache"
        return Response(content, media_type=media, headers={"Cache-Control": kept})

    @router.get("/m/worker.js")
    async def worker() -> Response:
        """The service worker; its scope is the public page and nothing else."""
        headers = {"Cache-Control": "no-cache", "Service-Worker-Allowed": "/m", "Content-Security-Policy": POLICY}
        return Response(assets.worker, media_type="text/javascript", headers=headers)

    @router.get("/m/bundle.json")
    async def bundle(request: Request) -> Response:
        """What the phone keeps of the township (contract §7 ``/v1/evacuation/bundle``), from our own host."""
        visitor = await public.visitor(request)
        realm = visitor.realm.realm if visitor.realm else None
        seen = await public.sources.get(
            "resources", "/v1/evacuation/bundle", keep=False, realm=realm, **visitor.spot.query
        )
        status = 200 if seen.body else seen.status or 503
        return JSONResponse(seen.asked.body or {"code": "unreached"}, status, {"Cache-Control": "no-store"})

    @router.get("/m/sketch.svg")
    async def sketch(request: Request) -> Response:
        """A small drawing of the way."""
        visitor = await public.visitor(request)
        look_at = {"keep": False, "realm": visitor.realm.realm if visitor.realm else None, **visitor.spot.query}
        route = await public.sources.get("resources", "/v1/evacuation/route", format="geojson", **look_at)
        areas = await public.sources.get("resources", "/v1/evacuation/bundle", **look_at)
        if not route.body or not areas.body:
            raise NotFound("there is nothing to draw", "没有可画的内容")
        line = [(p[0], p[1]) for p in (route.body.get("geometry") or {}).get("coordinates", ())]
        found = route.body["properties"].get("shelter") or route.body["properties"].get("refuge")
        goal = (found["lon"], found["lat"]) if found else None
        spot = visitor.spot
        here = (spot.lon, spot.lat) if spot.lat is not None and spot.lon is not None else (line[0] if line else None)
        text = sketch_svg(here, line, goal, areas.body.get("zones", ()))
        return Response(text, media_type="image/svg+xml", headers={"Cache-Control": "no-store"})

    @router.get("/m/qr/{place}.svg")
    async def code(place: str, request: Request) -> Response:
        """The code to hang at a place of the pack; no other can be made."""
        seen = None
        if is_id(place):
            seen = await public.sources.get("resources", "/v1/evacuation/bundle", keep=False, at=place)
        found = seen.body.get("place") if seen else None
        if seen is None or not found:
            raise NotFound(f"there is no place '{place}' in the district pack", f"区县包中没有 {place}", field="place")
        base = public.desk.settings.public_url or str(request.base_url).rstrip("/")
        text = code_svg(f"{base}/m?at={place}", found["name"], seen.body["district_name"]["zh"])
        return Response(text, media_type="image/svg+xml", headers={"Cache-Control": "no-cache"})
