"""地图要素接口 OGC API – Features at ``/``: Part 1 core with GeoJSON, Part 2 CRS84 and EPSG:4326.

A service gives its collections; each yields all its features for a realm, sorted by id, and this module does bbox,
limit, ``next`` links and the documents about it. Collections are public unless they name ``roles``; what a feature
says of persons is the service's to leave out.

    frame.include(ogc.routes("资源", "Resources", [Collection("shelters", …, features=lambda ctx: […])]))
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from shared.errors import FengsuiError, NotFound
from shared.http.context import Context, Ctx
from shared.http.lists import LIMIT_MAX, decode_place, encode_cursor
from shared.http.routers import join
from shared.realm import format_time
from shared.vocabulary import Role

LIMIT_DEFAULT = 100
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG4326 = "http://www.opengis.net/def/crs/EPSG/0/4326"
CRS_KNOWN = (CRS84, EPSG4326)
CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
)
GEOJSON = "application/geo+json"
_PARAMETERS = frozenset({"bbox", "bbox-crs", "crs", "limit", "cursor", "datetime", "realm", "f"})


@dataclass(frozen=True)
class Feature:
    """要素: ``geometry`` is GeoJSON in lon, lat, or None where the place is not known."""

    feature_id: str
    geometry: Mapping[str, Any] | None
    properties: Mapping[str, Any]

    def bounds(self) -> tuple[float, float, float, float] | None:
        """West, south, east, north."""
        points = list(_positions((self.geometry or {}).get("coordinates", ())))
        if not points:
            return None
        lons, lats = [p[0] for p in points], [p[1] for p in points]
        return min(lons), min(lats), max(lons), max(lats)


@dataclass(frozen=True)
class Collection:
    """要素集: ``features(ctx)`` gives all features of ``ctx.realm``; empty ``roles`` = public."""

    collection_id: str
    title_zh: str
    title_en: str
    features: Callable[[Context], Sequence[Feature]]
    roles: tuple[Role, ...] = ()


class BadParameter(FengsuiError):
    """参数有误 OGC API – Features Part 1 §7.6: an unknown or wrong parameter is a 400."""

    status = 400
    code = "invalid_parameter"


def point(lat: float | None, lon: float | None) -> dict[str, Any] | None:
    """A GeoJSON point, or None where the place is not known."""
    return None if lat is None or lon is None else {"type": "Point", "coordinates": [lon, lat]}


def routes(title_zh: str, title_en: str, collections: Sequence[Collection]) -> APIRouter:
    """The routes of a service's collections; at ``/``, so include it last."""
    router = APIRouter()
    join(router, _documents(title_zh, title_en, collections))
    join(router, _features(_Catalogue(collections)))
    return router


class _Catalogue:
    """The collections by id, behind the gate."""

    def __init__(self, collections: Sequence[Collection]) -> None:
        self._by_id = {collection.collection_id: collection for collection in collections}

    def find(self, collection_id: str, ctx: Context) -> Collection:
        found = self._by_id.get(collection_id)
        if found is None:
            raise NotFound(f"there is no collection '{collection_id}'", f"没有要素集 {collection_id}")
        if found.roles:
            ctx.require(found.roles)
        return found


def _documents(title_zh: str, title_en: str, collections: Sequence[Collection]) -> APIRouter:
    router = APIRouter(tags=["features"])

    @router.get("/", name="landing")
    def landing(request: Request) -> dict[str, Any]:
        """Where everything is."""
        links = [
            _link(request, "/", "self", "this document"),
            _link(request, "/openapi.json", "service-desc", "the API", "application/vnd.oai.openapi+json;version=3.0"),
            _link(request, "/conformance", "conformance", "what it conforms to"),
            _link(request, "/collections", "data", "the collections"),
        ]
        return {
            "title": f"烽燧 {title_zh} · Fengsui {title_en}",
            "description": f"{title_zh} {title_en}",
            "links": links,
        }

    @router.get("/conformance")
    def conformance() -> dict[str, Any]:
        """The conformance classes."""
        return {"conformsTo": list(CONFORMANCE)}

    @router.get("/collections")
    def list_collections(request: Request) -> dict[str, Any]:
        """The collections."""
        return {
            "links": [_link(request, "/collections", "self", "this document")],
            "crs": list(CRS_KNOWN),
            "collections": [_about(request, collection) for collection in collections],
        }

    return router


def _features(catalogue: _Catalogue) -> APIRouter:
    router = APIRouter(tags=["features"])

    @router.get("/collections/{collection_id}")
    def one_collection(collection_id: str, request: Request, ctx: Ctx) -> dict[str, Any]:
        """One collection."""
        return _about(request, catalogue.find(collection_id, ctx))

    @router.get("/collections/{collection_id}/items")
    def items(collection_id: str, request: Request, ctx: Ctx) -> Response:
        """Features within ``bbox``, page by page; follow ``next``."""
        collection = catalogue.find(collection_id, ctx)
        query = _Query.read(request)
        found = [f for f in collection.features(ctx) if query.bbox is None or _meets(f.bounds(), query.bbox)]
        found.sort(key=lambda f: f.feature_id)
        rest = [f for f in found if query.after is None or f.feature_id > query.after]
        shown = rest[: query.limit]
        links = [_self_link(request, "self", "this document")]
        if len(rest) > len(shown) and shown:
            links.append(_self_link(request, "next", "next page", cursor=encode_cursor([shown[-1].feature_id])))
        links.append(_link(request, f"/collections/{collection_id}", "collection", "the collection"))
        body = {
            "type": "FeatureCollection",
            "features": [_feature(f, query.crs) for f in shown],
            "links": links,
            "timeStamp": format_time(ctx.frame.clock.now()),
            "numberMatched": len(found),
            "numberReturned": len(shown),
        }
        return _geojson(body, query.crs)

    @router.get("/collections/{collection_id}/items/{feature_id:path}")
    def one_item(collection_id: str, feature_id: str, request: Request, ctx: Ctx) -> Response:
        """One feature."""
        collection = catalogue.find(collection_id, ctx)
        query = _Query.read(request)
        for found in collection.features(ctx):
            if found.feature_id == feature_id:
                path = f"/collections/{collection_id}"
                links = [_self_link(request, "self", "this"), _link(request, path, "collection", "the collection")]
                return _geojson({**_feature(found, query.crs), "links": links}, query.crs)
        raise NotFound(f"there is no '{feature_id}' in {collection_id}", f"{collection_id} 中没有 {feature_id}")

    return router


@dataclass(frozen=True)
class _Query:
    bbox: tuple[float, float, float, float] | None
    limit: int
    after: str | None
    crs: str

    @staticmethod
    def read(request: Request) -> _Query:
        given = request.query_params
        for name in given:
            if name not in _PARAMETERS:
                known = ", ".join(sorted(_PARAMETERS))
                raise BadParameter(f"parameter '{name}' is not known; use {known}", f"未知参数 {name}", field=name)
        crs = _crs(given.get("crs"), "crs")
        text = given.get("limit", str(LIMIT_DEFAULT))
        if not text.isdigit() or int(text) < 1:
            raise BadParameter("limit: give a whole number from 1", "limit 应为正整数", field="limit")
        after = decode_place(given.get("cursor"), str)
        bbox = _bbox(given["bbox"], _crs(given.get("bbox-crs"), "bbox-crs")) if "bbox" in given else None
        return _Query(bbox, min(int(text), LIMIT_MAX), after, crs)


def _crs(text: str | None, field: str) -> str:
    if text is None:
        return CRS84
    if text not in CRS_KNOWN:
        raise BadParameter(f"{field}: use {CRS84} or {EPSG4326}", f"{field} 只支持 CRS84 与 EPSG:4326", field=field)
    return text


def _bbox(text: str, crs: str) -> tuple[float, float, float, float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 6:  # with heights, which our features have not
        numbers = [*numbers[:2], *numbers[3:5]]
    if len(numbers) != 4 or not all(-400 < number < 400 for number in numbers):
        raise BadParameter("bbox: give west,south,east,north in degrees", "bbox 应为 西,南,东,北", field="bbox")
    west, south, east, north = numbers
    if crs == EPSG4326:
        west, south, east, north = south, west, north, east
    if south > north:
        raise BadParameter("bbox: south is above north", "bbox 南北颠倒", field="bbox")
    return west, south, east, north


def _meets(bounds: tuple[float, float, float, float] | None, bbox: tuple[float, float, float, float]) -> bool:
    if bounds is None:
        return False
    west, south, east, north = bbox
    upright = bounds[1] <= north and bounds[3] >= south
    if west <= east:
        return upright and bounds[0] <= east and bounds[2] >= west
    return upright and (bounds[2] >= west or bounds[0] <= east)  # across the antimeridian


def _feature(feature: Feature, crs: str) -> dict[str, Any]:
    geometry: Mapping[str, Any] | None = feature.geometry
    if geometry is not None and crs == EPSG4326:
        geometry = {**geometry, "coordinates": _swapped(geometry["coordinates"])}
    return {
        "type": "Feature",
        "id": feature.feature_id,
        "geometry": geometry,
        "properties": dict(feature.properties),
    }


def _swapped(coordinates: Any) -> Any:
    if coordinates and isinstance(coordinates[0], int | float):
        return [coordinates[1], coordinates[0], *coordinates[2:]]
    return [_swapped(part) for part in coordinates]


def _positions(coordinates: Any) -> Iterable[Sequence[float]]:
    if coordinates and isinstance(coordinates[0], int | float):
        yield coordinates
        return
    for part in coordinates:
        yield from _positions(part)


def _about(request: Request, collection: Collection) -> dict[str, Any]:
    path = f"/collections/{collection.collection_id}"
    return {
        "id": collection.collection_id,
        "title": f"{collection.title_zh} {collection.title_en}",
        "itemType": "feature",
        "crs": list(CRS_KNOWN),
        "storageCrs": CRS84,
        "links": [
            _link(request, path, "self", "this document"),
            _link(request, f"{path}/items", "items", collection.title_en, GEOJSON),
        ],
    }


def _link(request: Request, path: str, rel: str, title: str, media: str = "application/json") -> dict[str, str]:
    base = str(request.base_url).rstrip("/")
    return {"href": base + path, "rel": rel, "type": media, "title": title}


def _self_link(request: Request, rel: str, title: str, **changed: str) -> dict[str, str]:
    query = urlencode({**request.query_params, **changed})
    href = str(request.url.replace(query=query))
    return {"href": href, "rel": rel, "type": GEOJSON, "title": title}


def _geojson(body: dict[str, Any], crs: str) -> Response:
    headers = {"Content-Crs": f"<{crs}>"}
    return Response(json.dumps(body, ensure_ascii=False), media_type=GEOJSON, headers=headers)
