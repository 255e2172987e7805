"""措施状态机 The order machine against a naive model of what binds whom, in any order of events."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.dispatch.orders.events import (
    Acknowledge,
    Complete,
    CountdownDue,
    CountersignDue,
    Event,
    Extend,
    Join,
    Lift,
    PermitReturn,
    Progress,
    Reason,
    ReportPeople,
    ReviewDue,
    Revoke,
    Sign,
    SignByPhone,
    StandDown,
)
from services.dispatch.orders.forming import open_order
from services.dispatch.orders.model import HELD, TERMINAL, Inspection, Order, OrderState
from services.dispatch.orders.order import step
from services.dispatch.orders.people import REPORTED, Group, Outcome, Tally
from shared.vocabulary import Level, Measure
from tests.unit.dispatch.orders_builders import (
    DEPUTY,
    LIFTER,
    NOW,
    SECOND_DEPUTY,
    SIGNER,
    WARDEN,
    a_claim,
    unit_ref,
)

POSTS = st.sampled_from([SIGNER, DEPUTY, SECOND_DEPUTY, LIFTER, WARDEN, "stranger"])
UNITS = st.sampled_from(["dp-1", "dp-2", "dp-3"])
SOME_UNITS = st.lists(UNITS, unique=True, max_size=2).map(tuple)
LEVELS = st.sampled_from([Level.YELLOW, Level.ORANGE, Level.RED])
COUNTS = st.integers(-1, 6)
NAMED = st.builds(
    Group,
    ref=st.sampled_from(["H1", "H2", ""]),
    people=COUNTS,
    outcome=st.sampled_from(list(Outcome)),
    returned=st.integers(0, 2),
    with_them=st.sampled_from([None, "head"]),
    by=st.just(WARDEN),
    at=st.just(NOW),
)
NUMBERS = st.one_of(st.none(), st.builds(Tally, shelter=COUNTS, refused=st.integers(0, 2), returned=st.integers(0, 2)))
GROUND = st.sampled_from(["核查安全", ""])


class OrderMachine(RuleBasedStateMachine):
    """The model knows three things: which units bind, at what level, and that only two acts may end that."""

    order: Order

    @initialize(
        kind=st.sampled_from([Measure.EVACUATE, Measure.BAN]), level=LEVELS, in_force=st.booleans(), able=st.booleans()
    )
    def begin(self, kind: Measure, level: Level, in_force: bool, able: bool) -> None:
        self.now = NOW
        self.kind = kind
        authority = {} if able or in_force else {"authority": None}
        claim = a_claim(kind=kind, level=level, in_force=in_force, **authority)  # type: ignore[arg-type] - by name
        self.order = open_order(claim, "O-0001", "I-0001", NOW).order
        self.bound = {unit.unit_id for unit in self.order.units} if in_force else set()
        self.level = level if in_force else None
        self.trips = {"rainstorm/t1/1"}

    def apply(self, event: Event) -> None:
        before = self.order
        decision = step(before, event, self.now)
        after = decision.order
        if not decision.accepted:
            assert after == before
            assert not decision.effects
            return
        self.order = after
        self.no_force_by_itself(before, event)
        self.no_release_by_itself(before, event)
        again = step(after, event, self.now)
        if not isinstance(event, CountdownDue):
            assert again.order == after, f"{event} twice is not once"
            assert again.effects == ()
        if before.state in TERMINAL:
            assert after.state is before.state
            # what was signed by telephone stays owed in writing when the measure has ended
            assert decision.reason is not Reason.DONE or isinstance(event, PermitReturn | CountersignDue | Sign)

    def no_force_by_itself(self, before: Order, event: Event) -> None:
        held = {unit.unit_id for unit in self.order.units if unit.held}
        gained = held - self.bound
        if gained or self.order.level.rank > before.level.rank:
            signs = isinstance(event, Sign | SignByPhone)
            beforehand = isinstance(event, Join) and event.claim.in_force
            assert signs or beforehand or not before.is_held, event
            assert not gained or signs or beforehand, event
        self.bound |= gained

    def no_release_by_itself(self, before: Order, event: Event) -> None:
        held = {unit.unit_id for unit in self.order.units if unit.held}
        lost = self.bound - held
        if lost:
            assert isinstance(event, Lift | Revoke), event
        if self.bound and held and before.is_held:
            assert self.order.level.rank >= before.level.rank
        self.bound = held

    # -- what people do ----------------------------------------------------------------------------------

    @rule(by=POSTS, late=st.booleans())
    def sign(self, by: str, late: bool) -> None:
        self.apply(Sign(by=by, happened_at=self.now if late else None, entered_late=late))

    @rule(by=POSTS, words=st.sampled_from(["同意", ""]))
    def sign_by_phone(self, by: str, words: str) -> None:
        self.apply(SignByPhone(by=by, number="00000000001", words=words, recorded_by="officer"))

    @rule(units=SOME_UNITS)
    def acknowledge(self, units: tuple[str, ...]) -> None:
        self.apply(Acknowledge(by=WARDEN, units=units))

    @rule(units=SOME_UNITS, note=st.sampled_from([None, "在路上"]))
    def progress(self, units: tuple[str, ...], note: str | None) -> None:
        self.apply(Progress(by=WARDEN, units=units, note=note))

    @rule(unit=UNITS, groups=st.lists(NAMED, max_size=2).map(tuple), numbers=NUMBERS, listed=st.none() | COUNTS)
    def people(self, unit: str, groups: tuple[Group, ...], numbers: Tally | None, listed: int | None) -> None:
        self.apply(ReportPeople(by=WARDEN, unit_id=unit, groups=groups, numbers=numbers, listed=listed))

    @rule(units=SOME_UNITS)
    def complete(self, units: tuple[str, ...]) -> None:
        before = self.order
        self.apply(Complete(by=WARDEN, units=units))
        if self.order is not before:
            for unit in self.order.units:
                if unit.state is OrderState.COMPLETE and unit.people is not None:
                    assert unit.people.unaccounted == unit.people.returned == unit.people.unnamed_refusals == 0

    @rule(by=POSTS, units=SOME_UNITS, safe=st.booleans(), ground=GROUND, looked=st.booleans())
    def lift(self, by: str, units: tuple[str, ...], safe: bool, ground: str, looked: bool) -> None:
        inspection = Inspection(by="geologist", at=self.now, safe=safe, finding="看过") if looked else None
        before = self.order
        self.apply(Lift(by=by, units=units, ground=ground, inspection=inspection))
        if self.order is not before and any(u.held for u in before.units):
            assert by == LIFTER
            assert self.kind is not Measure.EVACUATE or (looked and safe)

    @rule(by=POSTS, ground=GROUND, unsigned_only=st.booleans())
    def revoke(self, by: str, ground: str, unsigned_only: bool) -> None:
        self.apply(Revoke(by=by, ground=ground, unsigned_only=unsigned_only))

    @rule(by=POSTS, safe=st.booleans())
    def permit_return(self, by: str, safe: bool) -> None:
        before = self.order
        self.apply(PermitReturn(by=by, inspection=Inspection(by="g", at=self.now, safe=safe, finding="看过")))
        if self.order.returned and not before.returned:
            assert before.state is OrderState.LIFTED
            assert safe

    @rule(by=POSTS, hours=st.integers(-2, 48))
    def extend(self, by: str, hours: int) -> None:
        self.apply(Extend(by=by, review_at=self.now + timedelta(hours=hours), ground="雨未停"))

    # -- what happens ------------------------------------------------------------------------------------

    @rule(level=LEVELS, in_force=st.booleans(), trip=st.integers(1, 3), units=st.lists(UNITS, unique=True, min_size=1))
    def join(self, level: Level, in_force: bool, trip: int, units: list[str]) -> None:
        trip_id = f"rainstorm/t1/{trip}"
        refs = [unit_ref(name, expected=4) for name in units]
        if self.order.state not in TERMINAL:
            self.trips.add(trip_id)
        self.apply(Join(claim=a_claim(*refs, kind=self.kind, level=level, in_force=in_force, trip_id=trip_id)))

    @rule(trip=st.integers(1, 3), level=st.sampled_from([Level.NORMAL, Level.ORANGE]))
    def stand_down(self, trip: int, level: Level) -> None:
        self.apply(StandDown(trip_id=f"rainstorm/t1/{trip}", level=level))

    @rule(minutes=st.integers(1, 600))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def timers(self) -> None:
        for event in (CountdownDue(), CountersignDue(), ReviewDue()):
            self.apply(event)

    # -- what must always hold ---------------------------------------------------------------------------

    @invariant()
    def what_binds_is_what_the_model_says(self) -> None:
        assert {unit.unit_id for unit in self.order.units if unit.held} == self.bound
        assert bool(self.bound) == (self.order.state in HELD)

    @invariant()
    def people_add_up(self) -> None:
        people = self.order.people
        figures = people.as_dict()
        assert figures["expected"] == sum(people.count(each) for each in REPORTED) + figures["not_found"]
        assert all(figure >= 0 for figure in figures.values())

    @invariant()
    def trips_only_grow(self) -> None:
        assert set(self.order.trip_ids) == self.trips

    @invariant()
    def a_countdown_runs_only_for_a_signature(self) -> None:
        assert self.order.due_at is None or self.order.wants_signature
        assert (self.order.next_signer is None) or self.order.wants_signature

    @invariant()
    def in_force_has_an_issuer_and_a_start(self) -> None:
        if self.order.is_held:
            assert self.order.issuer
            assert self.order.starts_at


TestOrderMachine = OrderMachine.TestCase
