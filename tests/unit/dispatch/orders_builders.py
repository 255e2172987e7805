"""Builders of claims and orders in every state, for the order tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.dispatch.orders.events import (
    Acknowledge,
    Complete,
    Decision,
    Event,
    Lift,
    Progress,
    ReportPeople,
    ReviewDue,
    Revoke,
    Sign,
    StandDown,
)
from services.dispatch.orders.forming import open_order
from services.dispatch.orders.model import (
    Authority,
    Claim,
    Inspection,
    Order,
    OrderState,
    ScopeKind,
    UnitKind,
    UnitRef,
)
from services.dispatch.orders.order import step
from services.dispatch.orders.people import Group, Outcome
from shared.vocabulary import Level, Measure

NOW = datetime(2026, 6, 28, 19, 7, tzinfo=UTC)
SIGNER, DEPUTY, SECOND_DEPUTY, LIFTER, WARDEN = "hq-head", "hq-deputy", "hq-deputy-2", "hq-lifter", "warden"
AUTHORITY = Authority(headquarters="防汛抗旱指挥部", signers=(SIGNER, DEPUTY, SECOND_DEPUTY), minutes=5, lifter=LIFTER)
BEFOREHAND = replace(AUTHORITY, preauthorised_by="warden")
SAFE = Inspection(by="geologist", at=NOW, safe=True, finding="坡体稳定")


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def unit_ref(unit_id: str = "dp-1", *, expected: int = 0, households: tuple[tuple[str, int], ...] = ()) -> UnitRef:
    return UnitRef(
        unit_id=unit_id,
        kind=UnitKind.SITE,
        name=f"点位{unit_id}",
        region="v1",
        post=WARDEN,
        danger_point=True,
        expected=expected,
        households=households,
    )


def a_claim(
    *units: UnitRef,
    kind: Measure = Measure.EVACUATE,
    level: Level = Level.RED,
    in_force: bool = False,
    authority: Authority | None = AUTHORITY,
    trip_id: str = "rainstorm/t1/1",
    wording_zh: str = "撤离",
) -> Claim:
    return Claim(
        trip_id=trip_id,
        hazard="11B03",
        family="flood",
        scope="t1",
        scope_kind=ScopeKind.SITE,
        industry=None,
        kind=kind,
        level=level,
        ordinal=0,
        wording_zh=wording_zh,
        wording_en="leave",
        basis="演示数据",
        exemptions=None,
        units=units or (unit_ref("dp-1", expected=5), unit_ref("dp-2", expected=3)),
        authority=BEFOREHAND if in_force and authority is AUTHORITY else authority,
        in_force=in_force,
    )


def opened(claim: Claim | None = None, *, now: datetime = NOW) -> Order:
    return open_order(claim or a_claim(), "O-0001", "I-0001", now).order


def go(order: Order, *events: Event, now: datetime = NOW) -> Order:
    """Apply events that must all be accepted."""
    for event in events:
        decision = step(order, event, now)
        assert decision.accepted, f"{event}: {decision.reason} {decision.detail or ''}"
        order = decision.order
    return order


def everyone_away(order: Order, now: datetime = NOW) -> Order:
    for unit in order.units:
        people = unit.people.expected if unit.people else 0
        group = Group(ref="all", people=people, outcome=Outcome.SHELTER, by=WARDEN, at=now)
        order = go(order, ReportPeople(by=WARDEN, unit_id=unit.unit_id, groups=(group,)), now=now)
    return order


def in_state(state: OrderState, kind: Measure = Measure.EVACUATE) -> Order:
    """An order in the state, as ordinary events lead there."""
    order = opened(a_claim(kind=kind))
    if state is OrderState.PROPOSED:
        return go(order, StandDown(trip_id="rainstorm/t1/1", level=Level.NORMAL))
    if state is OrderState.AWAITING_SIGNATURE:
        return order
    if state is OrderState.REVOKED:
        return go(order, Revoke(by=SIGNER, ground="误报"))
    order = go(order, Sign(by=SIGNER))
    if kind in (Measure.EVACUATE, Measure.DISPERSE) and state in (OrderState.COMPLETE, OrderState.LIFTED):
        order = everyone_away(order)
    path: dict[OrderState, tuple[Event, ...]] = {
        OrderState.IN_FORCE: (),
        OrderState.ACKNOWLEDGED: (Acknowledge(by=WARDEN),),
        OrderState.IN_PROGRESS: (Acknowledge(by=WARDEN), Progress(by=WARDEN)),
        OrderState.COMPLETE: (Complete(by=WARDEN),),
        OrderState.LIFTED: (Lift(by=LIFTER, ground="险情解除", inspection=SAFE),),
    }
    if state is OrderState.EXPIRED_NOT_LIFTED:
        assert order.review_at is not None
        return go(order, ReviewDue(), now=order.review_at)
    return go(order, *path[state])


def refusal(decision: Decision) -> str | None:
    return None if decision.accepted else decision.reason.value
