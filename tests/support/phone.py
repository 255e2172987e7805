"""公众页的手机 A phone in front of a console whose three services are only their answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from console.main import create_app
from console.public.sources import FRESH_S
from console.settings import ConsoleSettings
from shared.clock import ManualClock
from shared.realm import format_time, parse_time
from tests.support.serving import serving

NOW = parse_time("2026-06-28T03:07:00Z")
BYTES_MAX = 50_000
SECRET = ("演示人员", "00000000123")
ROUTE = {
    "status": "inside",
    "basis": "computed",
    "shelter": {"name": "1号避难点<b>", "lat": 29.31, "lon": 108.76},
    "shelter_state": "unknown",
    "distance_m": 960,
    "minutes": 20,
    "steps": [{"zh": "向西走约 20 米", "en": "Go west for about 20 m"}],
    "warnings": [{"code": "night", "zh": "夜间行走", "en": "walking in the dark"}],
    "phone": "119",
}


@dataclass
class World:
    """What the services answer now, and what they were asked."""

    route: dict[str, Any] = field(default_factory=lambda: dict(ROUTE))
    alerts: list[dict[str, Any]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    default: str = "x-live"
    drills: list[dict[str, Any]] = field(default_factory=list)
    said: list[tuple[dict[str, str], dict[str, Any], str | None]] = field(default_factory=list)
    checkin: tuple[int, dict[str, Any]] | None = None
    asked: list[str] = field(default_factory=list)

    def bundle(self, at: str | None) -> dict[str, Any]:
        head = {"district": "500114", "district_name": {"zh": "黔江区", "en": "Qianjiang"}, "phone": "119"}
        if at is None:
            towns = [{"id": "500114112", "name": "濯水镇", "kind": "township"}]
            return head | {"region": {"id": "500114", "name": "黔江区"}, "place": None, "places": towns}
        kinds = {"500114112": ("濯水镇", "township"), "guest-1": ("演示客栈一", "unit"), "v-1": ("桐木村", "village")}
        name, kind = kinds[at]
        shelter = {
            "name": "1号避难点",
            "lat": 29.31,
            "lon": 108.76,
            "state": "open",
            "usable": True,
            "accessible": True,
        }
        zone = {"kind": "danger", "hazard": "11A01", "hazard_name": {"zh": "洪水", "en": "Flood"}}
        return head | {
            "region": {"id": "500114112", "name": "濯水镇"},
            "place": {"id": at, "name": name, "kind": kind},
            "places": [{"id": "v-1", "name": "桐木村", "kind": "village"}],
            "shelters": [shelter],
            "zones": [zone],
        }


def service_app(name: str, world: World) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def away(request: Request, call_next: Any) -> Response:
        world.asked.append(request.url.path)
        if name in world.away:
            return JSONResponse({"code": "storage_unavailable"}, 503)
        answer: Response = await call_next(request)
        return answer

    @app.get("/v1/realm")
    def realm() -> dict[str, Any]:
        rows = [{"realm": world.default, "speed": 1, "v0": None, "w0": None, "now": format_time(NOW)}]
        return {"default": world.default, "realms": rows + world.drills}

    @app.get("/v1/alerts")
    def alerts() -> dict[str, Any]:
        return {"items": world.alerts, "next": None}

    @app.get("/v1/evacuation/route")
    def route(format: str = "json") -> Any:
        if format == "geojson":
            line = {"type": "LineString", "coordinates": [[108.77, 29.31], [108.76, 29.31]]}
            return {"type": "Feature", "geometry": line, "properties": world.route}
        return world.route

    @app.get("/v1/evacuation/bundle")
    def bundle(at: str | None = None) -> Response:
        try:
            return JSONResponse(world.bundle(at))
        except KeyError:
            return JSONResponse({"code": "not_found"}, 404)

    @app.post("/v1/checkins")
    async def check_in(request: Request, realm: str | None = None) -> Response:
        world.said.append((dict(request.headers), await request.json(), realm))
        if world.checkin is not None:
            return JSONResponse(world.checkin[1], world.checkin[0])
        kind = world.said[-1][1]["kind"]
        return JSONResponse({"receipt": f"R-{len(world.said):06}", "kind": kind, "at": format_time(NOW)}, 201)

    return app


class Phone:
    """A phone in front of the console."""

    def __init__(self, http: httpx.Client, world: World, clock: ManualClock) -> None:
        self.http, self.world, self.clock = http, world, clock

    def get(self, path: str = "/m", status: int = 200, **headers: str) -> str:
        answer = self.http.get(path, headers={"Accept-Language": "zh-CN"} | headers)
        assert answer.status_code == status, answer.text
        return answer.text

    def wait(self, seconds: float = FRESH_S + 1) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))

    def send(self, query: str = "", **fields: Any) -> httpx.Response:
        return self.http.post(f"/m/report{query}", data=fields, headers={"Accept-Language": "zh-CN"})


@contextmanager
def phone_at_the_console() -> Iterator[Phone]:
    world, clock = World(), ManualClock(NOW)
    with ExitStack() as stack:
        urls = {
            f"{name}_url": stack.enter_context(serving(service_app(name, world)))
            for name in ("warning", "dispatch", "resources")
        }
        settings = ConsoleSettings(host="127.0.0.1", port=0, public_url="https://m.example.invalid", **urls)
        url = stack.enter_context(serving(create_app(settings, clock)))
        http = stack.enter_context(httpx.Client(base_url=url, timeout=20))
        yield Phone(http, world, clock)


def plain(html: str) -> str:
    """What is read, in its order."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<head>.*?</head>", "", html)))


def shown(html: str) -> str:
    """The same without what only an old page shows."""
    return plain(re.sub(r'(?s)<div class="[^"]*only-stale".*?</div>', "", html))


def released(level: str = "red", state: str = "released", until: str = "2026-06-28T15:00:00Z") -> dict[str, Any]:
    return {
        "level": level,
        "state": state,
        "headline": f"濯水镇达到暴雨{level}标准（实况）",
        "instruction": "请立即远离河道",
        "text": {"headline_en": f"{level} rainstorm", "instruction_en": "Leave the river"},
        "sent_at": "2026-06-28T03:00:00Z",
        "expires_at": until,
    }
