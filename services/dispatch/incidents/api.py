"""事件接口 ``/v1/incidents`` (contract §7)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from services.dispatch.callouts.service import Callouts
from services.dispatch.incidents import store
from services.dispatch.incidents.preview import foresee, out, persons_in
from services.dispatch.incidents.service import HEADS, NEWEST, SOURCES, Incidents, Newest, Position, shown, timeline
from services.dispatch.orders import store as order_store
from services.dispatch.orders.roles import READERS
from services.dispatch.orders.service import shown as order_shown
from services.dispatch.roster import service as roster
from shared.db.together import Glance
from shared.db.tx import Tx
from shared.errors import Invalid
from shared.frame import Frame
from shared.http.context import Answer, Context, Ctx
from shared.http.lists import Cursor, Limit, decode_cursor, decode_place, encode_cursor
from shared.http.numbers import Number
from shared.vocabulary import Level, Role

AREAS_MAX = 200
LINES_MAX = 2000
LINES_SHOWN = 12
MOVERS = [Role.DUTY_OFFICER, Role.COMMANDER]
Ground = Annotated[str, Field(min_length=1, max_length=2000)]
Id = Annotated[str, Field(min_length=1, max_length=200)]


def _position(cursor: str | None) -> Position:
    entry, act, call = decode_cursor(cursor, *[int | None] * len(NEWEST)) or NEWEST
    return entry, act, call


def newest() -> Number:
    """最近记事 The lines that became known last, over all incidents of the realm, newest first."""
    kept = Newest(LINES_SHOWN, SOURCES)

    def count(ctx: Context, glance: Glance) -> list[dict[str, Any]]:
        heads = [glance.texts(head) for head in HEADS]
        return [entry.as_dict() for entry in kept.of(glance.conn, ctx.realm, heads)]

    return Number(READERS, count, HEADS)


class MergeBody(BaseModel):
    """合并: ``into`` goes on, this one ends"""

    model_config = ConfigDict(extra="forbid")
    into: Id
    ground: Ground


class SplitBody(BaseModel):
    """拆分"""

    model_config = ConfigDict(extra="forbid")
    trip_ids: Annotated[list[Id], Field(min_length=1, max_length=500)]
    ground: Ground


class CommanderBody(BaseModel):
    """指挥长"""

    model_config = ConfigDict(extra="forbid")
    post: Id


def routes(frame: Frame, incidents: Incidents, callouts: Callouts) -> APIRouter:
    """事件路由"""
    router = APIRouter(tags=["incidents"])
    _preview(router, frame, callouts)
    district = frame.settings.district

    @router.get("/v1/incidents")
    def listing(ctx: Ctx, live: bool = False, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        """Incidents, newest first; ``live=true`` gives those that still have a trip above normal."""
        ctx.require(READERS)
        before = decode_place(cursor, int)
        with ctx.read() as conn:
            rows = store.listing(conn, ctx.realm, limit=limit, before=before, live=live)
        items = [shown(stored, ctx.realm, district) for stored in rows[:limit]]
        return {"items": items, "next": encode_cursor([rows[limit - 1].no]) if len(rows) > limit else None}

    @router.get("/v1/incidents/{incident_id}")
    def one(incident_id: str, ctx: Ctx) -> JSONResponse:
        """One incident with its orders."""
        ctx.require(READERS)
        with ctx.read() as conn:
            stored = incidents.get(conn, ctx.realm, incident_id)
            orders = order_store.of_incident(conn, ctx.realm, incident_id)
        body = shown(stored, ctx.realm, district) | {
            "orders": [order_shown(each, ctx.realm, district) for each in orders]
        }
        return JSONResponse(body, headers={"ETag": f'"{stored.version}"'})

    @router.get("/v1/incidents/{incident_id}/timeline")
    def told(
        incident_id: str,
        ctx: Ctx,
        limit: Annotated[int, Query(ge=1, le=LINES_MAX)] = LINES_MAX,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """What became known last, by when it happened, with when it was known; ``next`` gives what was known before."""
        ctx.require(READERS)
        before = _position(cursor)
        with ctx.read() as conn:
            incidents.get(conn, ctx.realm, incident_id)
            entries, older = timeline(conn, ctx.realm, incident_id, limit, before)
        items = [entry.as_dict() for entry in entries]
        return {"incident_id": incident_id, "items": items, "next": encode_cursor(older) if older else None}

    def change(ctx: Context, incident_id: str, apply: Callable[[Tx], store.Stored]) -> JSONResponse:
        ctx.require(MOVERS)

        def write(tx: Tx) -> Answer:
            before = incidents.get(tx.conn, ctx.realm, incident_id)
            ctx.match(before.version, shown(before, ctx.realm, district))
            stored = apply(tx)
            return Answer(shown(stored, ctx.realm, district), version=stored.version)

        return ctx.write(write)

    @router.post("/v1/incidents/{incident_id}/merge")
    def merge(incident_id: str, body: MergeBody, ctx: Ctx) -> JSONResponse:
        """合并 This incident goes on in another; its orders go with it."""
        sub = ctx.actor.sub
        return change(
            ctx,
            incident_id,
            lambda tx: incidents.merge(tx, ctx.realm, incident_id, body.into, sub, body.ground),
        )

    @router.post("/v1/incidents/{incident_id}/split")
    def split(incident_id: str, body: SplitBody, ctx: Ctx) -> JSONResponse:
        """拆分 Named trips become an incident of their own."""
        sub = ctx.actor.sub
        return change(
            ctx,
            incident_id,
            lambda tx: incidents.split(tx, ctx.realm, incident_id, body.trip_ids, sub, body.ground),
        )

    @router.post("/v1/incidents/{incident_id}/commander")
    def command(incident_id: str, body: CommanderBody, ctx: Ctx) -> JSONResponse:
        """指挥长"""
        sub = ctx.actor.sub
        return change(ctx, incident_id, lambda tx: incidents.command(tx, ctx.realm, incident_id, body.post, sub))

    return router


def _preview(router: APIRouter, frame: Frame, callouts: Callouts) -> None:
    """Before ``/{incident_id}``, whose place it would take."""

    @router.get("/v1/incidents/preview")
    def preview(
        ctx: Ctx,
        hazard: Annotated[str, Query(max_length=20)],
        level: Level,
        areas: Annotated[list[str], Query(min_length=1, max_length=AREAS_MAX)],
    ) -> dict[str, Any]:
        """预演 Whom a notice would call and what it would order, if it were entered now; nothing is written."""
        ctx.require(READERS)
        pack = frame.require_pack()
        unknown = [area for area in areas if area not in pack.regions]
        if unknown:
            raise Invalid(
                f"areas: '{unknown[0]}' is not in regions.csv", f"区域 {unknown[0]} 不在区划表中", field="areas"
            )
        if hazard not in pack.hazards:
            raise Invalid(f"hazard: '{hazard}' is not in hazards.csv", f"灾种 {hazard} 不在表中", field="hazard")
        clocks, now = callouts.clocks(pack.version), frame.domain_now(ctx.realm)
        foreseen = foresee(pack, clocks, hazard=hazard, level=level, areas=areas, now=now)
        with ctx.read() as conn:
            reaches = roster.reaches(conn, ctx.realm, pack, persons_in(foreseen))
        mute = {person for person, reach in reaches.items() if not reach.is_callable}
        return {"district": frame.settings.district, "realm": ctx.realm, **out(foreseen, pack, mute)}
