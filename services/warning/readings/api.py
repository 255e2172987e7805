"""读数接口 Readings of a station in and out, and the dead letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from services.warning.readings import service, store
from services.warning.readings.service import Element
from shared.db.tx import Tx
from shared.errors import NotFound
from shared.http.context import Answer, Ctx
from shared.http.lists import Cursor, Limit, decode_place, page
from shared.vocabulary import Role

MAY_READ = tuple(Role)
MAY_SEND = (Role.MAINTAINER, Role.DUTY_OFFICER, Role.SERVICE)
STATUS_OF = {"too_large": 413, "unknown_station": 404}  # of a message that could not be read at all; else 422

Ingest = Callable[[Tx, str, str, str, bytes], Sequence[Element]]
"""``(tx, realm, station, topic, payload)`` → what became of each reading."""


async def _raw(request: Request) -> bytes:
    return await request.body()


def routes(ingest: Ingest) -> APIRouter:
    router = APIRouter(tags=["readings"])

    @router.post("/v1/stations/{station_id}/readings")
    def post_readings(station_id: str, ctx: Ctx, payload: Annotated[bytes, Depends(_raw)]) -> JSONResponse:
        """The same as over MQTT: one reading, an array, or a SenML pack; answers after the commit."""
        pack = ctx.frame.require_pack()
        station = pack.stations.get(station_id)
        ctx.require(MAY_SEND, area=station.region if station else None)
        realm, topic = ctx.realm, ctx.request.url.path

        def apply(tx: Tx) -> Answer:
            elements = ingest(tx, realm, station_id, topic, payload)
            whole = next((e for e in elements if e.index is None and e.status == "dead_letter"), None)
            results = [element.as_dict() for element in elements]
            answer = {"district": tx.district, "realm": realm, "station_id": station_id, "results": results}
            if whole is None:
                return Answer(answer)
            status = STATUS_OF.get(whole.code or "", 422)
            return Answer({**answer, "status": status, "code": whole.code, "detail": whole.detail}, status)

        return ctx.write(apply)

    @router.get("/v1/stations/{station_id}/readings")
    def list_readings(
        station_id: str,
        ctx: Ctx,
        metric: Annotated[str | None, Query(max_length=64)] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """A station's readings as they became known, newest first, revisions and doubtful ones too."""
        ctx.require(MAY_READ)
        if station_id not in ctx.frame.require_pack().stations:
            raise NotFound(f"no station {station_id} in stations.csv", f"监测站表中没有 {station_id}")
        before = decode_place(cursor, int)
        with ctx.read() as conn:
            rows = store.page_of_station(conn, ctx.realm, station_id, metric=metric, before_id=before, limit=limit + 1)
        district = ctx.frame.settings.district
        return page([service.reading_out(district, ctx.realm, row) for row in rows], limit, lambda item: [item["id"]])

    @router.get("/v1/dead-letters")
    def list_dead_letters(
        ctx: Ctx,
        station: Annotated[str | None, Query(max_length=64)] = None,
        code: Annotated[str | None, Query(max_length=64)] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """What could not be read, newest first, with how often it came."""
        ctx.require(MAY_READ)
        before = decode_place(cursor, int)
        with ctx.read() as conn:
            rows = store.page_of_dead_letters(
                conn, ctx.realm, station=station, code=code, before_no=before, limit=limit + 1
            )
        district = ctx.frame.settings.district
        return page(
            [service.dead_letter_out(district, ctx.realm, row) for row in rows], limit, lambda item: [item["no"]]
        )

    return router
