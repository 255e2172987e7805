"""监测站接口 ``/v1/stations``: the registry with liveness, lag, clock, receipts; maintenance."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from services.warning.stations import service, store
from shared.db.together import Glance
from shared.db.tx import Tx
from shared.http.context import Answer, Context, Ctx
from shared.http.lists import Cursor, Limit, decode_place, page
from shared.http.numbers import Number
from shared.vocabulary import Role

NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps no NUL in text
MAY_READ = tuple(Role)
MAY_MAINTAIN = (Role.MAINTAINER, Role.DUTY_OFFICER)


class MaintenanceBody(BaseModel):
    """检修: announced work, at most two hours; it ends by itself, or with ``minutes`` 0."""

    model_config = ConfigDict(extra="forbid")
    minutes: int = Field(ge=0, le=120)
    reason: str = Field(pattern=NO_NUL, min_length=1, max_length=500)


def routes() -> APIRouter:
    router = APIRouter(tags=["stations"])

    @router.get("/v1/stations")
    def list_stations(
        ctx: Ctx,
        region: Annotated[str | None, Query(max_length=64)] = None,
        unreceipted: bool | None = None,
        limit: Limit = 500,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """Stations by id; ``unreceipted=true`` lists those whose readings carry no count to receipt."""
        ctx.require(MAY_READ)
        pack = ctx.frame.require_pack()
        after = decode_place(cursor, str) or ""
        with ctx.read() as conn:
            states = store.load_states(conn, ctx.realm)
        wanted = [
            station
            for name, station in sorted(pack.stations.items())
            if name > after
            and (region is None or region in pack.ancestors(station.region))
            and (unreceipted is None or (name in states and states[name].unreceipted) == unreceipted)
        ][: limit + 1]
        items = service.list_out(ctx.frame.settings.district, ctx.realm, wanted, states, _now(ctx))
        return page(items, limit, lambda item: [item["station_id"]])

    @router.get("/v1/stations/{station_id}")
    def get_station(station_id: str, ctx: Ctx, response: Response) -> dict[str, Any]:
        """One station with its receipts."""
        ctx.require(MAY_READ)
        station = service.registered(ctx.frame.require_pack(), station_id)
        with ctx.read() as conn:
            state = store.load_states(conn, ctx.realm, [station_id]).get(station_id)
            receipts = store.receipts_of(conn, ctx.realm, station_id)
        response.headers["ETag"] = f'"{state.version if state else 0}"'
        out = service.station_out(ctx.frame.settings.district, ctx.realm, station, state, _now(ctx))
        return {**out, "receipts": receipts}

    @router.post("/v1/stations/{station_id}/maintenance")
    def maintain(station_id: str, body: MaintenanceBody, ctx: Ctx) -> JSONResponse:
        """Announce work on a station: stored as test, never trips, not counted as living."""
        station = service.registered(ctx.frame.require_pack(), station_id)
        ctx.require(MAY_MAINTAIN, area=station.region)
        realm, sub = ctx.realm, ctx.actor.sub

        def apply(tx: Tx) -> Answer:
            now = tx.domain_now(realm)
            state = service.begin_maintenance(
                tx,
                realm,
                station_id,
                minutes=body.minutes,
                by=sub,
                reason=body.reason,
                version_matches=ctx.match,
                now=now,
            )
            return Answer(service.station_out(tx.district, realm, station, state, now), version=state.version)

        return ctx.write(apply)

    return router


def _numbers(ctx: Context, glance: Glance) -> dict[str, int]:
    """How many stations live, are silent, were never heard, are in maintenance."""
    return service.numbers(ctx.frame.require_pack().stations.values(), store.lives(glance), _now(ctx))


NUMBERS = Number(MAY_READ, _numbers, (store.LIVES,))


def _now(ctx: Context) -> Any:
    return ctx.frame.domain_now(ctx.realm)
