"""措施成立 How an order comes about and grows: opening, taking force, joining of later trips, standing down.

The level in force never falls here. Where a higher level needs a signature, the lower one binds on meanwhile and
the higher one waits as `Raise`; where the higher one waits and a lower one was allowed beforehand, the lower one
takes force at once: more danger must not mean less in force.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.dispatch.orders import people as people_list
from services.dispatch.orders.events import Decision, Effect, EffectKind, Reason
from services.dispatch.orders.model import (
    COUNTERSIGN_WITHIN,
    REVIEW_AFTER,
    TERMINAL,
    UNSIGNED,
    Claim,
    Order,
    OrderState,
    OrderUnit,
    Raise,
    Signature,
    UnitRef,
    Via,
)
from shared.vocabulary import Level, Measure

MOVES_PEOPLE = frozenset({Measure.EVACUATE, Measure.DISPERSE})


def open_order(
    claim: Claim,
    order_id: str,
    incident_id: str,
    now: datetime,
    created_by: str | None = None,
    withdraw_first_by: str | None = None,
) -> Decision:
    """成立 A new order from a claim: in force if that was allowed beforehand, else with the first signer called.

    ``withdraw_first_by`` is a village or township that leads people out before anybody signs (先撤后报): in
    force by its own word, with the signer's countersign due afterwards.
    """
    trips = (claim.trip_id,) if claim.trip_id else ()
    order = Order(
        order_id=order_id,
        incident_id=incident_id,
        trip_ids=trips,
        live_trips=trips,
        hazard=claim.hazard,
        family=claim.family,
        scope=claim.scope,
        scope_kind=claim.scope_kind,
        industry=claim.industry,
        kind=claim.kind,
        level=claim.level,
        ordinal=claim.ordinal,
        wording_zh=claim.wording_zh,
        wording_en=claim.wording_en,
        basis=claim.basis,
        exemptions=claim.exemptions,
        authority=claim.authority,
        units=tuple(_unit(ref, claim.kind, now) for ref in claim.units),
        created_at=now,
        created_by=created_by,
    )
    opened = Effect(kind=EffectKind.OPENED, units=tuple(ref.unit_id for ref in claim.units))
    signature = _beforehand(claim, now)
    if withdraw_first_by is not None:
        signers = claim.authority.signers if claim.authority else ()
        signature = Signature(
            by=withdraw_first_by,
            at=now,
            via=Via.WITHDRAW_FIRST,
            countersign_by=signers[0] if signers else None,
            countersign_due_at=now + COUNTERSIGN_WITHIN if signers else None,
        )
    if signature is not None:
        order, effects = take_force(order, signature, signature.at, late=claim.entered_late)
    else:
        order, effects = _call_first(order, now, late=claim.entered_late)
    return Decision.done(order, opened, *effects)


def take_force(
    order: Order,
    signature: Signature,
    now: datetime,
    late: bool = False,
    only: frozenset[str] | None = None,
) -> tuple[Order, list[Effect]]:
    """生效 Everything that waits takes force (``only``: of these units). Entered late, it starts no clock."""
    effects: list[Effect] = []
    fresh = {u.unit_id for u in order.units if u.state in UNSIGNED and (only is None or u.unit_id in only)}
    raising = order.raise_to
    if raising is not None:
        order = _at_level(order, raising)
        # a higher level is a new order to those under it: acknowledged anew
        fresh |= {u.unit_id for u in order.units if u.held}
        effects.append(Effect(kind=EffectKind.RAISED, units=tuple(sorted(fresh))))
    units = tuple(
        replace(u, state=OrderState.IN_FORCE, changed_at=now, changed_by=signature.by) if u.unit_id in fresh else u
        for u in order.units
    )
    new_review = order.review_at is None or raising is not None
    review_at = now + REVIEW_AFTER[order.level] if new_review and not late else order.review_at
    waiting = any(unit.state in UNSIGNED for unit in units)
    order = replace(
        order,
        units=units,
        raise_to=None,
        signatures=(*order.signatures, signature),
        starts_at=order.starts_at or now,
        review_at=review_at,
        expired=order.expired and not new_review,
        due_at=order.due_at if waiting else None,
        called=order.called if waiting else 0,
    )
    effects.append(Effect(kind=EffectKind.TOOK_FORCE, post=signature.by, units=tuple(sorted(fresh))))
    return order, effects


def join(order: Order, claim: Claim, now: datetime) -> Decision:
    """并入 A later trip, a higher level or further units; nothing in force is weakened by it."""
    if order.state in TERMINAL:
        return Decision.refused(order, Reason.CLOSED)
    effects: list[Effect] = []
    before = order
    if claim.trip_id and claim.trip_id not in order.trip_ids:
        order = replace(order, trip_ids=(*order.trip_ids, claim.trip_id))
        effects.append(Effect(kind=EffectKind.TRIP_JOINED))
    if claim.trip_id and claim.trip_id not in order.live_trips:
        order = replace(order, live_trips=(*order.live_trips, claim.trip_id))
    order, added = _with_units(order, claim, now)
    if added:
        effects.append(Effect(kind=EffectKind.UNITS_ADDED, units=added))
    if claim.in_force:
        order, more = _join_in_force(order, claim, now)
    else:
        order, more = _join_unsigned(order, claim, now, asked=bool(added))
    return Decision.done(order, *effects, *more) if order != before else Decision.unchanged(order)


def _join_in_force(order: Order, claim: Claim, now: datetime) -> tuple[Order, list[Effect]]:
    """The claim was allowed beforehand: its level and units bind from now on."""
    signature = _beforehand(claim, now)
    covered = frozenset(ref.unit_id for ref in claim.units)
    waiting = any(u.unit_id in covered and u.state in UNSIGNED for u in order.units)
    higher = claim.level.rank > order.level.rank
    if signature is None or not (waiting or higher):
        return order, []
    if order.is_held or higher:
        # a still higher level that waits for its signature goes on waiting
        still = order.raise_to if order.raise_to and order.raise_to.level.rank > claim.level.rank else None
        due_at, called = order.due_at, order.called
        order = replace(order, raise_to=_raise_of(claim) if higher else None)
        order, effects = take_force(order, signature, signature.at, late=claim.entered_late, only=covered)
        return (replace(order, raise_to=still, due_at=due_at, called=called) if still else order), effects
    lower = claim.level.rank < order.level.rank
    wanted = _raise_of(order) if lower else None
    due_at, called = order.due_at, order.called
    lower_one = _at_level(order, _raise_of(claim))
    order, effects = take_force(lower_one, signature, signature.at, late=claim.entered_late, only=covered)
    return (replace(order, raise_to=wanted, due_at=due_at, called=called) if wanted else order), effects


def _join_unsigned(order: Order, claim: Claim, now: datetime, asked: bool) -> tuple[Order, list[Effect]]:
    """The claim needs a signature: units and level wait, and its chain is called."""
    wanted = order.raise_to.level if order.raise_to else order.level
    higher = claim.level.rank > wanted.rank
    effects: list[Effect] = []
    if higher and order.is_held:
        order = replace(order, raise_to=_raise_of(claim))
        effects.append(Effect(kind=EffectKind.RAISE_PENDING))
    elif higher:
        order = _at_level(order, _raise_of(claim))
    idle = order.wants_signature and order.due_at is None
    if not (higher or asked or idle):
        return order, []
    if not higher and not idle:
        return order, effects  # the signer who is being called signs for the new units too
    order, calls = _call_first(order, now, late=claim.entered_late)
    return order, effects + calls


def stand_down(order: Order, trip_id: str, level: Level) -> Decision:
    """停止催签 The trip ended or was refuted: nobody is woken any more to sign for it. Nothing in force moves."""
    wanted = order.raise_to.level if order.raise_to else order.level
    if order.state in TERMINAL or trip_id not in order.live_trips or level.rank >= wanted.rank:
        return Decision.unchanged(order)
    order = replace(order, live_trips=tuple(each for each in order.live_trips if each != trip_id))
    if order.live_trips or not order.wants_signature:
        return Decision.done(order)
    units = tuple(replace(u, state=OrderState.PROPOSED) if u.state in UNSIGNED else u for u in order.units)
    order = replace(order, units=units, due_at=None, called=0)
    return Decision.done(order, Effect(kind=EffectKind.STOOD_DOWN))


def _call_first(order: Order, now: datetime, *, late: bool) -> tuple[Order, list[Effect]]:
    """Begin the countdown with the signer; without one the order is only a proposal, and that is an alarm.

    Entered late it is a proposal too, on which the signature is entered as well: it wakes nobody now.
    """
    if late and order.due_at is not None:
        return order, []  # somebody is being called already, for something of now
    authority = order.signing
    able = authority is not None and bool(authority.signers)
    state = OrderState.AWAITING_SIGNATURE if able and not late else OrderState.PROPOSED
    units = tuple(replace(u, state=state) if u.state in UNSIGNED else u for u in order.units)
    if authority is None or not able:
        order = replace(order, units=units, due_at=None, called=0)
        return order, [Effect(kind=EffectKind.NO_SIGNER)]
    if late:
        return replace(order, units=units, due_at=None, called=0), []
    order = replace(order, units=units, due_at=now + authority.step, called=0)
    return order, [Effect(kind=EffectKind.CALL_SIGNER, post=order.next_signer)]


def _with_units(order: Order, claim: Claim, now: datetime) -> tuple[Order, tuple[str, ...]]:
    """Units that the order does not bind yet, or not any more, come in as waiting."""
    bound = {unit.unit_id for unit in order.units if unit.state not in TERMINAL}
    new = [ref for ref in claim.units if ref.unit_id not in bound]
    if not new:
        return order, ()
    names = {ref.unit_id for ref in new}
    kept = tuple(unit for unit in order.units if unit.unit_id not in names)
    added = tuple(_unit(ref, claim.kind, now) for ref in new)
    return replace(order, units=(*kept, *added)), tuple(ref.unit_id for ref in new)


def _unit(ref: UnitRef, kind: Measure, now: datetime) -> OrderUnit:
    listed = people_list.from_list(ref.expected, ref.households, now) if kind in MOVES_PEOPLE else None
    return OrderUnit(
        unit_id=ref.unit_id,
        kind=ref.kind,
        name=ref.name,
        region=ref.region,
        post=ref.post,
        state=OrderState.AWAITING_SIGNATURE,
        people=listed,
    )


def _beforehand(claim: Claim, now: datetime) -> Signature | None:
    """预先授权: the signature that the authority table gave in advance."""
    if not claim.in_force or claim.authority is None or claim.authority.preauthorised_by is None:
        return None
    at = claim.happened_at or now if claim.entered_late else now
    return Signature(by=claim.authority.preauthorised_by, at=at, via=Via.PREAUTHORISED)


def _raise_of(source: Claim | Order) -> Raise:
    return Raise(
        hazard=source.hazard,
        level=source.level,
        wording_zh=source.wording_zh,
        wording_en=source.wording_en,
        basis=source.basis,
        exemptions=source.exemptions,
        authority=source.authority,
    )


def _at_level(order: Order, target: Raise) -> Order:
    return replace(
        order,
        hazard=target.hazard,
        level=target.level,
        wording_zh=target.wording_zh,
        wording_en=target.wording_en,
        basis=target.basis,
        exemptions=target.exemptions,
        authority=target.authority,
    )
