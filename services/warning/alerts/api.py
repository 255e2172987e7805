"""预警信息接口 ``/v1/alerts``: internal alarms with a token; without one only what was released to the public."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlalchemy import Connection

from services.warning.alerts import store
from shared.errors import NotFound
from shared.http.context import ANONYMOUS, Context, Ctx
from shared.http.lists import Cursor, Limit, decode_cursor, page
from shared.vocabulary import Level, Role

MAY_READ = tuple(Role)
CAP_TYPE = "application/cap+xml"


def routes() -> APIRouter:
    router = APIRouter(tags=["alerts"])

    @router.get("/v1/alerts")
    def list_alerts(
        ctx: Ctx,
        area: Annotated[str | None, Query(max_length=64)] = None,
        level: Level | None = None,
        in_force: bool | None = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """Alerts, newest first; ``area`` takes in what lies inside it."""
        public_only = _public_only(ctx)
        position = decode_cursor(cursor, 1)
        with ctx.read() as conn:
            rows = store.page(
                conn,
                ctx.realm,
                regions=_inside(ctx, area),
                level=level,
                in_force=in_force,
                public_only=public_only,
                before_no=position[0] if position else None,
                limit=limit + 1,
            )
        return page([{**row.body, "no": row.no} for row in rows], limit, lambda item: [item["no"]])

    @router.get("/v1/alerts/feed.json")
    def feed(ctx: Ctx, after: Annotated[int, Query(ge=0)] = 0, limit: Limit = 100) -> dict[str, Any]:
        """Versions in the order in which they were published, after a place in the feed."""
        public_only = _public_only(ctx)
        with ctx.read() as conn:
            rows = store.feed(conn, ctx.realm, after=after, public_only=public_only, limit=limit)
        items = [{"no": row.no, "identifier": row.identifier, **row.body} for row in rows]
        return {"items": items, "next": items[-1]["no"] if items else after}

    @router.get("/v1/alerts/{alert_id}.xml")
    def cap_of(alert_id: str, ctx: Ctx, version: Annotated[int | None, Query(ge=1)] = None) -> Response:
        """CAP 1.2 of an alert's version, the newest without ``version``."""
        with ctx.read() as conn:
            current = _current(conn, ctx, alert_id)
            wanted = version or current["version"]
            xml = store.xml_of(conn, ctx.realm, alert_id, wanted)
        if xml is None:
            raise NotFound(f"alert {alert_id} has no CAP of version {wanted}", f"预警 {alert_id} 无该版本 CAP")
        etag = f'"{alert_id}.{wanted}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if etag in [tag.strip().removeprefix("W/") for tag in ctx.request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        return Response(xml, media_type=CAP_TYPE, headers=headers)

    @router.get("/v1/alerts/{alert_id}")
    def get_alert(alert_id: str, ctx: Ctx, response: Response) -> dict[str, Any]:
        """One alert with its versions."""
        with ctx.read() as conn:
            current = _current(conn, ctx, alert_id)
            history = [
                {
                    "version": row.version,
                    "identifier": row.identifier,
                    "sent_at": row.body["sent_at"],
                    "level": row.body["level"],
                    "verification": row.body["verification"],
                    "headline": row.body["headline"],
                }
                for row in store.version_rows(conn, ctx.realm, alert_id)
            ]
        response.headers["ETag"] = f'"{current["version"]}"'
        return {**current, "versions": history}

    return router


def _public_only(ctx: Context) -> bool:
    if ctx.actor is ANONYMOUS:
        return True
    ctx.require(MAY_READ)
    return False


def _current(conn: Connection, ctx: Context, alert_id: str) -> dict[str, Any]:
    """The alert's present body; one that is not public does not exist for the public."""
    public_only = _public_only(ctx)
    row = store.row_of(conn, ctx.realm, alert_id)
    if row is None or (public_only and not store.is_public(row)):
        raise NotFound(f"no alert {alert_id} in {ctx.realm}", f"没有预警 {alert_id}")
    body: dict[str, Any] = row.body
    return body


def _inside(ctx: Context, area: str | None) -> list[str] | None:
    """The area, what lies in it, and what it lies in: a district's alert is in force in its townships."""
    if area is None:
        return None
    pack = ctx.frame.active_pack()
    if pack is None:
        return [area]
    below = [code for code in pack.regions if area in pack.ancestors(code)]
    return sorted({*below, *pack.ancestors(area)})
