"""并入 When a narrower claim joins the order of a wider region, and when it is an order of its own: a truth table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.dispatch.orders.authority import Placement, place
from services.dispatch.orders.events import EffectKind, Join, Lift, Revoke, Sign, StandDown
from services.dispatch.orders.model import Claim, Order, ScopeKind, UnitKind, UnitRef
from services.dispatch.orders.order import step
from shared.vocabulary import Level, Measure
from tests.unit.dispatch.orders_builders import LIFTER, NOW, SAFE, SIGNER, a_claim, go, opened

TOWNSHIP = UnitRef(unit_id="t1", kind=UnitKind.REGION, name="t1", region="t1", within=("d",))
OTHER = UnitRef(unit_id="t2", kind=UnitKind.REGION, name="t2", region="t2", within=("d",))
VILLAGE = UnitRef(unit_id="v1", kind=UnitKind.REGION, name="v1", region="v1", within=("t1", "d"))
SITE_IN_T1 = UnitRef(unit_id="dp-1", kind=UnitKind.SITE, name="dp-1", region="v1", danger_point=True)
FLASH = "flash_flood/v1/1"


def wide(level: Level = Level.ORANGE, *, beforehand: bool = False) -> Claim:
    return replace(
        a_claim(TOWNSHIP, kind=Measure.BAN, level=level, in_force=beforehand, wording_zh=f"禁止{level.value}"),
        scope_kind=ScopeKind.REGION,
    )


def narrow(level: Level = Level.ORANGE, *, beforehand: bool = False, unit: UnitRef = VILLAGE) -> Claim:
    return replace(wide(level, beforehand=beforehand), trip_id=FLASH, scope=unit.unit_id, units=(unit,))


def waiting(level: Level = Level.ORANGE) -> Order:
    return opened(wide(level))


def held(level: Level = Level.ORANGE) -> Order:
    return go(opened(wide(level)), Sign(by=SIGNER))


def raising() -> Order:
    """Orange binds, red waits for its signature."""
    return go(held(), Join(claim=replace(wide(Level.RED), trip_id="rainstorm/t1/1")))


def stood_down() -> Order:
    return go(waiting(), StandDown(trip_id="rainstorm/t1/1", level=Level.NORMAL))


def lifted() -> Order:
    return go(held(), Lift(by=LIFTER, ground="险情解除", inspection=SAFE))


JOINS, OPENS = True, False


@pytest.mark.parametrize(
    ("order", "claim", "joins"),
    [
        # what binds the township binds the village in it
        (held(), narrow(), JOINS),
        (held(), narrow(beforehand=True), JOINS),
        (held(Level.RED), narrow(), JOINS),  # the higher level wins
        (held(), narrow(Level.RED), OPENS),  # the township is told less than the village
        # what waits for a signature serves only what waits for one too
        (waiting(), narrow(), JOINS),
        (waiting(), narrow(beforehand=True), OPENS),
        (waiting(Level.RED), narrow(), JOINS),
        (stood_down(), narrow(), JOINS),
        (raising(), narrow(), JOINS),
        (raising(), narrow(Level.RED), JOINS),
        (raising(), narrow(Level.RED, beforehand=True), OPENS),
        (raising(), narrow(beforehand=True), JOINS),
        # what has ended binds nobody
        (lifted(), narrow(), OPENS),
        (go(waiting(), Revoke(by=SIGNER, ground="误报")), narrow(), OPENS),
        # another place, another measure, another family, another wording, another kind of thing
        (held(), narrow(unit=OTHER), OPENS),
        (held(), replace(narrow(), kind=Measure.EVACUATE), OPENS),
        (held(), replace(narrow(), family="geology"), OPENS),
        (held(), replace(narrow(), wording_zh="禁止下河"), OPENS),
        (held(), narrow(unit=SITE_IN_T1), OPENS),  # a danger point has a row of its own in the measures
        # the wider one is not covered by the narrower
        (go(opened(narrow()), Sign(by=SIGNER)), wide(), OPENS),
    ],
)
def test_a_village_joins_what_covers_it(order: Order, claim: Claim, joins: bool) -> None:
    placed = place(claim, [order])
    if joins:
        assert placed == Placement(joins=((order.order_id, replace(claim, units=())),))
    else:
        assert placed == Placement(opening=claim)


@pytest.mark.parametrize(
    ("order", "effects"),
    [
        (held(), [EffectKind.TRIP_JOINED]),
        (waiting(), [EffectKind.TRIP_JOINED]),
        (raising(), [EffectKind.TRIP_JOINED]),
        (stood_down(), [EffectKind.TRIP_JOINED, EffectKind.CALL_SIGNER]),  # a danger again: its signer is called again
    ],
)
def test_joining_adds_the_trip_and_no_line_of_its_own(order: Order, effects: list[EffectKind]) -> None:
    ((_, part),) = place(narrow(), [order]).joins
    decision = step(order, Join(claim=part), NOW)
    assert [effect.kind for effect in decision.effects] == effects
    assert decision.order.trip_ids == ("rainstorm/t1/1", FLASH)
    assert [unit.unit_id for unit in decision.order.units] == ["t1"]
    assert decision.order.level is order.level


def test_of_several_villages_only_the_uncovered_are_ordered_apart() -> None:
    claim = replace(narrow(), units=(VILLAGE, replace(VILLAGE, unit_id="v9", region="v9", within=("t2", "d"))))
    placed = place(claim, [held()])
    assert placed.joins == (("O-0001", replace(claim, units=())),)
    assert placed.opening is not None
    assert [ref.unit_id for ref in placed.opening.units] == ["v9"]
