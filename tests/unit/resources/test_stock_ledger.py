"""台账 Truth tables of the ledger: what is booked, what is refused and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.resources.stock.book import (
    EDGES,
    PATHS,
    Condition,
    Entry,
    Lease,
    Ledger,
    Lot,
    LotKey,
    MovementKind,
    OwnerAct,
    Place,
    PlaceKind,
    Reason,
    apply,
)
from services.resources.stock.ledger import Transfer, decide, release, reserve
from shared.errors import InvariantBroken

NOW = datetime(2026, 6, 28, 3, 0, tzinfo=UTC)
TODAY = date(2026, 6, 28)
RICE = "1010101"
W1, W2 = Place(PlaceKind.WAREHOUSE, "WH1"), Place(PlaceKind.WAREHOUSE, "WH2")
GONE = Place(PlaceKind.CONSUMED, "S1")
SUPPLIER = Place(PlaceKind.SUPPLIER)
COUNTED = Place(PlaceKind.COUNT_DIFFERENCE)


def lot(lot_id: str, *, expires: date | None = None, owner: str = "district", good: bool = True) -> Lot:
    condition = Condition.GOOD if good else Condition.DAMAGED
    return Lot(LotKey(RICE, lot_id, owner), expires, condition)


def ledger(*rows: tuple[Lot, int]) -> Ledger:
    state = Ledger(ours=frozenset({"district"}), lots={one.key: one for one, _ in rows})
    for one, quantity in rows:
        state = apply(state, [Entry(SUPPLIER, one.key, -quantity), Entry(W1, one.key, quantity)])
    return state


def issue(quantity: int, **more: object) -> Transfer:
    return replace(Transfer(MovementKind.ISSUE, W1, GONE, RICE, quantity), **more)  # type: ignore[arg-type]


def lease(of: Lot, quantity: int, lease_id: str = "L1", hours: int = 6, made_h: int = 0) -> Lease:
    made = NOW + timedelta(hours=made_h)
    return Lease(lease_id, W1, of.key, quantity, "O-1", "evacuation", made, NOW + timedelta(hours=hours))


def test_first_expired_first_out_over_lots() -> None:
    late, soon, keeps = lot("B", expires=date(2027, 1, 1)), lot("A", expires=date(2026, 7, 1)), lot("C")
    state = ledger((late, 5), (soon, 3), (keeps, 9))
    decision = decide(state, issue(10), NOW, TODAY)
    assert decision.reason is Reason.BOOKED
    taken = [(e.lot.lot_id, -e.quantity) for e in decision.entries if e.quantity < 0]
    assert taken == [("A", 3), ("B", 5), ("C", 2)]
    assert decision.state.balance(W1, keeps.key) == 7


@pytest.mark.parametrize(
    ("rows", "wish", "reason"),
    [
        ([(lot("A"), 5)], issue(0), Reason.NOT_A_QUANTITY),
        ([(lot("A"), 5)], issue(-3), Reason.NOT_A_QUANTITY),
        ([(lot("A"), 5)], issue(6), Reason.SHORT),
        ([], issue(1), Reason.SHORT),
        ([(lot("A", expires=date(2026, 6, 27)), 5)], issue(1), Reason.EXPIRED),
        ([(lot("A", expires=TODAY), 5)], issue(1), Reason.BOOKED),
        ([(lot("A", expires=date(2026, 6, 27)), 5)], issue(1, lot_id="A"), Reason.EXPIRED),
        ([(lot("A", good=False), 5)], issue(1), Reason.DAMAGED),
        ([(lot("A"), 5)], issue(1, lot_id="Z"), Reason.UNKNOWN_LOT),
        ([(lot("A"), 5)], issue(1, destination=W1), Reason.SAME_PLACE),
        ([(lot("A"), 5)], issue(1, destination=W2), Reason.WRONG_PATH),
        ([(lot("A", owner="city"), 5)], issue(1), Reason.OWNER_ACT_MISSING),
        (
            [(lot("A", owner="city"), 5)],
            issue(1, owner_act=OwnerAct("central", "clerk", "no. 1")),
            Reason.OWNER_ACT_MISSING,
        ),
        (
            [(lot("A", owner="city"), 5)],
            issue(1, owner_act=OwnerAct("city", "", "no. 1")),
            Reason.OWNER_ACT_MISSING,
        ),
        (
            [(lot("A", owner="city"), 5)],
            issue(1, owner_act=OwnerAct("city", "clerk", "no. 1")),
            Reason.BOOKED,
        ),
        ([(lot("A", owner="city"), 5), (lot("B"), 2)], issue(2), Reason.BOOKED),
        ([(lot("A", owner="city"), 5), (lot("B"), 2)], issue(3), Reason.SHORT),
        ([(lot("A"), 5)], issue(1, lease_id="none"), Reason.UNKNOWN_LEASE),
        (
            [(lot("A", expires=date(2026, 7, 1)), 5), (lot("B"), 5)],
            issue(1, lot_id="B"),
            Reason.EARLIER_LOT_FIRST,
        ),
        (
            [(lot("A", expires=date(2026, 7, 1)), 5), (lot("B"), 5)],
            issue(1, lot_id="B", out_of_order_because="A lies behind the flooded gate"),
            Reason.BOOKED,
        ),
    ],
)
def test_issue(rows: list[tuple[Lot, int]], wish: Transfer, reason: Reason) -> None:
    state = ledger(*rows)
    decision = decide(state, wish, NOW, TODAY)
    assert decision.reason is reason
    if not decision.ok:
        assert decision.state is state
        assert decision.entries == ()


@pytest.mark.parametrize("kind", list(MovementKind))
@pytest.mark.parametrize("source", list(PlaceKind))
@pytest.mark.parametrize("destination", list(PlaceKind))
def test_goods_go_only_where_their_kind_allows(kind: MovementKind, source: PlaceKind, destination: PlaceKind) -> None:
    one = lot("A")
    start, end = Place(source, "x" if source not in EDGES else ""), Place(destination, "y")
    state = Ledger(ours=frozenset({"district"}), lots={one.key: one})
    if source not in EDGES:
        state = apply(state, [Entry(SUPPLIER, one.key, -5), Entry(start, one.key, 5)])
    decision = decide(state, Transfer(kind, start, end, RICE, 5, lot=one), NOW, TODAY)
    allowed = source in PATHS[kind][0] and destination in PATHS[kind][1]
    if kind is MovementKind.COUNT:
        allowed = allowed and (source in EDGES) != (destination in EDGES)
    assert decision.ok == allowed


def test_what_is_promised_is_not_given_to_another_until_the_lease_ends() -> None:
    one = lot("A")
    held = reserve(ledger((one, 10)), lease(one, 8), NOW, TODAY)
    assert held.reason is Reason.RESERVED
    refused = decide(held.state, issue(3), NOW, TODAY)
    assert refused.reason is Reason.SHORT
    assert refused.facts["left_out"] == {"reserved_by_others": 8}
    assert decide(held.state, issue(3, lot_id="A"), NOW, TODAY).reason is Reason.RESERVED_BY_OTHERS
    assert decide(held.state, issue(3), NOW + timedelta(hours=6), TODAY).ok


def test_the_holder_draws_on_the_lease_and_only_on_it() -> None:
    one = lot("A")
    held = reserve(ledger((one, 10)), lease(one, 8), NOW, TODAY)
    drawn = decide(held.state, issue(5, lease_id="L1"), NOW, TODAY)
    assert drawn.ok
    assert drawn.state.leases["L1"].quantity == 3
    assert decide(drawn.state, issue(4, lease_id="L1"), NOW, TODAY).reason is Reason.SHORT
    ended = decide(drawn.state, issue(1, lease_id="L1"), NOW + timedelta(hours=7), TODAY)
    assert ended.reason is Reason.LEASE_ENDED
    emptied = decide(drawn.state, issue(3, lease_id="L1"), NOW, TODAY)
    assert emptied.state.leases["L1"].released


def test_reservations_are_refused_with_their_reason() -> None:
    old, broken, citys, one = (
        lot("O", expires=date(2026, 6, 27)),
        lot("D", good=False),
        lot("C", owner="city"),
        lot("A"),
    )
    state = ledger((old, 5), (broken, 5), (citys, 5), (one, 5))

    def tried(of: Lot, quantity: int = 1, hours: int = 6) -> Reason:
        return reserve(state, lease(of, quantity, hours=hours), NOW, TODAY).reason

    assert tried(old) is Reason.EXPIRED
    assert tried(broken) is Reason.DAMAGED
    assert tried(citys) is Reason.OWNER_ACT_MISSING
    assert tried(one, 6) is Reason.SHORT
    assert tried(one, 0) is Reason.NOT_A_QUANTITY
    assert tried(one, 1, hours=0) is Reason.NO_END
    assert tried(lot("nowhere")) is Reason.UNKNOWN_LOT
    assert release(state, "L9", NOW).reason is Reason.UNKNOWN_LEASE
    held = reserve(state, lease(one, 5), NOW, TODAY).state
    freed = release(held, "L1", NOW)
    assert freed.reason is Reason.RELEASED
    assert release(freed.state, "L1", NOW).reason is Reason.LEASE_ENDED


def test_a_count_is_a_fact_and_cuts_the_youngest_promise() -> None:
    one = lot("A")
    state = ledger((one, 10))
    state = reserve(state, lease(one, 4, "L1"), NOW, TODAY).state
    state = reserve(state, lease(one, 4, "L2", made_h=1), NOW, TODAY).state
    short = decide(state, Transfer(MovementKind.COUNT, W1, COUNTED, RICE, 5, lot_id="A"), NOW, TODAY)
    assert short.ok
    assert short.state.balance(W1, one.key) == 5
    assert [(cut.lease_id, cut.quantity) for cut in short.leases] == [("L2", 1)]
    assert short.state.free(W1, one.key, NOW) == 0


def test_one_lot_id_means_one_lot() -> None:
    one = lot("A", expires=date(2026, 7, 1))
    other = lot("A", expires=date(2027, 7, 1))
    state = ledger((one, 1))
    wish = Transfer(MovementKind.RECEIVE, SUPPLIER, W1, RICE, 5, lot=other)
    assert decide(state, wish, NOW, TODAY).reason is Reason.UNKNOWN_LOT
    assert decide(state, replace(wish, lot=one), NOW, TODAY).state.balance(W1, one.key) == 6


def test_entries_that_do_not_balance_or_overdraw_are_a_bug() -> None:
    one = lot("A")
    with pytest.raises(InvariantBroken, match="balance"):
        apply(Ledger(), [Entry(W1, one.key, 5)])
    with pytest.raises(InvariantBroken, match="less than nothing"):
        apply(Ledger(), [Entry(W1, one.key, -5), Entry(W2, one.key, 5)])
