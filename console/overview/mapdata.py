"""地图数据 What the map draws, as GeoJSON: ``base`` (townships, roads), ``zones``, and ``marks``, which change.

Asked by the console in the officer's name: the browser speaks to nobody but the console.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console import names as packs
from console.names import names_of
from console.overview import view
from console.overview.layers import FUSES, LAYERS, RANK, Item, items_of, rows_of, seen_of
from console.overview.pages import ALARMED, OPEN_ORDERS, ROWS_ASKED
from console.peers import Ask, Asked
from console.visit import Here, Visit
from shared.ids import sha256_hex

PAGES_MAX = 10
DIGITS = 5  # about a metre
NO_STORE = {"Cache-Control": "no-store"}
Draw = Callable[[Mapping[str, Any]], dict[str, Any]]
MARKED = tuple(layer for layer in LAYERS if layer.name not in ("fuses", "zones"))


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/part/map/base")
    async def base(here: Here, request: Request) -> Response:
        """Townships and roads: what changes with the pack alone."""
        regions, no_regions = await _whole(here, "resources", "/collections/regions/items")
        roads, no_roads = await _whole(here, "resources", "/collections/roads/items")
        drawn = [row for row in regions if row["geometry"] and row["geometry"]["type"] != "Point"]
        layers = [(_region, drawn), (_road, roads)]
        return await asyncio.to_thread(_geojson, request, layers, [*no_regions, *no_roads])

    @router.get("/part/map/zones")
    async def zones(here: Here, request: Request) -> Response:
        """Danger zones, with those in force."""
        rows, wrong = await _whole(here, "resources", "/collections/zones/items")
        return await asyncio.to_thread(_geojson, request, [(_zone, rows)], wrong)

    @router.get("/part/map/marks")
    async def marks(here: Here) -> Response:
        """Every place with what is known of it now, and each township's worst level."""
        asks: dict[str, Ask] = {layer.name: (layer.service, layer.path, {"limit": ROWS_ASKED}) for layer in MARKED}
        asked = await here.ask({**asks, "pack": packs.ASK, "alarmed": ALARMED, "orders": OPEN_ORDERS})
        text = await asyncio.to_thread(_marked, asked)
        return Response(text, media_type="application/json", headers=NO_STORE)

    return router


def _marked(asked: Mapping[str, Asked]) -> str:
    seen = seen_of(names_of(asked["pack"]), asked["alarmed"], asked["orders"])
    items = [item for layer in MARKED for item in items_of(layer, asked[layer.name], seen)]
    areas = view.areas_of(asked["alarmed"])
    tops: dict[str, str] = {}  # the worst alarm of each township
    sure: dict[str, str] = {}  # its worst level that is confirmed: what is not stands as a mark, not as a colour
    for item in items_of(FUSES, asked["alarmed"], seen):
        tops.setdefault(item.township, item.sel)
        level = str(item.about["confirmed_level"]) if item.open else str(item.level)
        sure[item.township] = max(sure.get(item.township, "normal"), level, key=lambda e: RANK[e])
    body = {
        "wrong": [answer.wrong for answer in asked.values() if answer.wrong]
        + [f"{name}: more than {ROWS_ASKED}" for name, answer in asked.items() if answer.cut],
        "areas": {
            code: {"level": sure.get(code, "normal"), "sight": area.sight, "top": tops.get(code, "")}
            for code, area in areas.items()
        },
        "marks": {"type": "FeatureCollection", "features": [_mark(item) for item in items if item.lon is not None]},
    }
    return json.dumps(body, ensure_ascii=False)


async def _whole(here: Visit, service: str, path: str) -> tuple[list[Mapping[str, Any]], list[str]]:
    """All pages of a collection, and what is wrong where some of them could not be had."""
    found: list[Mapping[str, Any]] = []
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        query = {"limit": ROWS_ASKED, **({"cursor": cursor} if cursor else {})}
        asked = (await here.ask({"rows": (service, path, query)}))["rows"]
        if asked.wrong:
            return found, [asked.wrong]
        found += rows_of(asked)
        cursor = _next(asked)
        if cursor is None:
            return found, []
    return found, [f"{path}: more than {PAGES_MAX * ROWS_ASKED}"]


def _next(asked: Asked) -> str | None:
    links = asked.body.get("links", ()) if isinstance(asked.body, dict) else ()
    found = next((str(link["href"]) for link in links if link["rel"] == "next"), None)
    return found.partition("cursor=")[2].partition("&")[0] if found else None


def _region(row: Mapping[str, Any]) -> dict[str, Any]:
    about = row["properties"]
    return _drawn(row, {"layer": "regions", "name": about["name"], "level": about["level"], "code": row["id"]})


def _road(row: Mapping[str, Any]) -> dict[str, Any]:
    return _drawn(row, {"layer": "roads", "kind": row["properties"]["kind"]})


def _zone(row: Mapping[str, Any]) -> dict[str, Any]:
    about, sel = row["properties"], f"zones:{row['id']}"
    level = (about["step"] or "red") if about["in_force"] else "none"
    return _drawn(row, {"sel": sel, "in_force": about["in_force"], "level": level, "name": about["name"] or ""})


def _mark(item: Item) -> dict[str, Any]:
    level = item.level if item.level not in (None, "normal") else "none"
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [item.lon, item.lat]},
        "properties": {
            "sel": item.sel,
            "layer": item.layer,
            "name": item.name,
            "level": level,
            "rank": item.rank,
            "open": item.open,
            "unknown": item.unknown,
        },
    }


def _drawn(row: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    geometry = row["geometry"]
    drawn = {"type": geometry["type"], "coordinates": _rounded(geometry["coordinates"])}
    return {"type": "Feature", "geometry": drawn, "properties": properties}


def _rounded(coordinates: Any) -> Any:
    if coordinates and isinstance(coordinates[0], int | float):
        return [round(coordinates[0], DIGITS), round(coordinates[1], DIGITS)]
    return [_rounded(part) for part in coordinates]


def _geojson(
    request: Request, layers: Sequence[tuple[Draw, Sequence[Mapping[str, Any]]]], wrong: Sequence[str]
) -> Response:
    """With an ETag: a reload of the page sends nothing again. ``wrong`` says why it is not all."""
    features = [draw(row) for draw, rows in layers for row in rows]
    body = {"type": "FeatureCollection", "wrong": wrong, "features": features}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    tag = f'"{sha256_hex(text.encode())[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="application/geo+json", headers=headers)
