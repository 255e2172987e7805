"""疏散接口 The public way out, and the officers' zones, plans and shelters."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.resources.evacuation import service, store
from services.resources.evacuation.answer import NO_VERSION, answer, unknown
from services.resources.evacuation.ask import Asked, answer_out, geojson_out, question_of
from services.resources.evacuation.bundle import (
    NEAR_M_MAX,
    Moment,
    PlanState,
    ZoneNow,
    district_bundle,
    township_bundle,
)
from services.resources.evacuation.datum import Crs
from services.resources.evacuation.phrases import Warn
from services.resources.evacuation.plan import ShelterState, Snapshot
from services.resources.network.tree import is_night
from shared.db.tx import Tx
from shared.errors import Invalid, NotFound, Unavailable
from shared.http.context import Answer, Context, Ctx
from shared.http.lists import Cursor, Limit, decode_place, page
from shared.http.routers import join
from shared.ids import sha256_hex
from shared.pack.model import Pack
from shared.vocabulary import Role

PLANNERS = (Role.DUTY_OFFICER, Role.COMMANDER)
READERS = (*PLANNERS, Role.TOWNSHIP, Role.VILLAGE, Role.MAINTAINER, Role.WAREHOUSE_KEEPER, Role.SERVICE)
KEY_HOLDERS = (*PLANNERS, Role.TOWNSHIP, Role.VILLAGE)
ZONES_MAX = 50
Current = Callable[[str], Snapshot | None]

Lat = Annotated[float | None, Query(ge=-90, le=90, allow_inf_nan=False)]
Lon = Annotated[float | None, Query(ge=-180, le=180, allow_inf_nan=False)]
Place = Annotated[str | None, Query(max_length=64)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Text = Annotated[str, Field(min_length=1, max_length=300)]


class ZoneBody(BaseModel):
    """手绘区域: a geometry drawn now, or only the id of a zone of the pack's zones.geojson."""

    model_config = ConfigDict(extra="forbid")
    zone_id: Id
    hazard: Id | None = None
    kind: Literal["danger", "population"] = "danger"
    region: Id | None = None
    geometry: dict[str, Any] | None = None
    source: Text = "手绘"
    review_at: AwareDatetime | None = None


class PlanBody(BaseModel):
    """疏散方案: zones to bring into force, zones to end."""

    model_config = ConfigDict(extra="forbid")
    zones: Annotated[list[ZoneBody], Field(max_length=ZONES_MAX)] = []
    end: Annotated[list[Id], Field(max_length=ZONES_MAX)] = []
    reason: Text


class ShelterBody(BaseModel):
    """避难场所状态"""

    model_config = ConfigDict(extra="forbid")
    state: ShelterState
    occupied: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    note: Annotated[str, Field(max_length=300)] | None = None


def routes(current: Current, phone: str) -> APIRouter:
    """All routes of the concept; ``current(realm)`` is the snapshot that was made last."""
    router = APIRouter()
    join(router, _public(current, phone))
    join(router, _officers())
    return router


def _public(current: Current, phone: str) -> APIRouter:
    router = APIRouter(tags=["evacuation"])

    @router.get("/v1/evacuation/route")
    def route(
        request: Request,
        ctx: Ctx,
        lat: Lat = None,
        lon: Lon = None,
        group: Place = None,
        at: Place = None,
        household: Place = None,
        crs: Crs = Crs.WGS84,
        format: Annotated[Literal["json", "geojson"], Query()] = "json",
    ) -> Response:
        """The way out for one place. Public; ``lat, lon`` and the answer are both in ``crs``."""
        pack = ctx.frame.require_pack()
        asked = Asked(lat=lat, lon=lon, group=group, at=at, household=household, crs=crs)
        question = question_of(pack, asked)
        now = ctx.frame.domain_now(ctx.realm)
        night = is_night(now.astimezone(ZoneInfo(pack.district.timezone)))
        with ctx.read() as conn:
            head = store.head(conn, ctx.realm)
        snapshot = current(ctx.realm)
        _refuse_behind(request, snapshot.plan.version if snapshot is not None else 0)
        if head is None:
            found = unknown(Warn.NO_PLAN, phone)
        elif snapshot is None or snapshot.plan.version < head.version:
            found = unknown(Warn.PENDING, phone, snapshot.version if snapshot else answer_version(head))
        else:
            found = answer(snapshot, question, now, night=night, phone=phone)
        body, media = answer_out(found, pack.district.code, ctx.realm, crs), "application/json"
        if format == "geojson":
            body, media = geojson_out(body, found, crs), "application/geo+json"
        return _unless_known(request, body, media)

    @router.get("/v1/evacuation/bundle")
    def bundle(request: Request, ctx: Ctx, at: Place = None, lat: Lat = None, lon: Lon = None) -> Response:
        """What a phone keeps for when the network is gone: one township's shelters, routes, areas, number. Public.

        Asked by any place in it or by position; without either, the townships to choose from.
        """
        pack = ctx.frame.require_pack()
        region = _region_asked(pack, at, lat, lon)
        if region is None or region == pack.district.code:
            return _unless_known(request, district_bundle(pack, ctx.realm, phone), "application/json")
        with ctx.read() as conn:
            head = store.head(conn, ctx.realm)
            zones = [
                ZoneNow(row.zone_id, row.hazard, row.kind, row.region, row.review_at, row.geometry)
                for row in store.zones_in_force(conn, ctx.realm)
            ]
            states = {shelter_id: row.state for shelter_id, row in store.shelters_now(conn, ctx.realm).items()}
        snapshot = current(ctx.realm)
        _refuse_behind(request, snapshot.plan.version if snapshot is not None else 0)
        state = _plan_state(head, snapshot, ctx.frame.domain_now(ctx.realm))
        known = snapshot.version if snapshot else answer_version(head) if head else NO_VERSION
        moment = Moment(
            state,
            known,
            snapshot if state is PlanState.CURRENT else None,
            zones,
            list(service.shelters_of(pack, states)),
            undrawn=bool(head is not None and head.inputs["unmapped"]),
        )
        body = township_bundle(pack, ctx.realm, region, at, moment, phone)
        return _unless_known(request, body, "application/json")

    @router.get("/v1/evacuation/zones")
    def list_zones(ctx: Ctx) -> JSONResponse:
        """The areas in force, as GeoJSON. Public: people may see where the danger is."""
        with ctx.read() as conn:
            rows = store.zones_in_force(conn, ctx.realm)
        features = [
            {
                "type": "Feature",
                "id": row.zone_id,
                "geometry": row.geometry,
                "properties": {
                    "district": ctx.frame.settings.district,
                    "realm": ctx.realm,
                    **{
                        name: getattr(row, name)
                        for name in ("zone_id", "version", "hazard", "kind", "region", "source")
                    },
                },
            }
            for row in rows
        ]
        return JSONResponse({"type": "FeatureCollection", "features": features}, media_type="application/geo+json")

    return router


def _officers() -> APIRouter:
    router = APIRouter(tags=["evacuation"])

    @router.post("/v1/evacuation/plans", status_code=202)
    def plans(body: PlanBody, ctx: Ctx) -> JSONResponse:
        """Draw or end danger areas. 202: the plan is numbered; it answers once it is made and proved."""
        pack = ctx.frame.require_pack()
        _require_planner(ctx, body)
        if not body.zones and not body.end:
            raise Invalid("name zones to bring into force or to end", "请给出要生效或解除的危险区", field="zones")
        drafts = [service.ZoneDraft(**zone.model_dump()) for zone in body.zones]
        by = ctx.actor.sub

        def apply(tx: Tx) -> Answer:
            out = service.change_zones(tx, ctx.realm, pack, drafts, body.end, by=by, reason=body.reason)
            return Answer(out, 202, out["version"])

        return ctx.write(apply)

    @router.get("/v1/evacuation/plans")
    def list_plans(ctx: Ctx, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        """The numbered plans, newest first."""
        ctx.require(READERS)
        district = ctx.frame.settings.district
        with ctx.read() as conn:
            rows = store.plans_page(conn, ctx.realm, limit + 1, decode_place(cursor, int))
        return page([service.plan_out(row, district) for row in rows], limit, lambda row: [row["version"]])

    @router.get("/v1/evacuation/plans/{version}")
    def one_plan(version: int, ctx: Ctx) -> JSONResponse:
        """One plan with its coverage report and the findings of its proof."""
        ctx.require(READERS)
        with ctx.read() as conn:
            row = store.plan(conn, ctx.realm, version)
        if row is None:
            raise NotFound(f"there is no plan {version}", f"没有方案 {version}")
        return JSONResponse(service.plan_out(row, ctx.frame.settings.district), headers={"ETag": f'"{version}"'})

    @router.post("/v1/shelters/{shelter_id}/state")
    def shelter(shelter_id: Id, body: ShelterBody, ctx: Ctx) -> JSONResponse:
        """A shelter is being opened, open, full, unusable: said by who holds its key or an officer."""
        pack = ctx.frame.require_pack()
        area = pack.shelters[shelter_id].region if shelter_id in pack.shelters else None
        ctx.require(KEY_HOLDERS, area=area)
        by = ctx.actor.sub

        def apply(tx: Tx) -> Answer:
            ctx.match(_shelter_version(tx, ctx.realm, shelter_id))
            out = service.set_shelter(
                tx, ctx.realm, pack, shelter_id, body.state, occupied=body.occupied, note=body.note, by=by
            )
            return Answer(out, 200, out["version"])

        return ctx.write(apply)

    return router


def answer_version(head: Any) -> dict[str, Any]:
    """What is known of a plan that this process has not made yet."""
    return {
        "network": head.network,
        "hazard": head.hazard,
        "plan": head.version,
        "shelters": head.inputs["shelters_version"],
    }


def _require_planner(ctx: Context, body: PlanBody) -> None:
    ctx.require(PLANNERS)
    for region in sorted({zone.region for zone in body.zones if zone.region}):
        ctx.require(PLANNERS, area=region)


def _shelter_version(tx: Tx, realm: str, shelter_id: str) -> int:
    found = store.shelters_now(tx.conn, realm).get(shelter_id)
    return found.version if found is not None else 0


def _refuse_behind(request: Request, have: int) -> None:
    """``If-Version-At-Least``: a worker that has not got that plan yet must not answer from an older one."""
    wanted = request.headers.get("if-version-at-least")
    if wanted is None:
        return
    if not wanted.isdigit():
        raise Invalid("If-Version-At-Least: give the number of a plan", field="If-Version-At-Least")
    if have < int(wanted):
        raise Unavailable(
            f"this worker has plan {have}, not yet {wanted}; ask again",
            f"本节点方案为 {have}，尚无 {wanted}，请重试",
            code="version_behind",
            have=have,
        )


def _region_asked(pack: Pack, at: str | None, lat: float | None, lon: float | None) -> str | None:
    """The region of the named place, else of the position; None where nothing was asked, or where nobody lives."""
    if at is not None:
        region = pack.region_of(at)
        if region is None:
            raise NotFound(f"there is no place '{at}' in the district pack", f"区县包中没有 {at}", field="at")
        return region
    if (lat is None) != (lon is None):
        raise Invalid("lat and lon come together", "lat 与 lon 须同时给出", field="lat")
    return pack.region_near(lat, lon, NEAR_M_MAX) if lat is not None and lon is not None else None


def _plan_state(head: Any, snapshot: Snapshot | None, now: datetime) -> PlanState:
    if head is None:
        return PlanState.NONE
    if snapshot is None or snapshot.plan.version < head.version:
        return PlanState.PENDING
    if not snapshot.proved:
        return PlanState.FAILED
    if not snapshot.plan.zones and not snapshot.plan.unmapped:
        return PlanState.NONE
    return PlanState.CURRENT if snapshot.stale_since(now) is None else PlanState.OVERDUE


def _unless_known(request: Request, body: dict[str, Any], media: str) -> Response:
    """304 where the caller has these bytes already; always to be asked for again."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    etag = f'"{sha256_hex(content)[:32]}"'
    # a way out that was right a minute ago may lead into the flood now
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "If-Version-At-Least"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media, headers=headers)
