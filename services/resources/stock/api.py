"""库存接口 ``GET /v1/stock``, ``POST /v1/movements``, reservations. Never public (contract §8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.resources.stock import service, store
from services.resources.stock.book import (
    QUANTITY_MAX,
    Condition,
    Entry,
    Lot,
    LotKey,
    MovementKind,
    OwnerAct,
    Place,
    PlaceKind,
)
from services.resources.stock.ledger import Transfer
from shared.db.tx import Tx
from shared.errors import Invalid
from shared.http.context import Answer, Context, Ctx
from shared.http.lists import Cursor, Limit, decode_cursor, decode_place, page
from shared.pack.model import Pack
from shared.realm import format_time
from shared.vocabulary import Role

READERS = (Role.DUTY_OFFICER, Role.COMMANDER, Role.WAREHOUSE_KEEPER, Role.TOWNSHIP, Role.MAINTAINER, Role.SERVICE)
KEEPERS = (Role.WAREHOUSE_KEEPER, Role.DUTY_OFFICER, Role.COMMANDER)

Text = Annotated[str, Field(min_length=1, max_length=300)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
PlaceText = Annotated[str, Field(max_length=100, examples=["warehouse:wh-zs-01", "consumed:sh-zs-01", "supplier"])]
Quantity = Annotated[int, Field(ge=1, le=QUANTITY_MAX, strict=True)]


class LotBody(BaseModel):
    """批次: needed where goods enter the books."""

    model_config = ConfigDict(extra="forbid")
    lot_id: Id
    owner: Text
    expires_on: date | None = None
    condition: Condition = Condition.GOOD
    reserve_type: Annotated[str, Field(max_length=40)] = "physical"


class OwnerActBody(BaseModel):
    """货主指令"""

    model_config = ConfigDict(extra="forbid")
    owner: Text
    by: Text
    reference: Text


class ActBody(BaseModel):
    """经办: every write takes ``happened_at`` and ``entered_late`` (补录)."""

    model_config = ConfigDict(extra="forbid")
    reason: Text
    paper: Annotated[str, Field(max_length=100)] | None = None
    happened_at: AwareDatetime | None = None
    entered_late: bool = False

    def act(self, by: str) -> service.Act:
        return service.Act(
            by=by,
            reason=self.reason,
            paper=self.paper,
            happened_at=self.happened_at,
            entered_late=self.entered_late,
        )


class MovementBody(ActBody):
    """出入库: so much of an item from one place to another."""

    kind: MovementKind
    source: PlaceText
    destination: PlaceText
    item_code: Id
    quantity: Quantity
    lot_id: Id | None = None
    owner: Text | None = None
    lot: LotBody | None = None
    owner_act: OwnerActBody | None = None
    lease_id: Id | None = None
    out_of_order_because: Text | None = None

    def wish(self) -> Transfer:
        lot = None
        if self.lot is not None:
            key = LotKey(self.item_code, self.lot.lot_id, self.lot.owner)
            lot = Lot(key, self.lot.expires_on, self.lot.condition, self.lot.reserve_type)
        return Transfer(
            kind=self.kind,
            source=place_of(self.source, "source"),
            destination=place_of(self.destination, "destination"),
            item_code=self.item_code,
            quantity=self.quantity,
            lot_id=self.lot_id,
            owner=self.owner,
            lot=lot,
            owner_act=OwnerAct(**self.owner_act.model_dump()) if self.owner_act else None,
            lease_id=self.lease_id,
            out_of_order_because=self.out_of_order_because,
        )


class ReservationBody(ActBody):
    """预留"""

    place: PlaceText
    item_code: Id
    quantity: Quantity
    holder: Text
    until: AwareDatetime
    lot_id: Id | None = None
    owner: Text | None = None


def routes() -> APIRouter:
    router = APIRouter(tags=["stock"])

    @router.get("/v1/stock")
    def stock(
        ctx: Ctx,
        place: Annotated[str | None, Query(max_length=100)] = None,
        item_code: Annotated[str | None, Query(max_length=64)] = None,
        owner: Annotated[str | None, Query(max_length=100)] = None,
        limit: Limit = 200,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """What lies where, by lot and owner, with what is promised and what is still free."""
        ctx.require(READERS)
        pack = ctx.frame.require_pack()
        now = ctx.frame.domain_now(ctx.realm)
        after = decode_cursor(cursor, *[str] * 5)
        at = place_of(place, "place") if place else None
        with ctx.read() as conn:
            rows = store.stock_page(
                conn, ctx.realm, limit=limit + 1, after=after, place=at, item_code=item_code, owner=owner
            )
            state = store.load(conn, ctx.realm, service.owners_of(pack), item_code)
        today = service.today_in(pack, now)
        items = []
        for where, lot, quantity in rows:
            reserved = state.leased(where, lot.key, now)
            item = pack.items.get(lot.key.item_code)
            items.append(
                {
                    "district": pack.district.code,
                    "realm": ctx.realm,
                    "place": str(where),
                    "place_kind": where.kind.value,
                    "place_id": where.ref,
                    "name": item.name if item else None,
                    "unit": item.unit if item else None,
                    **lot.key._asdict(),
                    "on_hand": quantity,
                    "reserved": reserved,
                    "free": quantity - reserved,
                    "expires_on": lot.expires_on.isoformat() if lot.expires_on else None,
                    "expired": lot.expired(today),
                    "condition": lot.condition.value,
                    "reserve_type": lot.reserve_type,
                    "ours": lot.key.owner in state.ours,
                }
            )
        return page(items, limit, _position)

    @router.get("/v1/movements")
    def log(ctx: Ctx, limit: Limit = 200, cursor: Cursor = None) -> dict[str, Any]:
        """出入库流水 Every movement with its entries, oldest first; the entries of each sum to zero (双录)."""
        ctx.require(READERS)
        after = decode_place(cursor, int) or 0
        with ctx.read() as conn:
            rows = store.movements_page(conn, ctx.realm, limit + 1, after)
        items = [_movement(ctx, no, movement_id, row, moved) for no, movement_id, row, moved in rows]
        return page(items, limit, lambda item: [item["no"]])

    @router.post("/v1/movements", status_code=201)
    def movements(body: MovementBody, ctx: Ctx) -> JSONResponse:
        """Book one movement; 409 with the ledger's reason where it may not be."""
        pack = ctx.frame.require_pack()
        wish = body.wish()
        _require_keeper(ctx, pack, wish.source, wish.destination)
        by = ctx.actor.sub
        return _write(ctx, lambda tx: service.move(tx, ctx.realm, pack, wish, body.act(by)))

    @router.get("/v1/reservations")
    def reservations(ctx: Ctx, limit: Limit = 200, cursor: Cursor = None) -> dict[str, Any]:
        """Promises that bind now."""
        ctx.require(READERS)
        now = ctx.frame.domain_now(ctx.realm)
        with ctx.read() as conn:
            rows = store.leases_page(conn, ctx.realm, now, limit + 1, decode_place(cursor, str))
        return page([service.lease_out(row) for row in rows], limit, lambda row: [row["lease_id"]])

    @router.post("/v1/reservations", status_code=201)
    def reserve(body: ReservationBody, ctx: Ctx) -> JSONResponse:
        """Promise goods to a holder until a time; the promise ends by itself."""
        pack = ctx.frame.require_pack()
        place = place_of(body.place, "place")
        _require_keeper(ctx, pack, place)
        # reserved is what could be issued: the same rules choose and refuse the lots
        wish = Transfer(
            MovementKind.ISSUE,
            place,
            Place(PlaceKind.CONSUMED, body.holder),
            body.item_code,
            body.quantity,
            lot_id=body.lot_id,
            owner=body.owner,
        )
        act = body.act(ctx.actor.sub)

        def apply(tx: Tx) -> dict[str, Any]:
            return {"items": service.make_leases(tx, ctx.realm, pack, wish, body.holder, body.until, act)}

        return _write(ctx, apply)

    @router.post("/v1/reservations/{lease_id}/release")
    def release(lease_id: Id, body: ActBody, ctx: Ctx) -> JSONResponse:
        """Give a promise back before its end."""
        ctx.require(KEEPERS)
        act = body.act(ctx.actor.sub)
        return ctx.write(lambda tx: service.end_lease(tx, ctx.realm, lease_id, act))

    return router


def _write(ctx: Context, function: Callable[[Tx], dict[str, Any]]) -> JSONResponse:
    return ctx.write(lambda tx: Answer(function(tx), 201))


def _movement(
    ctx: Context, no: int, movement_id: str, row: store.MovementRow, moved: Sequence[Entry]
) -> dict[str, Any]:
    return {
        "district": ctx.frame.settings.district,
        "realm": ctx.realm,
        "no": no,
        "movement_id": movement_id,
        "kind": row.kind,
        "at": format_time(row.at),
        "known_at": format_time(row.known_at),
        "happened_at": format_time(row.happened_at) if row.happened_at else None,
        "entered_late": row.entered_late,
        "by": row.by,
        "reason": row.reason,
        "paper": row.paper,
        "owner_act": row.owner_act,
        "lease_id": row.lease_id,
        "entries": [{"place": str(entry.place), **entry.lot._asdict(), "quantity": entry.quantity} for entry in moved],
    }


def _position(row: dict[str, Any]) -> list[str]:
    return [row["place_kind"], row["place_id"], row["item_code"], row["lot_id"], row["owner"]]


def place_of(text: str, field: str) -> Place:
    """Read ``kind:ref``; a wrong one is refused with the kinds that there are."""
    try:
        return Place.parse(text)
    except ValueError:
        kinds = ", ".join(kind.value for kind in PlaceKind)
        raise Invalid(
            f"{field}: '{text[:40]}' is no place; write KIND:ID with a kind of {kinds}",
            f"{field}：应写作 类别:编号",
            field=field,
        ) from None


def _require_keeper(ctx: Context, pack: Pack, *places: Place) -> None:
    """The gate, in the area of each warehouse or shelter that is touched."""
    regions = {
        found.region
        for place in places
        for found in (pack.warehouses.get(place.ref), pack.shelters.get(place.ref))
        if found is not None and place.kind in (PlaceKind.WAREHOUSE, PlaceKind.SHELTER, PlaceKind.AGREED)
    }
    ctx.require(KEEPERS)
    for region in sorted(regions):
        ctx.require(KEEPERS, area=region)
