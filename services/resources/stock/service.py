"""库存用例 Openings once per realm, movements, reservations, and the continuous proof of the books."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.resources.stock import store
from services.resources.stock.book import (
    REASON_TEXT,
    Condition,
    Entry,
    Lease,
    Ledger,
    Lot,
    LotKey,
    MovementKind,
    Place,
    PlaceKind,
    Reason,
)
from services.resources.stock.ledger import Decision, Refusal, Transfer, decide, pick, release, reserve
from shared.db.tx import Tx
from shared.errors import Invalid, Refused
from shared.pack.model import Pack, StockRow
from shared.realm import format_time

_GOOD = frozenset({"good", "完好", "良好"})
_DAMAGED = frozenset({"damaged", "破损", "损坏"})
_PHYSICAL = ("physical", "实物")


@dataclass(frozen=True, kw_only=True)
class Act:
    """经办: who does it, why, on which paper, and when it really happened if it is entered later (补录)."""

    by: str
    reason: str
    paper: str | None = None
    happened_at: datetime | None = None
    entered_late: bool = False


def owners_of(pack: Pack) -> frozenset[str]:
    """Owners whose goods the district may move by itself (本级物资): itself and its regions, by name or code."""
    regions = pack.regions.values()
    names = {region.name for region in regions} | {region.code for region in regions}
    return frozenset({"district", pack.district.code, pack.district.name_zh, pack.district.name_en} | names)


def today_in(pack: Pack, now: datetime) -> date:
    """The district's date: goods expire at its midnight."""
    return now.astimezone(ZoneInfo(pack.district.timezone)).date()


def open_realm(tx: Tx, realm: str, pack: Pack) -> bool:
    """Give a realm its own stock copy from the pack's opening, once (期初). False where it has one."""
    if store.is_open(tx.conn, realm):
        return False
    now = tx.domain_now(realm)
    state = Ledger(ours=owners_of(pack))
    count = 0
    renamed: list[dict[str, str]] = []
    for row in pack.stock:
        if row.quantity == 0:
            continue
        lot = lot_of(row)
        if state.lots.get(lot.key, lot) != lot:
            # one lot id, two expiry dates: two lots in truth; kept apart by their warehouse, and said
            lot = replace(lot, key=lot.key._replace(lot_id=f"{row.lot_id}-{row.warehouse_id}"[:64]))
            renamed.append({"item_code": row.item_code, "lot_id": row.lot_id, "now": lot.key.lot_id})
        kind = PlaceKind.WAREHOUSE if row.reserve_type in _PHYSICAL else PlaceKind.AGREED
        place = Place(kind, row.warehouse_id)
        wish = Transfer(MovementKind.OPENING, Place(PlaceKind.OPENING), place, row.item_code, row.quantity, lot=lot)
        decision = decide(state, wish, now, today_in(pack, now))
        if not decision.ok:
            zh, en = _sentence(decision.reason)
            raise Invalid(
                f"stock.csv: lot {row.lot_id} of item {row.item_code}: {en}", f"stock.csv 批次 {row.lot_id}：{zh}"
            )
        state = decision.state
        _keep(tx, realm, wish, decision, Act(by="pack", reason=f"opening of {pack.version}"), now)
        count += 1
    store.mark_open(tx.conn, realm, pack.version, tx.now, count)
    tx.audit(realm, "service", "stock.open", pack.version, body={"lots": count, "renamed": renamed})
    if renamed:
        tx.event(realm, "alarm.stock_opening", realm, {"renamed": renamed})
    tx.event(realm, "stock.opened", realm, {"lots": count, "pack": pack.version})
    return True


def lot_of(row: StockRow) -> Lot:
    """A pack's stock row as a lot; a condition that is not understood is unknown, and unknown goods are not given."""
    text = row.condition.strip().lower()
    condition = Condition.GOOD if text in _GOOD else Condition.DAMAGED if text in _DAMAGED else Condition.UNKNOWN
    expires = date.fromisoformat(row.expires_on) if row.expires_on else None
    return Lot(LotKey(row.item_code, row.lot_id, row.owner), expires, condition, row.reserve_type)


def move(tx: Tx, realm: str, pack: Pack, wish: Transfer, act: Act) -> dict[str, Any]:
    """Book one movement (出入库) or refuse it with the ledger's reason."""
    now = tx.domain_now(realm)
    check_place(pack, wish.source, "source")
    check_place(pack, wish.destination, "destination")
    if wish.item_code not in pack.items:
        raise Invalid(f"item_code '{wish.item_code}' is not in items.csv", "物资编码不存在", field="item_code")
    state = store.load(tx.conn, realm, owners_of(pack), wish.item_code)
    decision = decide(state, wish, now, today_in(pack, now))
    if not decision.ok:
        raise _refused(decision)
    return _keep(tx, realm, wish, decision, act, now)


def _keep(tx: Tx, realm: str, wish: Transfer, decision: Decision, act: Act, now: datetime) -> dict[str, Any]:
    no = tx.next_no(realm, "movement")
    movement_id = f"M-{no:06d}"
    if wish.lot is not None:
        store.put_lot(tx.conn, realm, wish.lot)
    owner_act = vars(wish.owner_act) if wish.owner_act else None
    row = store.MovementRow(
        kind=wish.kind.value,
        at=now,
        known_at=tx.now,
        by=act.by,
        reason=act.reason,
        happened_at=act.happened_at,
        entered_late=act.entered_late,
        paper=act.paper,
        owner_act=owner_act,
        lease_id=wish.lease_id,
        note={"out_of_order_because": wish.out_of_order_because} if wish.out_of_order_because else None,
    )
    store.append(tx.conn, realm, no, movement_id, row, decision.entries)
    store.put_leases(tx.conn, realm, decision.leases, act.by)
    out = {
        "movement_id": movement_id,
        "realm": realm,
        "kind": wish.kind.value,
        "item_code": wish.item_code,
        "quantity": wish.quantity,
        "at": format_time(now),
        "happened_at": format_time(act.happened_at) if act.happened_at else None,
        "entered_late": act.entered_late,
        "entries": [_entry_out(entry) for entry in decision.entries],
        "leases": [lease_out(lease) for lease in decision.leases],
    }
    if wish.kind is not MovementKind.OPENING:
        tx.audit(
            realm, act.by, f"stock.{wish.kind}", movement_id, reason=act.reason, body=out, happened_at=act.happened_at
        )
        tx.event(realm, "stock.moved", movement_id, out)
        for lease in decision.leases:
            if wish.lease_id != lease.lease_id:
                tx.event(realm, "alarm.reservation_cut", lease.lease_id, lease_out(lease))
    return out


def make_leases(
    tx: Tx, realm: str, pack: Pack, wish: Transfer, holder: str, until: datetime, act: Act
) -> list[dict[str, Any]]:
    """Promise goods at a place to a holder until a time (预留); one lease a lot, first expiring first."""
    now = tx.domain_now(realm)
    today = today_in(pack, now)
    check_place(pack, wish.source, "place")
    state = store.load(tx.conn, realm, owners_of(pack), wish.item_code)
    if until <= now:
        raise _refused(Decision.refused(state, Reason.NO_END))
    picked = pick(state, wish, now, today)
    if isinstance(picked, Refusal):
        raise _refused(Decision(state, picked.reason, facts=picked.facts))
    made: list[Lease] = []
    for lot, quantity in picked:
        lease_id = f"L-{tx.next_no(realm, 'lease'):06d}"
        lease = Lease(lease_id, wish.source, lot, quantity, holder, act.reason, now, until)
        decision = reserve(state, lease, now, today)
        if not decision.ok:
            raise _refused(decision)
        state = decision.state
        made.append(lease)
    store.put_leases(tx.conn, realm, made, act.by)
    out = [lease_out(lease) for lease in made]
    tx.audit(realm, act.by, "stock.reserve", holder, reason=act.reason, body=out, happened_at=act.happened_at)
    tx.event(realm, "stock.reserved", holder, {"leases": out})
    return out


def end_lease(tx: Tx, realm: str, lease_id: str, act: Act) -> dict[str, Any]:
    """Give a promise back (释放预留)."""
    found = store.lease_of(tx.conn, realm, lease_id)
    state = Ledger(leases={} if found is None else {lease_id: found})
    decision = release(state, lease_id, tx.domain_now(realm))
    if not decision.ok:
        raise _refused(decision)
    store.put_leases(tx.conn, realm, decision.leases, act.by)
    out = lease_out(decision.leases[0])
    tx.audit(realm, act.by, "stock.release", lease_id, reason=act.reason, body=out)
    tx.event(realm, "stock.released", lease_id, out)
    return out


def prove(tx: Tx, realm: str) -> list[dict[str, Any]]:
    """Prove the books from the log; what does not agree is an alarm of its own (对账)."""
    wrong = store.disproved(tx.conn, realm)
    if wrong:
        tx.event(realm, "alarm.stock_books", realm, {"findings": wrong[:50], "count": len(wrong)})
        tx.audit(realm, "service", "stock.disproved", realm, body={"findings": wrong[:50], "count": len(wrong)})
    return wrong


def check_place(pack: Pack, place: Place, field: str) -> None:
    """A place must be one that the pack knows; edges have no name of their own."""
    known: Mapping[PlaceKind, Any] = {
        PlaceKind.WAREHOUSE: pack.warehouses,
        PlaceKind.AGREED: pack.warehouses,
        PlaceKind.SHELTER: pack.shelters,
    }
    if place.kind in known and place.ref not in known[place.kind]:
        raise Invalid(
            f"{field}: there is no {place.kind.value} '{place.ref}' in the district pack",
            f"{field}：区县包中没有 {place.ref}",
            field=field,
        )
    if place.kind in (PlaceKind.TRANSIT, PlaceKind.CONSUMED, PlaceKind.DISPOSED) and not place.ref:
        raise Invalid(f"{field}: name it, as in {place.kind.value}:ID", f"{field}：须写明编号", field=field)


def lease_out(lease: Lease) -> dict[str, Any]:
    return {
        "lease_id": lease.lease_id,
        "place": str(lease.place),
        **lease.lot._asdict(),
        "quantity": lease.quantity,
        "holder": lease.holder,
        "reason": lease.reason,
        "until": format_time(lease.until),
        "released": lease.released,
    }


def _entry_out(entry: Entry) -> dict[str, Any]:
    return {"place": str(entry.place), **entry.lot._asdict(), "quantity": entry.quantity}


def _sentence(reason: Reason) -> tuple[str, str]:
    en, zh = REASON_TEXT[reason]
    return zh, en


def _refused(decision: Decision) -> Refused:
    zh, en = _sentence(decision.reason)
    return Refused(decision.reason.value, en, zh, facts=dict(decision.facts))
