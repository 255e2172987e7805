"""台账 Who may move what: the one write path of the stock ledger, for every screen and every caller.

First expired first out, a hard stop on what has expired, no unit promised twice, and no unit of another owner
without that owner's act (市级/中央代储). A count or a write-off is a fact: it is booked even where goods were
promised, and the promises that can no longer be kept are cut, youngest first, and returned to be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from services.resources.stock.book import (
    BOOKED,
    EDGES,
    FACTS,
    LEAVES_OWNER,
    PATHS,
    QUANTITY_MAX,
    TO_PEOPLE,
    Condition,
    Entry,
    Lease,
    Ledger,
    Lot,
    LotKey,
    MovementKind,
    OwnerAct,
    Place,
    Reason,
    apply,
)


@dataclass(frozen=True)
class Refusal:
    """拒绝: the reason and the facts a keeper needs to put it right."""

    reason: Reason
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """决定: the ledger after, the entries to append, the leases that changed; or nothing and why not."""

    state: Ledger
    reason: Reason
    entries: tuple[Entry, ...] = ()
    leases: tuple[Lease, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.reason in BOOKED

    @staticmethod
    def refused(state: Ledger, reason: Reason, **facts: object) -> Decision:
        return Decision(state, reason, facts=facts)


@dataclass(frozen=True)
class Transfer:
    """一笔业务: so much of an item from one place to another.

    Without ``lot_id`` the ledger picks lots, first expiring first, our own goods only unless another owner's act
    is given. With a ``lot`` (receive, opening, count) the lot's attributes are taken over into the books.
    """

    kind: MovementKind
    source: Place
    destination: Place
    item_code: str
    quantity: int
    lot_id: str | None = None
    owner: str | None = None
    lot: Lot | None = None
    owner_act: OwnerAct | None = None
    lease_id: str | None = None
    out_of_order_because: str | None = None


def decide(state: Ledger, wish: Transfer, now: datetime, today: date) -> Decision:
    """Decide one movement (入库、发放、调拨、盘点). ``today`` is the local date, for expiry."""
    problem = _malformed(wish)
    if problem is not None:
        return Decision.refused(state, problem)
    if wish.lease_id is not None:
        lease = state.leases.get(wish.lease_id)
        if lease is None or lease.place != wish.source or lease.lot.item_code != wish.item_code:
            return Decision.refused(state, Reason.UNKNOWN_LEASE, lease_id=wish.lease_id)
        if not lease.binds(now):
            return Decision.refused(state, Reason.LEASE_ENDED, lease_id=wish.lease_id)
        if lease.quantity < wish.quantity:
            return Decision.refused(state, Reason.SHORT, reserved=lease.quantity, asked=wish.quantity)
        wish = replace(wish, lot_id=lease.lot.lot_id, owner=lease.lot.owner)
    if wish.source.kind in EDGES:
        return _bring_in(state, wish, now)
    picked = pick(state, wish, now, today)
    if isinstance(picked, Refusal):
        return Decision(state, picked.reason, facts=picked.facts)
    return _book(state, wish, picked, now)


def _malformed(wish: Transfer) -> Reason | None:
    if not 0 < wish.quantity <= QUANTITY_MAX:
        return Reason.NOT_A_QUANTITY
    if wish.source == wish.destination:
        return Reason.SAME_PLACE
    sources, destinations = PATHS[wish.kind]
    if wish.source.kind not in sources or wish.destination.kind not in destinations:
        return Reason.WRONG_PATH
    if wish.kind is MovementKind.COUNT and (wish.source.kind in EDGES) == (wish.destination.kind in EDGES):
        return Reason.WRONG_PATH
    return None


def _bring_in(state: Ledger, wish: Transfer, now: datetime) -> Decision:
    """Goods enter the books from an edge: the lot must be named, or already known."""
    key = wish.lot.key if wish.lot is not None else None
    if key is None and wish.lot_id is not None and wish.owner is not None:
        key = LotKey(wish.item_code, wish.lot_id, wish.owner)
    if key is None or key.item_code != wish.item_code:
        return Decision.refused(state, Reason.UNKNOWN_LOT)
    known = state.lots.get(key)
    lot = known or wish.lot
    if lot is None or (known is not None and wish.lot is not None and known != wish.lot):
        # the same lot id with another expiry or condition is another lot: it must get another id
        return Decision.refused(state, Reason.UNKNOWN_LOT, lot_id=key.lot_id)
    with_lot = replace(state, lots={**state.lots, key: lot})
    return _book(with_lot, wish, [(key, wish.quantity)], now)


def pick(state: Ledger, wish: Transfer, now: datetime, today: date) -> list[tuple[LotKey, int]] | Refusal:
    """Choose the lots a movement takes (先到期先出), or say what stands in the way."""
    if wish.lot_id is not None:
        return _named_lot(state, wish, now, today)
    left_out: dict[str, int] = {}
    picked: list[tuple[LotKey, int]] = []
    missing = wish.quantity
    for lot in state.lots_at(wish.source, wish.item_code):
        why = _barred(state, wish, lot, today)
        held = state.balance(wish.source, lot.key)
        free = held if wish.kind in FACTS else state.free(wish.source, lot.key, now)
        if why is None:
            take = min(missing, max(0, free))
            if take:
                picked.append((lot.key, take))
                missing -= take
            promised = held - max(0, free)
            if promised:
                left_out[Reason.RESERVED_BY_OTHERS] = left_out.get(Reason.RESERVED_BY_OTHERS, 0) + promised
        else:
            left_out[why] = left_out.get(why, 0) + held
        if not missing:
            return picked
    have = wish.quantity - missing
    reason = next(iter(left_out)) if not have and len(left_out) == 1 else Reason.SHORT
    return Refusal(Reason(reason), {"asked": wish.quantity, "usable": have, "left_out": dict(left_out)})


def _named_lot(state: Ledger, wish: Transfer, now: datetime, today: date) -> list[tuple[LotKey, int]] | Refusal:
    candidates = [
        key
        for (place, key), quantity in state.balances.items()
        if place == wish.source
        and quantity > 0
        and (key.item_code, key.lot_id) == (wish.item_code, wish.lot_id)
        and (wish.owner is None or key.owner == wish.owner)
    ]
    if len(candidates) != 1:
        return Refusal(Reason.UNKNOWN_LOT, {"owners": sorted(key.owner for key in candidates)})
    key = candidates[0]
    why = _barred(state, wish, state.lots[key], today)
    if why is not None:
        return Refusal(why, {"lot_id": key.lot_id, "owner": key.owner})
    held = state.balance(wish.source, key)
    free = held if wish.kind in FACTS else state.free(wish.source, key, now, lease_id=wish.lease_id)
    if free < wish.quantity:
        reason = Reason.RESERVED_BY_OTHERS if held >= wish.quantity else Reason.SHORT
        return Refusal(reason, {"asked": wish.quantity, "usable": max(0, free), "on_hand": held})
    if wish.kind in TO_PEOPLE and wish.lease_id is None and not wish.out_of_order_because:
        earlier = _earlier_lot(state, wish, key, now, today)
        if earlier is not None:
            return Refusal(Reason.EARLIER_LOT_FIRST, {"lot_id": key.lot_id, "first": earlier})
    return [(key, wish.quantity)]


def _earlier_lot(state: Ledger, wish: Transfer, key: LotKey, now: datetime, today: date) -> str | None:
    for lot in state.lots_at(wish.source, wish.item_code):
        if lot.key == key or (lot.expires_on or date.max) >= (state.lots[key].expires_on or date.max):
            return None
        same_owner = lot.key.owner == key.owner
        if same_owner and _barred(state, wish, lot, today) is None and state.free(wish.source, lot.key, now):
            return lot.key.lot_id
    return None


def _barred(state: Ledger, wish: Transfer, lot: Lot, today: date) -> Reason | None:
    """Why this lot may not be taken for this movement, whatever its quantity."""
    if wish.owner is not None and lot.key.owner != wish.owner:
        return Reason.OTHER_OWNER
    if wish.kind in LEAVES_OWNER and lot.key.owner not in state.ours:
        act = wish.owner_act
        if act is None or act.owner != lot.key.owner or not (act.by and act.reference):
            return Reason.OWNER_ACT_MISSING
    if wish.kind in TO_PEOPLE:
        if lot.expired(today):
            return Reason.EXPIRED
        if lot.condition is not Condition.GOOD:
            return Reason.DAMAGED
    return None


def _book(state: Ledger, wish: Transfer, picked: Iterable[tuple[LotKey, int]], now: datetime) -> Decision:
    entries: list[Entry] = []
    changed: list[Lease] = []
    for lot, quantity in picked:
        entries += [Entry(wish.source, lot, -quantity), Entry(wish.destination, lot, quantity)]
        if wish.lease_id is not None:
            used = state.leases[wish.lease_id]
            left = used.quantity - quantity
            changed.append(replace(used, quantity=left, released=left == 0))
        elif wish.kind in FACTS:
            over = quantity - state.free(wish.source, lot, now)
            changed += _cut(state, wish.source, lot, over, now)
    leases = {**state.leases, **{lease.lease_id: lease for lease in changed}}
    after = apply(replace(state, leases=leases), entries)
    return Decision(after, Reason.BOOKED, tuple(entries), tuple(changed))


def _cut(state: Ledger, place: Place, lot: LotKey, over: int, now: datetime) -> list[Lease]:
    """Take back promises that the goods no longer cover, the youngest first."""
    cut: list[Lease] = []
    bound = [lease for lease in state.leases.values() if (lease.place, lease.lot) == (place, lot) and lease.binds(now)]
    for lease in sorted(bound, key=lambda lease: (lease.made_at, lease.lease_id), reverse=True):
        if over <= 0:
            break
        taken = min(over, lease.quantity)
        over -= taken
        cut.append(replace(lease, quantity=lease.quantity - taken, released=lease.quantity == taken))
    return cut


def reserve(state: Ledger, wish: Lease, now: datetime, today: date) -> Decision:
    """Promise goods of one lot at a place to a holder until a time (预留)."""
    if not 0 < wish.quantity <= QUANTITY_MAX:
        return Decision.refused(state, Reason.NOT_A_QUANTITY)
    if wish.until <= now:
        return Decision.refused(state, Reason.NO_END)
    lot = state.lots.get(wish.lot)
    if lot is None or state.balance(wish.place, wish.lot) <= 0 or wish.place.kind in EDGES:
        return Decision.refused(state, Reason.UNKNOWN_LOT)
    if lot.key.owner not in state.ours:
        return Decision.refused(state, Reason.OWNER_ACT_MISSING)
    if lot.expired(today) or (lot.expires_on is not None and wish.until.date() > lot.expires_on):
        return Decision.refused(state, Reason.EXPIRED)
    if lot.condition is not Condition.GOOD:
        return Decision.refused(state, Reason.DAMAGED)
    free = state.free(wish.place, wish.lot, now)
    if free < wish.quantity:
        return Decision.refused(state, Reason.SHORT, asked=wish.quantity, usable=max(0, free))
    leases = {**state.leases, wish.lease_id: wish}
    return Decision(replace(state, leases=leases), Reason.RESERVED, leases=(wish,))


def release(state: Ledger, lease_id: str, now: datetime) -> Decision:
    """Give a promise back before its end (释放预留)."""
    lease = state.leases.get(lease_id)
    if lease is None:
        return Decision.refused(state, Reason.UNKNOWN_LEASE)
    if not lease.binds(now):
        return Decision.refused(state, Reason.LEASE_ENDED)
    freed = replace(lease, released=True)
    return Decision(replace(state, leases={**state.leases, lease_id: freed}), Reason.RELEASED, leases=(freed,))
