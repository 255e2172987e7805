"""台账性质 The ledger against a naive model: nothing made or lost, nothing below zero, nothing promised twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.resources.stock.book import (
    EDGES,
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
from services.resources.stock.ledger import Decision, Transfer, decide, release, reserve

START = datetime(2026, 6, 28, 3, 0, tzinfo=UTC)
TODAY = date(2026, 6, 28)
ITEMS = ("1010101", "1010201")
OWNERS = ("district", "city")
PLACES = tuple(Place(PlaceKind.WAREHOUSE, f"WH{n}") for n in (1, 2))
PLACES += (Place(PlaceKind.SHELTER, "S1"),)
TRANSIT = Place(PlaceKind.TRANSIT, "T1")
GONE = Place(PlaceKind.CONSUMED, "S1")
EXPIRY = {"old": date(2026, 6, 27), "soon": date(2026, 7, 1), "late": date(2027, 1, 1), "keeps": None}

quantities = st.integers(min_value=-2, max_value=60)
items = st.sampled_from(ITEMS)
places = st.sampled_from(PLACES)
owners = st.sampled_from(OWNERS)
lot_ids = st.sampled_from(sorted(EXPIRY))


@dataclass
class Naive:
    """What went in and out of each place, as a clerk would note it on paper."""

    came: dict[tuple[Place, LotKey], int] = field(default_factory=dict)
    went: dict[tuple[Place, LotKey], int] = field(default_factory=dict)


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.state = Ledger(ours=frozenset({"district"}))
        self.log: list[tuple[Entry, ...]] = []
        self.paper = Naive()
        self.now = START
        self.leases = 0

    def take(self, decision: Decision, before: Ledger) -> None:
        if not decision.ok:
            assert decision.state is before
            return
        self.state = decision.state
        if decision.entries:
            self.log.append(decision.entries)
        for entry in decision.entries:
            book = self.paper.came if entry.quantity > 0 else self.paper.went
            at = (entry.place, entry.lot)
            book[at] = book.get(at, 0) + abs(entry.quantity)

    def act(self, wish: Transfer) -> Decision:
        decision = decide(self.state, wish, self.now, TODAY)
        self.take(decision, self.state)
        return decision

    @rule(place=places, item=items, lot_id=lot_ids, owner=owners, quantity=quantities, broken=st.booleans())
    def receive(self, place: Place, item: str, lot_id: str, owner: str, quantity: int, broken: bool) -> None:
        name = f"{lot_id}-broken" if broken else lot_id
        condition = Condition.DAMAGED if broken else Condition.GOOD
        lot = Lot(LotKey(item, name, owner), EXPIRY[lot_id], condition)
        supplier = Place(PlaceKind.SUPPLIER)
        decision = self.act(Transfer(MovementKind.RECEIVE, supplier, place, item, quantity, lot=lot))
        assert decision.ok == (quantity > 0)

    @rule(place=places, item=items, quantity=quantities, citys=st.booleans())
    def issue(self, place: Place, item: str, quantity: int, citys: bool) -> None:
        act = OwnerAct("city", "clerk", "no. 1") if citys else None
        decision = self.act(Transfer(MovementKind.ISSUE, place, GONE, item, quantity, owner_act=act))
        left = [entry for entry in decision.entries if entry.quantity < 0]
        for entry in left:
            lot = self.state.lots[entry.lot]
            assert not lot.expired(TODAY)
            assert lot.condition is Condition.GOOD
            assert lot.key.owner == "district" or citys
        ends = [self.state.lots[entry.lot].expires_on or date.max for entry in left]
        assert ends == sorted(ends)

    @rule(source=places, item=items, quantity=quantities)
    def dispatch(self, source: Place, item: str, quantity: int) -> None:
        self.act(Transfer(MovementKind.DISPATCH, source, TRANSIT, item, quantity))

    @rule(destination=places, item=items, quantity=quantities)
    def arrive(self, destination: Place, item: str, quantity: int) -> None:
        self.act(Transfer(MovementKind.ARRIVE, TRANSIT, destination, item, quantity))

    @rule(place=places, item=items, lot_id=lot_ids, owner=owners, quantity=quantities, more=st.booleans())
    def count(self, place: Place, item: str, lot_id: str, owner: str, quantity: int, more: bool) -> None:
        edge = Place(PlaceKind.COUNT_DIFFERENCE)
        source, destination = (edge, place) if more else (place, edge)
        wish = Transfer(MovementKind.COUNT, source, destination, item, quantity, lot_id=lot_id, owner=owner)
        self.act(wish)

    @rule(place=places, item=items, lot_id=lot_ids, quantity=quantities, hours=st.integers(-1, 5))
    def promise(self, place: Place, item: str, lot_id: str, quantity: int, hours: int) -> None:
        self.leases += 1
        key, until = LotKey(item, lot_id, "district"), self.now + timedelta(hours=hours)
        wish = Lease(f"L{self.leases}", place, key, quantity, "O-1", "evacuation", self.now, until)
        self.take(reserve(self.state, wish, self.now, TODAY), self.state)

    @precondition(lambda self: self.leases)
    @rule(which=st.integers(0, 10), quantity=quantities, draw=st.booleans())
    def draw_or_release(self, which: int, quantity: int, draw: bool) -> None:
        name = f"L{which % self.leases + 1}"
        if not draw:
            self.take(release(self.state, name, self.now), self.state)
            return
        lease = self.state.leases.get(name)
        place, item = (lease.place, lease.lot.item_code) if lease else (PLACES[0], ITEMS[0])
        wish = Transfer(MovementKind.ISSUE, place, GONE, item, quantity, lease_id=name)
        if self.act(wish).reason is Reason.BOOKED:
            assert lease is not None
            assert lease.binds(self.now)

    @rule(hours=st.integers(1, 4))
    def advance(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        sums: dict[LotKey, int] = {}
        for (_, lot), quantity in self.state.balances.items():
            sums[lot] = sums.get(lot, 0) + quantity
        assert not any(sums.values())

    @invariant()
    def on_hand_is_what_came_less_what_went(self) -> None:
        for at in {*self.paper.came, *self.paper.went, *self.state.balances}:
            wanted = self.paper.came.get(at, 0) - self.paper.went.get(at, 0)
            assert self.state.balance(*at) == wanted

    @invariant()
    def nowhere_less_than_nothing_and_nothing_promised_twice(self) -> None:
        for (place, lot), quantity in self.state.balances.items():
            if place.kind not in EDGES:
                assert quantity >= 0
                assert 0 <= self.state.leased(place, lot, self.now) <= quantity
        bound = [lease for lease in self.state.leases.values() if lease.binds(self.now)]
        assert all(self.state.balance(lease.place, lease.lot) >= lease.quantity for lease in bound)

    @invariant()
    def the_log_gives_the_same_balance(self) -> None:
        again = Ledger()
        for entries in self.log:
            again = apply(again, entries)
        assert again.balances == self.state.balances


TestLedgerMachine = LedgerMachine.TestCase
