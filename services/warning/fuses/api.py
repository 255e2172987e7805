"""熔断接口 ``/v1/fuses`` and ``/v1/trips``. A trip id holds slashes: its fixed tails are matched first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.warning.fuses import service, store, views
from services.warning.fuses.book import Described, FuseKey
from services.warning.fuses.events import (
    Event,
    Finding,
    FindingVerdict,
    HoldReport,
    ManualTrip,
    Refused,
    Release,
    Shelve,
)
from services.warning.fuses.refusals import refusal
from services.warning.fuses.service import Deed, Fuses
from services.warning.fuses.state import level_of
from services.warning.fuses.store import trip as find_trip
from services.warning.readings.instant import to_us
from shared.db.together import Glance
from shared.db.tx import Tx
from shared.errors import NotFound
from shared.errors import Refused as RefusedError
from shared.http.context import Answer, Context, Ctx
from shared.http.lists import Cursor, Limit, decode_cursor, decode_place, page
from shared.http.numbers import Number
from shared.vocabulary import Level, Role, Verification

NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps no NUL in text
HOURS_MAX = 72
MAY_READ = tuple(Role)
MAY_RELEASE = (Role.DUTY_OFFICER, Role.COMMANDER)
MAY_TRIP = (Role.DUTY_OFFICER, Role.COMMANDER, Role.TOWNSHIP)
MAY_FIND = (Role.VERIFIER, Role.DUTY_OFFICER, Role.COMMANDER, Role.TOWNSHIP, Role.VILLAGE)
WRITE = ConfigDict(extra="forbid")


Act = Callable[[Tx, str, Event, Deed], Refused | None]
"""``(tx, realm, event, deed)`` → why it is refused; None once it is done and told."""


class DeedBody(BaseModel):
    """处置: every one gives its reason; written down afterwards (补录) it gives both times."""

    model_config = WRITE
    reason: str = Field(pattern=NO_NUL, min_length=1, max_length=1000)
    happened_at: AwareDatetime | None = None
    entered_late: bool = False


class FindingBody(DeedBody):
    """核实: who stood there."""

    person: str | None = Field(pattern=NO_NUL, default=None, min_length=1, max_length=100)
    post: str | None = Field(pattern=NO_NUL, default=None, min_length=1, max_length=64)
    station: str | None = Field(pattern=NO_NUL, default=None, max_length=64)


class ShelveBody(DeedBody):
    """暂搁: below red, at most a shift."""

    until: AwareDatetime


class TripBody(DeedBody):
    """人工熔断"""

    level: Level


def routes(fuses: Fuses, act: Act) -> APIRouter:
    router = APIRouter(tags=["fuses"])
    _read_fuses(router, fuses)
    _read_trips(router, fuses)
    _write(router, fuses, act)
    return router


def _read_fuses(router: APIRouter, fuses: Fuses) -> None:
    @router.get("/v1/fuses")
    def list_fuses(
        ctx: Ctx,
        level: Level | None = None,
        region: str | None = None,
        alarmed: bool = False,
        limit: Limit = 500,
        cursor: Cursor = None,
    ) -> Response:
        """Every fuse of the active pack and every notice fuse, with its state.

        ``alarmed=true`` gives those above normal or with a silent station alone, each with ``why``; ``summary`` counts
        all of them, and those of each township.
        """
        ctx.require(MAY_READ)
        pack = ctx.frame.require_pack()
        after = tuple(decode_cursor(cursor, str, str) or ("", ""))
        with ctx.read() as conn:
            states = {state.key: state for state in store.load_states(conn, ctx.realm)}
            book = fuses.books.get(pack.version)
            taken: list[tuple[FuseKey, Described]] = []
            places = {}
            for key in sorted({*book.fuses, *states}):
                about = fuses.describe(conn, ctx.realm, book, *key)
                places[key] = pack.township_of(about.region) or about.region
                state = states.get(key)
                if len(taken) > limit or key <= after or (alarmed and not views.stands_out(state)):
                    continue
                if level not in (None, level_of(state.level if state else 0)):
                    continue
                if region is None or region in pack.ancestors(about.region):
                    taken.append((key, about))
            trips = [states[key].trip_id for key, _ in taken if key in states] if alarmed else []
            words = store.words_of_trips(conn, ctx.realm, [trip_id for trip_id in trips if trip_id])
        if alarmed:
            items = [views.alarm_out(book, ctx.realm, key, about, states.get(key), words) for key, about in taken]
        else:
            items = [views.fuse_out(book, ctx.realm, key, about, states.get(key)) for key, about in taken]
        shown = page(items, limit, lambda item: [item["fuse"], item["scope"]])
        body = msgspec.json.encode({**shown, "summary": views.summary_of(places, states)})
        return Response(body, media_type="application/json")

    @router.get("/v1/fuses/{fuse}/{scope}")
    def get_fuse(fuse: str, scope: str, ctx: Ctx, response: Response) -> dict[str, Any]:
        """One fuse with its newest records; ``may`` holds the acts that make sense now and are the asker's to do."""
        ctx.require(MAY_READ)
        book = fuses.books.get(ctx.frame.require_pack().version)
        with ctx.read() as conn:
            state = store.state_of(conn, ctx.realm, fuse, scope)
            known = book.fuses.get((fuse, scope))
            if known is None and state is None:
                raise NotFound(f"no fuse {fuse} on {scope}", f"没有熔断规则 {fuse}@{scope}")
            about = fuses.describe(conn, ctx.realm, book, fuse, scope)
            records = store.records_of_fuse(conn, ctx.realm, fuse, scope, views.RECORDS_SHOWN)
        response.headers["ETag"] = f'"{state.n if state else 0}"'
        shown = views.fuse_out(book, ctx.realm, (fuse, scope), about, state)
        may = [act for act, roles in _acts_on(shown) if ctx.allows(roles, area=about.region)]
        return {**shown, "rule": views.rule_out(known.rule) if known else None, "records": records, "may": may}

    @router.get("/v1/fuses/{fuse}/{scope}/trend")
    def get_trend(
        fuse: str, scope: str, ctx: Ctx, hours: Annotated[int, Query(ge=1, le=HOURS_MAX)] = 24
    ) -> JSONResponse:
        """What the fuse looks at, over the last hours: every statistic of its rule, with the bounds of the levels."""
        ctx.require(MAY_READ)
        with ctx.read() as conn:
            state = store.state_of(conn, ctx.realm, fuse, scope)
            trip = find_trip(conn, ctx.realm, state.trip_id) if state and state.trip_id else None
            book = fuses.books.get((trip and trip.pack) or ctx.frame.require_pack().version)
            known = book.fuses.get((fuse, scope))
            if known is None and state is None:
                raise NotFound(f"no fuse {fuse} on {scope}", f"没有熔断规则 {fuse}@{scope}")
            shown = views.trend_out(known, conn, ctx.realm, book, ctx.frame.domain_now(ctx.realm), hours)
        return JSONResponse({"fuse": fuse, "scope": scope, **shown})


def _read_trips(router: APIRouter, fuses: Fuses) -> None:
    @router.get("/v1/trips")
    def list_trips(ctx: Ctx, open: bool | None = None, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
        """Trips, newest first."""
        ctx.require(MAY_READ)
        before = decode_place(cursor, int)
        with ctx.read() as conn:
            rows = store.page_of_trips(conn, ctx.realm, is_open=open, before_no=before, limit=limit + 1)
            reports = store.holds_of_many(conn, ctx.realm, [row.trip_id for row in rows])
        district = ctx.frame.settings.district
        items = [{"no": row.no, **views.trip_out(district, ctx.realm, row, reports.get(row.trip_id))} for row in rows]
        return page(items, limit, lambda item: [item["no"]])

    @router.get("/v1/trips/{trip_id:path}/receipt")
    def get_receipt(trip_id: str, ctx: Ctx) -> dict[str, Any]:
        """What the trip rests on: records, readings, rule, findings, measures held."""
        ctx.require(MAY_READ)
        with ctx.read() as conn:
            trip = service.open_trip(conn, ctx.realm, trip_id)
            book = fuses.books.get(trip.pack or ctx.frame.require_pack().version)
            return views.receipt_out(conn, ctx.frame.settings.district, ctx.realm, trip, book)

    @router.get("/v1/trips/{trip_id:path}")
    def get_trip(trip_id: str, ctx: Ctx, response: Response) -> dict[str, Any]:
        """One trip with its records."""
        ctx.require(MAY_READ)
        with ctx.read() as conn:
            trip = service.open_trip(conn, ctx.realm, trip_id)
            shown = views.trip_of(conn, ctx.frame.settings.district, ctx.realm, trip)
            records = store.records_of_trip(conn, ctx.realm, trip_id)
            found = views.findings_out(store.findings_of(conn, ctx.realm, trip_id))
        response.headers["ETag"] = f'"{trip.last_n}"'
        return {**shown, "records": records, "findings": found}


def numbers(fuses: Fuses) -> Number:
    """How many fuses there are, stand at each level, see nothing."""

    def count(ctx: Context, glance: Glance) -> dict[str, Any]:
        book = fuses.books.get(ctx.frame.require_pack().version)
        stands = store.stands(glance)
        return views.numbers_of(book.fuses.keys() | stands.keys(), stands)

    return Number(MAY_READ, count, (store.STATES,))


def _write(router: APIRouter, fuses: Fuses, act: Act) -> None:
    @router.post("/v1/trips/{trip_id:path}/release")
    def release(trip_id: str, body: DeedBody, ctx: Ctx) -> JSONResponse:
        """Release a latched trip: refused while its condition stands, anything is held, or nobody has said that not."""
        return _on_trip(ctx, act, trip_id, MAY_RELEASE, "trip.release", body, _release)

    @router.post("/v1/trips/{trip_id:path}/confirm")
    def confirm(trip_id: str, body: FindingBody, ctx: Ctx) -> JSONResponse:
        """A named person saw it."""
        return _on_trip(
            ctx, act, trip_id, MAY_FIND, "trip.confirm", body, _finding(FindingVerdict.CONFIRM, body.station)
        )

    @router.post("/v1/trips/{trip_id:path}/refute")
    def refute(trip_id: str, body: FindingBody, ctx: Ctx) -> JSONResponse:
        """A named person on the spot saw that it is not so."""
        return _on_trip(ctx, act, trip_id, MAY_FIND, "trip.refute", body, _finding(FindingVerdict.REFUTE, body.station))

    @router.post("/v1/trips/{trip_id:path}/shelve")
    def shelve(trip_id: str, body: ShelveBody, ctx: Ctx) -> JSONResponse:
        """Quiet below red for a capped time."""

        def event(_tx: Tx, _realm: str, trip: Any, by: str) -> Event:
            return Shelve(fuse=trip.fuse, scope=trip.scope, until_us=to_us(body.until), by=by)

        return _on_trip(ctx, act, trip_id, MAY_RELEASE, "trip.shelve", body, event)

    @router.post("/v1/fuses/{fuse}/{scope}/trip")
    def manual_trip(fuse: str, scope: str, body: TripBody, ctx: Ctx) -> JSONResponse:
        """Trip a fuse by hand: confirmed by who does it, and latched."""
        known = fuses.books.get(ctx.frame.require_pack().version).fuses.get((fuse, scope))
        if known is None:
            raise NotFound(f"no fuse {fuse} on {scope}", f"没有熔断规则 {fuse}@{scope}")
        ctx.require(MAY_TRIP, area=known.scope.region)
        realm, sub = ctx.realm, ctx.actor.sub

        def apply(tx: Tx) -> tuple[Refused | None, Any]:
            state = store.state_of(tx.conn, realm, fuse, scope)
            ctx.match(state.n if state else 0)
            event = ManualTrip(fuse=fuse, scope=scope, level=body.level, by=sub)
            refused = act(tx, realm, event, _deed("trip.manual", sub, body))
            after = store.state_of(tx.conn, realm, fuse, scope)
            return refused, find_trip(tx.conn, realm, after.trip_id) if after and after.trip_id else None

        return _answer(ctx, apply)


def _acts_on(shown: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Role, ...]]]:
    """What could be done with a fuse as it stands, and by whom; whether it is refused is decided when it is tried."""
    if shown["trip_id"] and shown["verification"] in (Verification.UNCONFIRMED, Verification.UNVERIFIED):
        yield "confirm", MAY_FIND
        yield "refute", MAY_FIND
    if shown["trip_id"] and shown["latched"]:
        yield "release", MAY_RELEASE


EventOf = Callable[[Tx, str, Any, str], Event]


def _on_trip(
    ctx: Context,
    act: Act,
    trip_id: str,
    roles: tuple[Role, ...],
    action: str,
    body: DeedBody,
    event_of: EventOf,
) -> JSONResponse:
    ctx.require(roles)
    realm, sub = ctx.realm, ctx.actor.sub
    with ctx.read() as conn:
        region = service.open_trip(conn, realm, trip_id).region
    ctx.require(roles, area=region)

    def apply(tx: Tx) -> tuple[Refused | None, Any]:
        trip = service.open_trip(tx.conn, realm, trip_id)
        ctx.match(trip.last_n)
        if trip.closed_at is not None:
            raise RefusedError("trip_closed", f"trip {trip_id} is over", f"熔断 {trip_id} 已结束")
        by = (body.person or sub) if isinstance(body, FindingBody) else sub
        refused = act(tx, realm, event_of(tx, realm, trip, by), _deed(action, sub, body))
        return refused, find_trip(tx.conn, realm, trip_id)

    return _answer(ctx, apply)


def _answer(ctx: Context, apply: Callable[[Tx], tuple[Refused | None, Any]]) -> JSONResponse:
    """A refusal is committed (with the timers that fired before it) and only then told."""
    told: list[RefusedError] = []
    district, realm = ctx.frame.settings.district, ctx.realm

    def write(tx: Tx) -> Answer:
        refused, trip = apply(tx)
        if refused is not None:
            error = refusal(refused)
            told.append(error)
            return Answer({"status": error.status, "code": error.code, "title": error.zh, "detail": error.en}, 409)
        shown = views.trip_of(tx.conn, district, realm, trip) if trip else {"district": district, "realm": realm}
        return Answer(shown, version=trip.last_n if trip else None)

    answer = ctx.write(write)
    if told:
        raise told[0]
    return answer


def _release(tx: Tx, realm: str, trip: Any, by: str) -> Event:
    report = store.holds_of(tx.conn, realm, trip.trip_id)
    said = HoldReport(report.n, service.held_orders(report)) if report else None
    return Release(fuse=trip.fuse, scope=trip.scope, by=by, report=said)


def _finding(verdict: FindingVerdict, station: str | None) -> EventOf:
    def event(_tx: Tx, _realm: str, trip: Any, by: str) -> Event:
        return Finding(fuse=trip.fuse, scope=trip.scope, verdict=verdict, by=by, station=station)

    return event


def _deed(action: str, sub: str, body: DeedBody) -> Deed:
    finding = None
    if isinstance(body, FindingBody):
        finding = {"post": body.post, "person": body.person or sub, "sub": sub}
    return Deed(action, sub, body.reason, body.happened_at, body.entered_late, finding)
