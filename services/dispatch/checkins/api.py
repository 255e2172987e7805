"""报到接口 ``/v1/checkins``: anybody says "safe" or "help" without a token; officers read, look, hand over, close."""

from __future__ import annotations

import threading
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from services.dispatch.checkins import service, store
from services.dispatch.checkins.bodies import BODY_BYTES_MAX, CheckInBody, LookBody
from services.dispatch.checkins.checkin import Kind, State
from services.dispatch.checkins.limits import RETRY_AFTER_S, Limiter
from services.dispatch.checkins.service import CheckIns, receipt_out, shown
from services.dispatch.checkins.store import Stored
from services.dispatch.checkins.words import EMERGENCY
from shared.auth.gate import covers
from shared.db.together import Glance
from shared.db.tx import Tx
from shared.errors import Refused, TooMany
from shared.frame import Frame
from shared.http.context import ANONYMOUS, Answer, Context, Ctx
from shared.http.lists import Cursor, Limit, decode_cursor, encode_cursor
from shared.http.numbers import Number
from shared.pack.model import Pack
from shared.realm import format_time
from shared.vocabulary import Role

READERS = [Role.DUTY_OFFICER, Role.COMMANDER, Role.TOWNSHIP, Role.VILLAGE]
PATH = "/v1/checkins"
ACTS_MAX = 200
OPEN_STATES = tuple(state for state in State if state is not State.CLOSED)


def routes(frame: Frame, checkins: CheckIns) -> APIRouter:
    """报到路由"""
    router = APIRouter(tags=["checkins"])
    frame.body_limits[PATH] = BODY_BYTES_MAX
    _public(router, frame, checkins)
    _reading(router, frame)
    _looking(router, frame, checkins)
    return router


def _public(router: APIRouter, frame: Frame, checkins: CheckIns) -> None:
    limiter, lock = Limiter(), threading.Lock()

    @router.post(PATH, status_code=201)
    def check_in(body: CheckInBody, request: Request, ctx: Ctx) -> JSONResponse:
        """报到 "I am safe" or "I need help". Public, unverified until an officer looks; send an Idempotency-Key.

        The answer is this message's own receipt. It never tells what anybody said before.
        """
        pack = frame.require_pack()
        by = None
        if ctx.actor is ANONYMOUS:
            address = request.client.host if request.client else ""
            with lock:
                taken = limiter.takes(address, frame.clock.now(), help_wanted=body.kind is Kind.NEED_HELP)
            if not taken:
                raise TooMany(
                    f"too many check-ins at the moment; try again in {RETRY_AFTER_S} s, and call 119, 120 or 110",
                    f"报到过于集中，请 {RETRY_AFTER_S} 秒后再试；需要救援请直接拨打 119、120、110",
                    retry_after_s=RETRY_AFTER_S,
                )
        else:
            ctx.require(READERS)  # an officer writes down what was told by telephone
            by = ctx.actor.sub
        report = body.report(frame.clock.now(), by)

        def write(tx: Tx) -> Answer:
            _, kept = checkins.take(tx, ctx.realm, report, pack)
            return Answer(receipt_out(kept, ctx.realm, tx.district, EMERGENCY), 201)

        return ctx.write(write)


def _reading(router: APIRouter, frame: Frame) -> None:
    @router.get(PATH)
    def listing(
        ctx: Ctx,
        state: Annotated[list[State] | None, Query()] = None,
        kind: Kind | None = None,
        incident_id: Annotated[str | None, Query(max_length=64)] = None,
        receipt: Annotated[str | None, Query(max_length=64)] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """Those of one's area, who need help first, then the longest waiting. Without ``state`` all but the closed."""
        ctx.require(READERS)
        pack, after = frame.require_pack(), decode_cursor(cursor, int, int)
        regions = regions_of(ctx, pack)
        with ctx.read() as conn:
            rows = store.listing(
                conn,
                ctx.realm,
                states=state or OPEN_STATES,
                kind=kind,
                regions=regions,
                incident_id=incident_id,
                receipt=receipt,
                after=after,
                limit=limit,
            )
            counts = _numbers(ctx, Glance(conn, NUMBERS.asks, realm=ctx.realm))
        kept = rows[:limit]
        last = kept[-1] if len(rows) > limit else None
        return {
            "items": [shown(stored, ctx.realm, frame.settings.district, pack) for stored in kept],
            "next": encode_cursor([last.checkin.priority.rank, last.no]) if last else None,
            "numbers": counts,
        }

    @router.get(PATH + "/{checkin_id}")
    def one(checkin_id: str, ctx: Ctx) -> JSONResponse:
        """One check-in with every report word for word and every look; the access is audited."""
        ctx.require(READERS)
        pack = frame.require_pack()
        with ctx.read() as conn:
            stored = service.get(conn, ctx.realm, checkin_id)
            _require_area(ctx, stored, pack)
            acts = store.acts_of(conn, ctx.realm, checkin_id, ACTS_MAX)
        if frame.writer.is_owner:
            realm, sub = ctx.realm, ctx.actor.sub
            frame.writer.submit(lambda tx: tx.audit(realm, sub, "checkin.read", checkin_id))
        body = shown(stored, ctx.realm, frame.settings.district, pack) | {"acts": [_act_out(row) for row in acts]}
        return JSONResponse(body, headers={"ETag": f'"{stored.version}"'})


def _looking(router: APIRouter, frame: Frame, checkins: CheckIns) -> None:
    @router.post(PATH + "/{checkin_id}/look")
    def look(checkin_id: str, body: LookBody, ctx: Ctx) -> JSONResponse:
        """查看: tried and not reached, verified, handed over to 119, 120, 110…, closed; who, when, in what words."""
        ctx.require(READERS)
        pack, sub = frame.require_pack(), ctx.actor.sub
        looked = body.looked(sub, frame.clock.now())

        def check(found: Stored) -> None:
            _require_area(ctx, found, pack)
            ctx.match(found.version, shown(found, ctx.realm, frame.settings.district, pack))

        def write(tx: Tx) -> Answer:
            stored = checkins.look(tx, ctx.realm, checkin_id, looked, pack, check)
            return Answer(shown(stored, ctx.realm, tx.district, pack), version=stored.version)

        try:
            return ctx.write(write)
        except Refused as error:
            realm, code = ctx.realm, error.code
            frame.writer.submit(lambda tx: tx.audit(realm, sub, f"checkin.{body.act}", checkin_id, reason=code))
            raise


def _numbers(ctx: Context, glance: Glance) -> dict[str, dict[str, int]]:
    """How many of one's area stand in each state, by kind."""
    counts = store.numbers(glance, regions_of(ctx, ctx.frame.require_pack()))
    return {each.value: {state.value: counts[each.value, state.value] for state in State} for each in Kind}


NUMBERS = Number(READERS, _numbers, (store.NUMBERS,))


def regions_of(ctx: Context, pack: Pack) -> set[str] | None:
    """The regions of the caller's areas; None for the whole district, which also holds who is placed nowhere."""
    if covers(ctx.actor.areas, pack.district.code, pack):
        return None
    return {code for code in pack.regions if covers(ctx.actor.areas, code, pack)}


def _require_area(ctx: Context, stored: Stored, pack: Pack) -> None:
    ctx.require(READERS, area=stored.checkin.region or pack.district.code)


def _act_out(row: Any) -> dict[str, Any]:
    body = {name: value for name, value in row.body.items() if name not in ("device", "at") and value is not None}
    return {"kind": row.kind, "reason": row.reason, "at": format_time(row.at), "receipt": row.receipt, "body": body}
