"""预警信息接口 ``/v1/alerts``: internal alarms with a token; without one only what was released to the public.

``scope=Public`` shows an officer what the public sees. The public never reads an alert's draft, however it ended up:
its answers come from released messages alone.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from sqlalchemy import Connection, Row

from services.warning.alerts import api_acts, store, store_life, store_public
from services.warning.alerts.bulletin import END_SHOWN
from services.warning.alerts.feed import atom, etag_of
from shared.errors import NotFound
from shared.http.context import ANONYMOUS, Context, Ctx
from shared.http.lists import Cursor, Limit, decode_place, page
from shared.realm import format_time
from shared.vocabulary import AlertScope, Level, Role

MAY_READ = tuple(Role)
CAP_TYPE = "application/cap+xml"
ATOM_TYPE = "application/atom+xml"
ATOM_MAX = 500
Area = Annotated[str | None, Query(max_length=64)]
Scope = Annotated[AlertScope | None, Query(description="Public: what the public sees")]


def routes() -> APIRouter:
    router = APIRouter(tags=["alerts"])
    _lists(router)
    _feeds(router)
    _one(router)
    api_acts.add_routes(router)
    return router


def _lists(router: APIRouter) -> None:
    @router.get("/v1/alerts")
    def list_alerts(
        ctx: Ctx,
        area: Area = None,
        level: Level | None = None,
        in_force: bool | None = None,
        scope: Scope = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """Alerts, newest first; ``area`` takes in what lies inside it, and what it lies in."""
        public = _public_only(ctx, scope)
        before, regions = decode_place(cursor, int), _inside(ctx, area)
        with ctx.read() as conn:
            if public:
                rows = _public(
                    conn,
                    ctx,
                    ended_since=_ended_since(ctx),
                    regions=regions,
                    level=level,
                    in_force=in_force,
                    before=before,
                    limit=limit + 1,
                )
            else:
                rows = store.page(
                    conn, ctx.realm, regions=regions, level=level, in_force=in_force, before_no=before, limit=limit + 1
                )
        return page([{**row.body, "no": row.no} for row in rows], limit, lambda item: [item["no"]])


def _feeds(router: APIRouter) -> None:
    @router.get("/v1/alerts/feed.json")
    def feed_json(
        ctx: Ctx,
        after: Annotated[int, Query(ge=0)] = 0,
        area: Area = None,
        level: Level | None = None,
        in_force: bool | None = None,
        scope: Scope = None,
        limit: Limit = 100,
    ) -> Response:
        """What is new after a place in the feed. The public's holds each alert once, by its newest message."""
        public = _public_only(ctx, scope)
        regions = _inside(ctx, area)
        with ctx.read() as conn:
            if public:
                rows = _public(
                    conn,
                    ctx,
                    ended_since=_ended_since(ctx),
                    regions=regions,
                    level=level,
                    in_force=in_force,
                    after=after,
                    limit=limit,
                )
            else:
                rows = store.feed(
                    conn, ctx.realm, after=after, regions=regions, level=level, in_force=in_force, limit=limit
                )
        items = [{"no": row.no, "identifier": row.identifier, **row.body} for row in rows]
        body = {"scope": "Public" if public else "Restricted", "items": items}
        content = json.dumps({**body, "next": items[-1]["no"] if items else after}, ensure_ascii=False)
        return _unless_known(ctx, content.encode("utf-8"), "application/json")

    @router.get("/v1/alerts/feed.atom")
    def feed_atom(
        ctx: Ctx,
        area: Area = None,
        level: Level | None = None,
        in_force: bool | None = None,
        lang: Literal["zh", "en"] = "zh",
    ) -> Response:
        """Public alerts as Atom, newest first; ended ones stay 48 h."""
        district = ctx.frame.require_pack().district
        with ctx.read() as conn:
            rows = _public(
                conn,
                ctx,
                ended_since=_ended_since(ctx),
                regions=_inside(ctx, area),
                level=level,
                in_force=in_force,
                limit=ATOM_MAX,
            )
        name = {"zh": district.name_zh, "en": district.name_en}
        content = atom(district.code, name, ctx.realm, [row.body for row in rows], lang)
        return _unless_known(ctx, content, ATOM_TYPE)


def _one(router: APIRouter) -> None:
    @router.get("/v1/alerts/{alert_id}.xml")
    def cap_of(
        alert_id: str,
        ctx: Ctx,
        version: Annotated[int | None, Query(ge=1)] = None,
        identifier: Annotated[str | None, Query(max_length=200)] = None,
        scope: Scope = None,
    ) -> Response:
        """CAP 1.2: a released message by its ``identifier``, else the newest; officers get the internal one."""
        with ctx.read() as conn:
            if _public_only(ctx, scope) or identifier is not None:
                row = _message(conn, ctx, alert_id, identifier)
                return _unless_known(ctx, row.xml.encode("utf-8"), CAP_TYPE)
            current = _current(conn, ctx, alert_id)
            wanted = version or current["version"]
            xml = store.xml_of(conn, ctx.realm, alert_id, wanted)
        if xml is None:
            raise NotFound(f"alert {alert_id} has no CAP of version {wanted}", f"预警 {alert_id} 无该版本 CAP")
        return _unless_known(ctx, xml.encode("utf-8"), CAP_TYPE)

    @router.get("/v1/alerts/{alert_id}")
    def get_alert(alert_id: str, ctx: Ctx, scope: Scope = None) -> JSONResponse:
        """One alert; for officers with versions, acts, call-backs, released messages, and what the asker may do."""
        with ctx.read() as conn:
            if _public_only(ctx, scope):
                row = _message(conn, ctx, alert_id, None)
                return JSONResponse(row.body, headers={"ETag": f'"{row.identifier}"'})
            current = _current(conn, ctx, alert_id)
            shown = {**current, **_history(conn, ctx.realm, alert_id)}
            shown["choices"] = api_acts.choices(conn, ctx, alert_id)
        step = current.get("life", {}).get("step", 0)
        return JSONResponse(shown, headers={"ETag": f'"{current["version"]}.{step}"'})


def _history(conn: Connection, realm: str, alert_id: str) -> dict[str, Any]:
    return {
        "versions": [
            {
                "version": row.version,
                "identifier": row.identifier,
                "sent_at": row.body["sent_at"],
                "level": row.body["level"],
                "verification": row.body["verification"],
                "headline": row.body["headline"],
            }
            for row in store.version_rows(conn, realm, alert_id)
        ],
        "acts": [
            {
                "act": row.act,
                "by": row.by,
                "version": row.version,
                "at": format_time(row.at),
                "recorded_at": format_time(row.recorded_at),
                "reason": row.reason,
                "body": row.body,
            }
            for row in store_life.acts_of(conn, realm, alert_id)
        ],
        "call_backs": [_call_back(row) for row in store_life.call_backs_of(conn, realm, alert_id)],
        "publications": [
            {
                "identifier": row.identifier,
                "version": row.version,
                "act": row.purpose,
                "scope": row.scope,
                "state": row.state,
                "level": row.level,
                "sent_at": format_time(row.sent_at),
                "expires_at": format_time(row.expires_at),
                "release": row.body["release"],
                "current": row.current,
            }
            for row in store_public.of_alert(conn, realm, alert_id)
        ],
        "deliveries": [
            {
                "topic": row.topic,
                "form": row.form,
                "state": row.state,
                "attempts": row.attempts,
                "error": row.error,
                "created_at": format_time(row.created_at),
                "delivered_at": _time(row.delivered_at),
            }
            for row in store_public.deliveries_of(conn, realm, alert_id)
        ],
    }


def _call_back(row: Row[Any]) -> dict[str, Any]:
    return {
        "digest": row.digest,
        "post": row.post,
        "person": row.person,
        "number": row.number,
        "words": row.words,
        "recorded_by": row.recorded_by,
        "at": format_time(row.at),
        "countersign_by": _time(row.due_at),
        "countersigned_at": _time(row.countersigned_at),
        "reported_at": _time(row.reported_at),
    }


def _time(at: datetime | None) -> str | None:
    return format_time(at) if at else None


def _public(conn: Connection, ctx: Context, **wanted: Any) -> list[Row[Any]]:
    """Public messages; none of a drill that a real event stopped: nobody is to take them for what is in force."""
    clock = ctx.frame.writer.realms.clocks().get(ctx.realm)
    if clock is not None and not clock.is_running:
        return []
    return store_public.page(conn, ctx.realm, **wanted)


def _public_only(ctx: Context, scope: AlertScope | None) -> bool:
    if ctx.actor is ANONYMOUS:
        return True
    ctx.require(MAY_READ)
    return scope is AlertScope.PUBLIC


def _current(conn: Connection, ctx: Context, alert_id: str) -> dict[str, Any]:
    body = store.body_of(conn, ctx.realm, alert_id)
    if not body:
        raise NotFound(f"no alert {alert_id} in {ctx.realm}", f"没有预警 {alert_id}")
    return body


def _message(conn: Connection, ctx: Context, alert_id: str, identifier: str | None) -> Row[Any]:
    """A released public message; what is not public does not exist for the public."""
    if identifier is None:
        row = store_public.current_public(conn, ctx.realm, alert_id)
    else:
        rows = store_public.of_alert(conn, ctx.realm, alert_id)
        row = next((r for r in rows if r.identifier == identifier and r.scope == AlertScope.PUBLIC.value), None)
    if row is None:
        raise NotFound(f"no alert {alert_id} in {ctx.realm}", f"没有预警 {alert_id}")
    return row


def _ended_since(ctx: Context) -> datetime:
    return ctx.frame.domain_now(ctx.realm) - END_SHOWN


def _unless_known(ctx: Context, content: bytes, media_type: str) -> Response:
    """304 where the caller has these bytes already."""
    etag = etag_of(content)
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Authorization"}
    known = [tag.strip().removeprefix("W/") for tag in ctx.request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _inside(ctx: Context, area: str | None) -> list[str] | None:
    """The area, what lies in it, and what it lies in: a district's alert is in force in its townships."""
    if area is None:
        return None
    pack = ctx.frame.active_pack()
    if pack is None:
        return [area]
    below = [code for code in pack.regions if area in pack.ancestors(code)]
    return sorted({*below, *pack.ancestors(area)})
