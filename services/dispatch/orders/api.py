"""措施接口 ``/v1/orders`` (contract §7): parse, ask the gate, act, answer with the version as ETag."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from services.dispatch.accounts.service import posts_of
from services.dispatch.orders import store
from services.dispatch.orders.bodies import (
    ActBody,
    CreateBody,
    ExtendBody,
    LiftBody,
    PeopleBody,
    ReturnBody,
    RevokeBody,
    SignBody,
    UnitsBody,
    group_of,
)
from services.dispatch.orders.byhand import Draft, area_of
from services.dispatch.orders.choices import Me, choices, holders
from services.dispatch.orders.events import (
    Acknowledge,
    Complete,
    Event,
    Extend,
    Lift,
    PermitReturn,
    Progress,
    ReportPeople,
    Revoke,
    Sign,
    SignByPhone,
)
from services.dispatch.orders.model import HELD, Order, OrderState
from services.dispatch.orders.roles import DOERS, READERS, RECORDERS, REVOKERS, SIGNERS
from services.dispatch.orders.service import Make, Orders, line_of, shown, signing_post
from services.dispatch.orders.store import Stored
from services.dispatch.orders.words import head
from shared.auth.gate import covers
from shared.db.together import Glance
from shared.db.tx import Tx
from shared.errors import Forbidden, NotFound, Refused
from shared.frame import Frame
from shared.http.context import Answer, Context, Ctx
from shared.http.lists import Cursor, Limit, decode_place, encode_cursor
from shared.http.numbers import Number
from shared.pack.model import Pack
from shared.vocabulary import Measure, Role

ACTS_SHOWN = 500
WAITING_SHOWN = 6


def _to_sign(_: Context, glance: Glance) -> dict[str, Any]:
    """待签 How many orders wait for a signature, and the heads of the first: those whose time ends, the worst."""
    waiting = sorted(
        store.waiting(glance),
        key=lambda order: (order.due_at is None, order.due_at or order.created_at, -order.level.rank, order.order_id),
    )
    return {"total": len(waiting), "items": [head(order) for order in waiting[:WAITING_SHOWN]]}


COUNTS = Number(READERS, lambda _, glance: store.counts(glance), (store.COUNTS,))
TO_SIGN = Number(READERS, _to_sign, (store.WAITING,))


def _acts(conn: Connection, realm: str, order: Order) -> list[dict[str, Any]]:
    done = store.acts(conn, realm, [order.incident_id], ACTS_SHOWN, order_id=order.order_id)
    return [line_of(act) for _, act in reversed(done)]


class _Desk:
    """办理台: what the routes share"""

    def __init__(self, frame: Frame, orders: Orders) -> None:
        self._frame = frame
        self._orders = orders

    def read(self, ctx: Context, order_id: str) -> Stored:
        with ctx.read() as conn:
            stored = store.get(conn, ctx.realm, order_id)
        if stored is None:
            raise NotFound(
                f"there is no order {order_id} in realm {ctx.realm}", f"领域 {ctx.realm} 中没有措施 {order_id}"
            )
        return stored

    def posts(self, ctx: Context) -> tuple[str, ...]:
        with ctx.read() as conn:
            return posts_of(conn, ctx.actor)

    def post_for(self, ctx: Context, body: ActBody, choose: Callable[[tuple[str, ...]], str | None]) -> str:
        """The post that acts: the named one if the account fills it, else the fitting one of those it fills."""
        held = self.posts(ctx)
        if body.post is not None and body.post not in held:
            raise Forbidden(
                f"your account does not fill the post {body.post}",
                f"您的账号不担任岗位 {body.post}",
                code="not_your_post",
                field="post",
            )
        return body.post or choose(held) or ctx.actor.sub

    def act(self, ctx: Context, order_id: str, post: str, make: Make) -> JSONResponse:
        """One act: If-Match, the step, the answer. A refused step is written down before it is answered."""
        pack = self._frame.active_pack()
        sub = ctx.actor.sub
        by = post if post == sub else f"{post} ({sub})"

        def write(tx: Tx) -> Answer:
            def check(found: Stored) -> None:
                ctx.match(found.version, shown(found, ctx.realm, tx.district))

            stored = self._orders.act(tx, ctx.realm, order_id, make, by, pack, check)
            return Answer(shown(stored, ctx.realm, tx.district, by_name=True), version=stored.version)

        try:
            return ctx.write(write)
        except Refused as error:
            realm, code = ctx.realm, error.code
            action = ctx.request.url.path.rsplit("/", 1)[-1]
            self._frame.writer.submit(lambda tx: tx.audit(realm, by, f"order.{action}", order_id, reason=code))
            raise

    def units(self, ctx: Context, order: Order, named: list[str]) -> tuple[str, ...]:
        """The units meant: the named ones, all inside one's area; else all of one's area that are held."""
        pack = self._frame.active_pack()
        for unit_id in named:
            unit = order.unit(unit_id)
            if unit is not None:
                ctx.require(DOERS, area=unit.region)
        if named:
            return tuple(named)
        own = tuple(u.unit_id for u in order.units if u.held and covers(ctx.actor.areas, u.region, pack))
        if order.is_held and not own:
            ctx.require(DOERS, area=order.units[0].region)  # outside: the gate says so
        return own

    def sign(self, ctx: Context, order_id: str, body: SignBody) -> JSONResponse:
        call = body.call_back
        if call is not None:
            ctx.require(RECORDERS)
            heard = SignByPhone(
                by=call.post,
                number=call.number,
                words=call.words,
                recorded_by=call.recorded_by or ctx.actor.sub,
                happened_at=body.happened_at,
                entered_late=body.entered_late,
            )
            return self.act(ctx, order_id, ctx.actor.sub, lambda _, __: heard)
        ctx.require(SIGNERS)
        order = self.read(ctx, order_id).order
        post = self.post_for(ctx, body, lambda held: signing_post(order, held))
        signed = Sign(by=post, happened_at=body.happened_at, entered_late=body.entered_late)
        return self.act(ctx, order_id, post, lambda _, __: signed)

    def carry_out(
        self, ctx: Context, order_id: str, body: UnitsBody, kind: type[Acknowledge | Progress | Complete]
    ) -> JSONResponse:
        ctx.require(DOERS)
        order = self.read(ctx, order_id).order
        post = self.post_for(ctx, body, lambda held: _of_units(order, held))
        extra = {"note": body.note} if kind is Progress else {}

        def make(found: Order, _: datetime) -> Event:
            units = self.units(ctx, found, body.units)
            return kind(by=post, units=units, happened_at=body.happened_at, entered_late=body.entered_late, **extra)

        return self.act(ctx, order_id, post, make)

    def end(
        self, ctx: Context, order_id: str, body: ActBody, roles: list[Role], make: Callable[[str], Event]
    ) -> JSONResponse:
        ctx.require(roles)
        order = self.read(ctx, order_id).order
        post = self.post_for(ctx, body, lambda held: _of_issuer(order, held))
        return self.act(ctx, order_id, post, lambda _, __: make(post))


def routes(frame: Frame, orders: Orders) -> APIRouter:
    """措施路由"""
    router = APIRouter(tags=["orders"])
    _reading(router, frame)
    _making(router, frame, orders)
    _carrying_out(router, _Desk(frame, orders))
    _ending(router, _Desk(frame, orders))
    return router


def _reading(router: APIRouter, frame: Frame) -> None:
    @router.get("/v1/orders")
    def listing(
        ctx: Ctx,
        state: Annotated[list[OrderState] | None, Query()] = None,
        held: bool = False,
        kind: Measure | None = None,
        trip_id: str | None = None,
        incident_id: str | None = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """Orders, oldest first; ``held=true`` gives those that still bind people; ``persons`` holds the posts named.

        ``summary`` counts all orders of the realm by state, whatever is asked for.
        """
        ctx.require(READERS)
        after = decode_place(cursor, int)
        states = {each.value for each in state or ()} | ({each.value for each in HELD} if held else set())
        with ctx.read() as conn:
            rows = store.listing(
                conn,
                ctx.realm,
                limit=limit,
                after=after or 0,
                states=states,
                kind=kind.value if kind else None,
                incident_id=incident_id,
                trip_id=trip_id,
            )
            summary = store.counts(Glance(conn, [store.COUNTS], realm=ctx.realm))
        district, pack = frame.settings.district, frame.active_pack()
        items = [
            {**shown(stored, ctx.realm, district), "persons": holders(stored.order, pack)} for _, stored in rows[:limit]
        ]
        onward = encode_cursor([rows[limit - 1][0]]) if len(rows) > limit else None
        return {"items": items, "next": onward, "summary": summary}

    @router.get("/v1/orders/{order_id}")
    def one(order_id: str, ctx: Ctx) -> JSONResponse:
        """One order with its people by name, for those whose area holds it; the access is audited.

        ``acts`` is what was done with it, the newest 500, oldest first: who was called to sign when, who signed.
        ``choices`` says for each act whether the asker may do it now, or why not.
        """
        ctx.require(READERS)
        with ctx.read() as conn:
            stored = store.get(conn, ctx.realm, order_id)
            held = posts_of(conn, ctx.actor)
            acts = _acts(conn, ctx.realm, stored.order) if stored else []
        if stored is None:
            raise NotFound(
                f"there is no order {order_id} in realm {ctx.realm}", f"领域 {ctx.realm} 中没有措施 {order_id}"
            )
        pack = frame.active_pack()
        mine = all(covers(ctx.actor.areas, unit.region, pack) for unit in stored.order.units)
        if mine and stored.order.moves_people and Role.SERVICE not in ctx.actor.roles and frame.writer.is_owner:
            realm, sub = ctx.realm, ctx.actor.sub
            frame.writer.submit(lambda tx: tx.audit(realm, sub, "order.names_read", order_id))
        me = _me(ctx, stored.order, held, pack)
        body = shown(stored, ctx.realm, frame.settings.district, by_name=mine)
        body |= {"persons": holders(stored.order, pack), "acts": acts}
        body["choices"] = choices(stored.order, me, frame.domain_now(ctx.realm))
        return JSONResponse(body, headers={"ETag": f'"{stored.version}"'})


def _making(router: APIRouter, frame: Frame, orders: Orders) -> None:
    @router.post("/v1/orders", status_code=201)
    def create(body: CreateBody, ctx: Ctx) -> JSONResponse:
        """An order by hand; ``withdraw_first`` for those who lead people out before anybody signs (先撤后报)."""
        pack = frame.require_pack()
        ctx.require(DOERS, area=area_of(pack, body.scope) or pack.district.code)
        draft = Draft(
            hazard=body.hazard,
            kind=body.kind,
            level=body.level,
            scope=body.scope,
            wording_zh=body.wording_zh,
            wording_en=body.wording_en or body.wording_zh,
            basis=body.basis,
            exemptions=body.exemptions,
            trip_id=body.trip_id or "",
            units=tuple(body.units),
        )
        with ctx.read() as conn:
            held = posts_of(conn, ctx.actor)
        by = held[0] if held else ctx.actor.sub

        def write(tx: Tx) -> Answer:
            first = by if body.withdraw_first else None
            stored = orders.create(tx, ctx.realm, draft, pack, by, body.incident_id, first)
            return Answer(shown(stored, ctx.realm, tx.district), 201, stored.version)

        return ctx.write(write)


def _carrying_out(router: APIRouter, desk: _Desk) -> None:
    @router.post("/v1/orders/{order_id}/sign")
    def sign(order_id: str, body: SignBody, ctx: Ctx) -> JSONResponse:
        """Sign, countersign, or record a signature given by telephone."""
        return desk.sign(ctx, order_id, body)

    @router.post("/v1/orders/{order_id}/acknowledge")
    def acknowledge(order_id: str, body: UnitsBody, ctx: Ctx) -> JSONResponse:
        """签收"""
        return desk.carry_out(ctx, order_id, body, Acknowledge)

    @router.post("/v1/orders/{order_id}/progress")
    def progress(order_id: str, body: UnitsBody, ctx: Ctx) -> JSONResponse:
        """执行中"""
        return desk.carry_out(ctx, order_id, body, Progress)

    @router.post("/v1/orders/{order_id}/complete")
    def complete(order_id: str, body: UnitsBody, ctx: Ctx) -> JSONResponse:
        """落实完毕; refused while people are not accounted for"""
        return desk.carry_out(ctx, order_id, body, Complete)

    @router.post("/v1/orders/{order_id}/people")
    def people(order_id: str, body: PeopleBody, ctx: Ctx) -> JSONResponse:
        """Who is where, by household or name, or in numbers."""
        order = desk.read(ctx, order_id).order
        unit = order.unit(body.unit_id)
        ctx.require(DOERS, area=unit.region if unit else None)
        post = desk.post_for(ctx, body, lambda held: _of_units(order, held))

        def make(_: Order, now: datetime) -> Event:
            at = body.happened_at or now
            return ReportPeople(
                by=post,
                unit_id=body.unit_id,
                groups=tuple(group_of(each, post, at) for each in body.people),
                numbers=body.numbers.tally() if body.numbers else None,
                listed=body.expected,
                happened_at=body.happened_at,
                entered_late=body.entered_late,
            )

        return desk.act(ctx, order_id, post, make)


def _ending(router: APIRouter, desk: _Desk) -> None:
    @router.post("/v1/orders/{order_id}/extend")
    def extend(order_id: str, body: ExtendBody, ctx: Ctx) -> JSONResponse:
        """延期"""
        return desk.end(
            ctx,
            order_id,
            body,
            SIGNERS,
            lambda by: Extend(
                by=by,
                review_at=body.review_at,
                ground=body.ground,
                happened_at=body.happened_at,
                entered_late=body.entered_late,
            ),
        )

    @router.post("/v1/orders/{order_id}/lift")
    def lift(order_id: str, body: LiftBody, ctx: Ctx) -> JSONResponse:
        """解除管控; an evacuation needs an inspection that found it safe"""
        return desk.end(
            ctx,
            order_id,
            body,
            SIGNERS,
            lambda by: Lift(
                by=by,
                ground=body.ground,
                units=tuple(body.units),
                inspection=body.inspection.inspection() if body.inspection else None,
                happened_at=body.happened_at,
                entered_late=body.entered_late,
            ),
        )

    @router.post("/v1/orders/{order_id}/revoke")
    def revoke(order_id: str, body: RevokeBody, ctx: Ctx) -> JSONResponse:
        """撤销; ``unsigned_only`` declines what waits and leaves alone what is in force"""
        return desk.end(
            ctx,
            order_id,
            body,
            REVOKERS,
            lambda by: Revoke(
                by=by,
                ground=body.ground,
                unsigned_only=body.unsigned_only,
                happened_at=body.happened_at,
                entered_late=body.entered_late,
            ),
        )

    @router.post("/v1/orders/{order_id}/permit-return")
    def permit_return(order_id: str, body: ReturnBody, ctx: Ctx) -> JSONResponse:
        """允许返回: after lifting, after an inspection, signed apart"""
        return desk.end(
            ctx,
            order_id,
            body,
            SIGNERS,
            lambda by: PermitReturn(
                by=by,
                inspection=body.inspection.inspection() if body.inspection else None,
                happened_at=body.happened_at,
                entered_late=body.entered_late,
            ),
        )


def _me(ctx: Context, order: Order, held: tuple[str, ...], pack: Pack | None) -> Me:
    sub = ctx.actor.sub
    return Me(
        roles=frozenset(ctx.actor.roles),
        signer=signing_post(order, held) or sub,
        doer=_of_units(order, held) or sub,
        ender=_of_issuer(order, held) or sub,
        units=tuple(u.unit_id for u in order.units if covers(ctx.actor.areas, u.region, pack)),
    )


def _of_units(order: Order, held: tuple[str, ...]) -> str | None:
    """The post through which a person carries out this order."""
    posts = {unit.post for unit in order.units}
    return next((post for post in held if post in posts), held[0] if held else None)


def _of_issuer(order: Order, held: tuple[str, ...]) -> str | None:
    """The post through which a person ends this order: its lifter first, then one of its signers."""
    authority = order.authority
    fitting = (authority.lifter, *authority.signers) if authority else ()
    return next((post for post in fitting if post in held), held[0] if held else None)
