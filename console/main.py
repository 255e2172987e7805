"""值班台服务 Wires the console: pages, streams, files of its own, and headers that let nothing else in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console import door, streams, times
from console.approval import keys as approval_keys
from console.approval import pages as approval
from console.board import pages as board
from console.checkins import pages as checkins
from console.desk import VENDOR, VENDOR_FILES, Desk
from console.forms import FORM_BYTES_MAX
from console.fuse import pages as fuse
from console.notices import pages as notices
from console.orders import pages as orders
from console.overview import mapdata
from console.overview import pages as overview
from console.peers import Peers
from console.public import pages as public
from console.public.report import FORM_BYTES_MAX as PUBLIC_FORM_BYTES_MAX
from console.rooms import ROOMS
from console.settings import SERVICES, ConsoleSettings
from console.timeline import pages as timeline
from console.visit import LoginNeeded, to_the_door
from shared.clock import Clock
from shared.errors import NotFound
from shared.http import problems
from shared.http.routers import join

HERE = Path(__file__).parent
HEADERS = {
    # Everything of ours, nothing inline, nothing from elsewhere, nobody may frame it.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "worker-src 'self'; "  # the map's worker is a file of its own
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # no-referrer would make browsers send `Origin: null` with our own forms, and `same_origin` refuse them
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FIRST_SHOWN = ("base", "room", "parts/", "overview/")  # compiled at the start: who opens the console waits for none


def create_app(settings: ConsoleSettings, clock: Clock) -> FastAPI:
    """The console's app (值班台)."""
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=ChainableUndefined, trim_blocks=True
    )
    templates.filters |= {"clock": times.clock, "figure": times.figure, "unit": times.unit_of}
    templates.globals |= {"span": times.span, "left": times.left, "age": times.age}
    templates.globals["way"] = {room.name: room.path for room in ROOMS}
    desk = Desk(settings, Peers(settings), clock.now, templates)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for name in templates.list_templates(filter_func=lambda name: name.startswith(FIRST_SHOWN)):
            templates.get_template(name)
        try:
            yield
        finally:
            desk.stopping.set()
            await desk.peers.close()

    app = FastAPI(title="Fengsui console", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.desk = desk
    problems.install(app)
    app.add_exception_handler(LoginNeeded, to_the_door)
    for router in (
        _health(desk),
        door.routes(desk),
        approval.routes(),
        approval_keys.routes(),
        board.routes(),
        checkins.routes(),
        notices.routes(),
        orders.routes(),
        overview.routes(),
        fuse.routes(),
        public.routes(desk),
        mapdata.routes(),
        _vendor(),
        streams.routes(desk),
        timeline.routes(),
    ):
        join(app, router)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")

    app.add_middleware(problems.RefuseLarge, limit_of=_limit_of)
    app.add_middleware(_Hardened)
    return app


def _limit_of(path: str) -> int:
    """What a body may weigh: officers send files, anybody sends a few words."""
    return PUBLIC_FORM_BYTES_MAX if path.startswith("/m/") else FORM_BYTES_MAX + FORM_BYTES_MAX // 10


class _Hardened:
    """加固: our headers on every answer; plain ASGI, so that streams pass through as they come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, hardened if scope["type"] == "http" else send)


def _vendor() -> APIRouter:
    router = APIRouter()

    @router.get("/vendor/{name}")
    async def vendor(name: str) -> FileResponse:
        """The map's package (console/frontend), and nothing else of it."""
        if name not in VENDOR_FILES or not (VENDOR / name).is_file():
            raise NotFound("the map's package is not installed", "地图组件未安装")
        return FileResponse(VENDOR / name, media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    return router


def _health(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok", "service": "console"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """The console can show its page even when services are away; then it says which, and is still ready."""
        answers = {service: await desk.peers.get(service, "/healthz") for service in SERVICES}
        notes = {service: asked.wrong for service, asked in answers.items() if asked.wrong}
        return JSONResponse({"ready": True, "wrong": {}, "notes": notes})

    return router
