"""叫应接口 ``/v1/callouts``, the carrier's receipts, and contacts. Names and numbers are never public (contract §8)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Connection, Row

from services.dispatch.callouts import board, case_log, store
from services.dispatch.callouts.bodies import AnswerBody, CloseBody, ContactBody, FindingBody
from services.dispatch.callouts.events import Answered
from services.dispatch.callouts.line import Line, LineStatus
from services.dispatch.callouts.matter import Via
from services.dispatch.callouts.service import Callouts
from services.dispatch.callouts.tally import Tally
from services.dispatch.channels import store as channels
from services.dispatch.channels.carrier import Receipt, ReceiptReason, check_signature
from services.dispatch.channels.factory import CarrierSpec, carriers_for
from services.dispatch.roster import service as roster
from shared.auth.gate import covers
from shared.db.together import Glance
from shared.db.tx import Tx
from shared.errors import Invalid, NotFound, TooLarge, Unauthorized
from shared.http.context import Answer, Context, Ctx
from shared.http.lists import Cursor, Limit, decode_place, page
from shared.http.numbers import Number
from shared.realm import format_time
from shared.structs import Reader
from shared.vocabulary import Role

READERS = (
    Role.DUTY_OFFICER,
    Role.COMMANDER,
    Role.ISSUER,
    Role.SECOND_ISSUER,
    Role.VERIFIER,
    Role.TOWNSHIP,
    Role.VILLAGE,
    Role.SERVICE,
)
ANSWERERS = (
    Role.DUTY_OFFICER,
    Role.COMMANDER,
    Role.TOWNSHIP,
    Role.VILLAGE,
    Role.VERIFIER,
    Role.WAREHOUSE_KEEPER,
    Role.ISSUER,
    Role.SECOND_ISSUER,
)
ON_BEHALF = (Role.DUTY_OFFICER, Role.COMMANDER, Role.TOWNSHIP)
FINDERS = (Role.VERIFIER, Role.DUTY_OFFICER, Role.COMMANDER, Role.TOWNSHIP, Role.VILLAGE)
RECEIPT_BYTES_MAX = 16_384
_RECEIPT = Reader(Receipt)
LAST = "9"  # after every instant

ReceiptTaker = Callable[[Tx, str, str, Receipt, datetime], ReceiptReason]


async def _raw(request: Request) -> bytes:
    return await request.body()


def routes(callouts: Callouts, take: ReceiptTaker, carriers: Sequence[CarrierSpec]) -> APIRouter:
    """``take`` applies a receipt (`worker.Ringing.receipt`)."""
    router = APIRouter(tags=["callouts"])
    _reading(router, callouts)
    _answering(router, callouts)
    _contacts(router, callouts)
    _receipts(router, take, tuple(carriers))
    return router


def _reading(router: APIRouter, callouts: Callouts) -> None:
    @router.get("/v1/callouts")
    def cases(
        ctx: Ctx,
        limit: Limit = 100,
        cursor: Cursor = None,
        state: Annotated[Literal["open", "closed"] | None, Query()] = None,
    ) -> dict[str, Any]:
        """叫应案件 The newest first, each with its ``numbers``, the same that its board shows.

        ``numbers`` counts the lines that the caller may see: ``level`` (worst of what is called for), ``lines`` (all),
        ``called`` (not closed) = ``answered`` + ``unanswered``; of the unanswered ``top_reached``, ``doors`` (somebody
        was sent), ``no_contact`` (people without a number), ``oldest_unanswered_at`` and ``by_result`` (how the last
        ring of each person ended); ``struck`` (wrong numbers), ``on_behalf`` (answers written down for somebody),
        ``feedback_overdue`` (first reports that are late).
        """
        ctx.require(READERS)
        before = decode_place(cursor, int)
        now = ctx.frame.domain_now(ctx.realm)
        with ctx.read() as conn:
            rows = store.list_cases(conn, ctx.realm, before, limit + 1, state)
            items = [{**_head(ctx, row), **_numbers(conn, ctx, callouts, row, now), "no": row.no} for row in rows]
        return page(items, limit, lambda item: [item["no"]])

    @router.get("/v1/callouts/{case_id}")
    def case(case_id: str, ctx: Ctx) -> JSONResponse:
        """叫应案件 One case with its matters and lines."""
        ctx.require(READERS)
        now = ctx.frame.domain_now(ctx.realm)
        with ctx.read() as conn:
            row = _found(store.case(conn, ctx.realm, case_id), case_id)
            held = store.matters_of(conn, ctx.realm, case_id)
            body = {
                **_head(ctx, row),
                **_numbers(conn, ctx, callouts, row, now),
                "matters": [
                    {**msgspec.to_builtins(m), "ended_at": format_time(ended) if ended else None} for m, ended in held
                ],
                "lines": _lines(conn, ctx, callouts, row, now),
            }
        return JSONResponse(body, headers={"ETag": f'"{row.version}"'})

    @router.get("/v1/callouts/{case_id}/board")
    def show(case_id: str, ctx: Ctx) -> dict[str, Any]:
        """叫应看板 Per post what was tried, heard, answered, the next try; unanswered first, masts as one item.

        ``numbers`` as in the list of cases; ``state`` of ``posts``: calling, climbing, top_reached, answered or closed;
        ``unreadable``: posts whose line is damaged, so that nobody knows who answered; it is begun anew.
        """
        ctx.require(READERS)
        now = ctx.frame.domain_now(ctx.realm)
        with ctx.read() as conn:
            row = _found(store.case(conn, ctx.realm, case_id), case_id)
            lines = _lines(conn, ctx, callouts, row, now)
            order = {"top_reached": 0, "climbing": 1, "calling": 2, "answered": 3, "closed": 4}
            lines.sort(key=lambda line: order[line["state"]])
            return {
                **_head(ctx, row),
                **_numbers(conn, ctx, callouts, row, now),
                "now": format_time(now),
                "posts": lines,
                "blackouts": [_blackout(b) for b in store.open_blackouts(conn, ctx.realm)],
            }

    @router.get("/v1/callouts/{case_id}/log")
    def log(case_id: str, ctx: Ctx, limit: Limit = 1000, cursor: Cursor = None) -> dict[str, Any]:
        """叫应记录 Everything that happened in the case, in order; append-only."""
        ctx.require(READERS)
        after = decode_place(cursor, int) or 0
        with ctx.read() as conn:
            _found(store.case(conn, ctx.realm, case_id), case_id)
            rows = case_log.of_case(conn, ctx.realm, case_id, limit + 1, after)
        return page([_log_entry(row) for row in rows], limit, lambda entry: [entry["no"]])


def _answering(router: APIRouter, callouts: Callouts) -> None:
    @router.post("/v1/callouts/{case_id}/answers")
    def answer(case_id: str, body: AnswerBody, ctx: Ctx) -> JSONResponse:
        """答复 By the person, or on behalf with who and on which ground."""
        with ctx.read() as conn:
            line = _found(store.line(conn, ctx.realm, case_id, body.post), f"{case_id}/{body.post}")
        ctx.require(ON_BEHALF if body.via is Via.ON_BEHALF else ANSWERERS, area=line.region or None)
        _check_late(ctx, body.happened_at, body.entered_late)
        facts = body.feedback.model_dump(exclude_none=True) if body.feedback else {}
        answered = Answered(
            person=body.person or line.person,
            grade=body.grade,
            via=body.via,
            by=body.by or (None if body.via is Via.ON_BEHALF else ctx.actor.sub),
            ground=body.ground,
            read=body.matters,
            feedback=facts,
            happened_at=body.happened_at,
            entered_late=body.entered_late,
        )

        def apply(tx: Tx) -> Answer:
            now = tx.domain_now(ctx.realm)
            decision = callouts.answer(tx, ctx.realm, case_id, body.post, answered, now)
            clocks = callouts.clocks(callouts.book(tx, ctx.realm).case(case_id).pack)
            shown = board.line_out(decision.state, clocks, now, (), {})
            return Answer({"reason": decision.reason.value, "line": shown})

        return ctx.write(apply)

    @router.post("/v1/callouts/{case_id}/findings")
    def finding(case_id: str, body: FindingBody, ctx: Ctx) -> JSONResponse:
        """核实结论 Confirmed or refuted by a named person on the spot; goes to warning."""
        with ctx.read() as conn:
            held = store.matter(conn, ctx.realm, case_id, body.trip_id)
        ctx.require(FINDERS, area=held.region if held else None)
        _check_late(ctx, body.happened_at, body.entered_late)
        by = body.by.model_dump(exclude_none=True)

        def apply(tx: Tx) -> Answer:
            now = tx.domain_now(ctx.realm)
            sent = callouts.finding(
                tx,
                ctx.realm,
                case_id,
                body.trip_id,
                body.verdict,
                by,
                body.ground,
                now,
                actor=ctx.actor.sub,
                happened_at=body.happened_at,
            )
            return Answer(sent, 202)

        return ctx.write(apply)

    @router.post("/v1/callouts/{case_id}/close")
    def close(case_id: str, body: CloseBody, ctx: Ctx) -> JSONResponse:
        """结案 All calling of the case ends."""
        ctx.require((Role.COMMANDER, Role.DUTY_OFFICER))

        def apply(tx: Tx) -> Answer:
            now = tx.domain_now(ctx.realm)
            ctx.match(callouts.book(tx, ctx.realm).case(case_id).version)
            callouts.close_case(tx, ctx.realm, case_id, ctx.actor.sub, now)
            tx.audit(ctx.realm, ctx.actor.sub, "callout.close", case_id, reason=body.reason)
            return Answer({"case_id": case_id, "state": "closed"})

        return ctx.write(apply)


def _contacts(router: APIRouter, callouts: Callouts) -> None:
    @router.get("/v1/roster")
    def posts(ctx: Ctx, region: Annotated[str | None, Query(max_length=64)] = None) -> dict[str, Any]:
        """责任人 Posts, holders, and who cannot be called."""
        ctx.require(READERS)
        pack = ctx.frame.require_pack()
        with ctx.read() as conn:
            items = roster.listing(conn, ctx.realm, pack, region)
        mine = [item for item in items if covers(ctx.actor.areas, item["region"], pack)]
        return {"items": mine, "next": None}

    @router.post("/v1/roster/{post}/contacts")
    def contact(post: str, body: ContactBody, ctx: Ctx) -> JSONResponse:
        """补号码 A number given now; whoever waits for it is called at once."""
        pack = ctx.frame.require_pack()
        row = pack.roster.get(post)
        ctx.require((Role.DUTY_OFFICER, Role.TOWNSHIP, Role.ADMIN), area=row.region if row else None)

        def apply(tx: Tx) -> Answer:
            now = tx.domain_now(ctx.realm)
            person = roster.add_contact(
                tx, ctx.realm, pack, post, body.channel, body.address, by=ctx.actor.sub, ground=body.ground, now=now
            )
            callouts.contact_found(tx, ctx.realm, person, now)
            return Answer({"post": post, "person": person, "state": "callable"}, 201)

        return ctx.write(apply)


def _receipts(router: APIRouter, take: ReceiptTaker, carriers: tuple[CarrierSpec, ...]) -> None:
    @router.post("/v1/attempts/{attempt_id}/receipts")
    def receipt(
        attempt_id: str, request: Request, ctx: Ctx, raw: Annotated[bytes, Depends(_raw)]
    ) -> dict[str, str | bool]:
        """回执 A carrier's signed call-back; an old ``seq`` is answered and changes nothing."""
        if len(raw) > RECEIPT_BYTES_MAX:
            raise TooLarge(f"a receipt is at most {RECEIPT_BYTES_MAX} bytes", "回执过大")
        signer = _signer(ctx, request, raw, carriers)
        with ctx.read() as conn:
            stored = _found(channels.find(conn, ctx.realm, attempt_id), attempt_id)
        if stored.carrier != signer:
            raise Unauthorized("another carrier made this attempt", "该拨叫不属于此通道", code="signature_wrong")
        try:
            told = _RECEIPT.json(raw)
        except msgspec.MsgspecError as error:
            raise Invalid(f"receipt: {error}", "回执格式有误") from error
        realm = ctx.realm
        reason = ctx.frame.writer.call(lambda tx: take(tx, realm, attempt_id, told, tx.domain_now(realm)))
        return {"attempt_id": attempt_id, "reason": reason.value}


def _signer(ctx: Context, request: Request, raw: bytes, carriers: tuple[CarrierSpec, ...]) -> str:
    """The carrier of this realm whose secret made the signature."""
    problem = None
    stamp, signature = request.headers.get("x-timestamp"), request.headers.get("x-signature")
    for spec in carriers_for(ctx.realm, carriers):
        problem = check_signature(spec.secret, stamp, signature, raw, ctx.frame.clock.now())
        if problem is None:
            return spec.name
    raise Unauthorized(
        "X-Timestamp and X-Signature must be the carrier's own, at most 300 s old",
        "回执签名无效或已过期",
        code=problem.value if problem else "signature_wrong",
    )


# -- views -----------------------------------------------------------------------------------------------


def _head(ctx: Context, row: store.Case) -> dict[str, Any]:
    return {
        "district": ctx.frame.settings.district,
        "realm": ctx.realm,
        "case_id": row.case_id,
        "incident_id": row.incident_id,
        "pack": row.pack,
        "state": row.state,
        "opened_at": format_time(row.opened_at),
        "closed_at": format_time(row.closed_at) if row.closed_at else None,
        "gaps": row.gaps,
        "version": row.version,
    }


def unanswered(callouts: Callouts) -> Number:
    """Over all open cases, of the lines that the caller may see: how many wait for an answer, and since when."""

    def count(ctx: Context, glance: Glance) -> dict[str, Any]:
        waiting = store.unanswered(glance)
        now = ctx.frame.domain_now(ctx.realm)
        mine = [(line, callouts.clocks(pack)) for line, pack in waiting if _sees(ctx, line.region)]
        return board.unanswered(mine, now)

    return Number(READERS, count, (store.UNANSWERED,))


def open_cases(callouts: Callouts) -> Number:
    """未结案件 The newest open cases with their ``numbers`` as ``/v1/callouts`` has them, longest unanswered first."""

    def count(ctx: Context, glance: Glance) -> list[dict[str, Any]]:
        found = store.newest_open(glance)
        standing: dict[str, Counter[tuple[LineStatus, Tally]]] = defaultdict(Counter)
        for case_id, region, how, number in store.standing(glance):
            if _sees(ctx, region):
                standing[case_id][how] += number
        waiting: dict[str, list[Line]] = defaultdict(list)
        for line, _ in store.unanswered(glance):
            if _sees(ctx, line.region):
                waiting[line.case_id].append(line)
        now = ctx.frame.domain_now(ctx.realm)
        told: list[dict[str, Any]] = []
        for case_id, pack in found:
            numbers = board.totals(standing[case_id], waiting[case_id], callouts.clocks(pack), now)
            told.append({"case_id": case_id, "numbers": numbers})
        return sorted(told, key=lambda case: case["numbers"]["oldest_unanswered_at"] or LAST)

    return Number(READERS, count, (store.NEWEST_OPEN, store.STANDING, store.UNANSWERED))


def _mine(conn: Connection, ctx: Context, case_id: str) -> tuple[list[Line], list[str]]:
    """The case's lines that the caller may see, and the posts whose line cannot be read."""
    lost: list[str] = []
    lines = store.lines_of(conn, ctx.realm, case_id, lambda _case, post, _text, _why: lost.append(post))
    return [line for line in lines if _sees(ctx, line.region)], sorted(lost)


def _sees(ctx: Context, region: str) -> bool:
    return not region or covers(ctx.actor.areas, region, ctx.frame.active_pack())


def _numbers(conn: Connection, ctx: Context, callouts: Callouts, row: store.Case, now: datetime) -> dict[str, Any]:
    lines, lost = _mine(conn, ctx, row.case_id)
    return {"numbers": board.summary(lines, callouts.clocks(row.pack), now), "unreadable": lost}


def _lines(conn: Connection, ctx: Context, callouts: Callouts, row: store.Case, now: datetime) -> list[dict[str, Any]]:
    lines, _ = _mine(conn, ctx, row.case_id)  # `_numbers` names what is not among them
    persons = {p.person for line in lines for p in line.parties if p.person}
    calls = board.by_line(
        board.Call(s.attempt, s.carrier, s.queued_at, s.covers) for s in channels.of_persons(conn, ctx.realm, persons)
    )
    rings = {person: ring for person, (ring, _) in store.rings_of(conn, ctx.realm, persons).items()}
    clocks = callouts.clocks(row.pack)
    return [board.line_out(line, clocks, now, calls.get((line.case_id, line.post), ()), rings) for line in lines]


def _blackout(row: Row[Any]) -> dict[str, Any]:
    return {
        "place": row.place,
        "persons": row.persons,
        "regions": row.regions,
        "since": format_time(row.since),
        "says": f"{row.place} 失联：{len(row.persons)} 人无法接通，请用卫星电话、对讲机或派人",
    }


def _log_entry(row: Row[Any]) -> dict[str, Any]:
    return {
        "no": row.no,
        "case_id": row.case_id,
        "post": row.post,
        "at": format_time(row.at),
        "happened_at": format_time(row.happened_at) if row.happened_at else None,
        "kind": row.kind,
        "by": row.by,
        "body": row.body,
    }


def _found(row: Any, what: str) -> Any:
    if row is None:
        raise NotFound(f"{what} does not exist in this realm", f"{what} 不存在")
    return row


def _check_late(ctx: Context, happened_at: datetime | None, entered_late: bool) -> None:
    """补录 carries both times; nothing can have happened in the future."""
    if entered_late and happened_at is None:
        raise Invalid(
            "happened_at: an act entered late says when it happened", "补录须填写发生时间", field="happened_at"
        )
    if happened_at is not None and happened_at > ctx.frame.domain_now(ctx.realm):
        raise Invalid("happened_at lies in the future", "发生时间晚于当前时间", field="happened_at")
