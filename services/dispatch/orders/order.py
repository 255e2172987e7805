"""措施状态机 `step(order, event, now) -> Decision`: how an order lives, and every step that is refused.

Nothing takes force by silence (a countdown only calls the next signer), nothing leaves force without a signed
lifting or revoking, and an hour that has passed makes an order *expired, not lifted* (design §2.5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.dispatch.orders import people as people_list
from services.dispatch.orders.events import (
    Acknowledge,
    Act,
    Complete,
    CountdownDue,
    CountersignDue,
    Decision,
    Effect,
    EffectKind,
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
from services.dispatch.orders.forming import join, stand_down, take_force
from services.dispatch.orders.model import (
    CLOCK_LEEWAY,
    COUNTERSIGN_WITHIN,
    TERMINAL,
    UNIT_HELD,
    UNSIGNED,
    Closing,
    Inspection,
    Order,
    OrderState,
    OrderUnit,
    Return,
    Signature,
    Via,
)
from shared.vocabulary import Measure

CLOCK_SLACK = timedelta(minutes=1)
"""How far an act's own clock may be ahead of ours."""


def step(order: Order, event: Event, now: datetime) -> Decision:
    """推进 Apply one event to one order; the same event again changes nothing more."""
    if isinstance(event, Act):
        if event.happened_at is not None and event.happened_at > now + CLOCK_SLACK:
            return Decision.refused(order, Reason.IN_THE_FUTURE)
        now = event.happened_at or now
    return _HANDLERS[type(event)](order, event, now)


# --- signing -------------------------------------------------------------------------------------------------


def _sign(order: Order, event: Sign, now: datetime) -> Decision:
    owed = any(s.wants_countersign and s.countersign_by == event.by for s in order.signatures)
    if order.state in TERMINAL and not owed:  # what was said on the telephone is countersigned even after the end
        return Decision.refused(order, Reason.CLOSED)
    refusal = _may_not_sign(order, event)
    if refusal is not None and not owed:
        signed_before = any(s.by == event.by or s.countersign_by == event.by for s in order.signatures)
        if refusal is Reason.NOTHING_TO_SIGN and signed_before:
            return Decision.unchanged(order)
        return Decision.refused(order, refusal)
    effects: list[Effect] = []
    if owed:
        order = replace(order, signatures=tuple(_countersigned(s, event.by, now) for s in order.signatures))
        effects.append(Effect(kind=EffectKind.COUNTERSIGNED, post=event.by))
    if refusal is None:
        signature = Signature(by=event.by, at=now, via=Via.HAND)
        order, more = take_force(order, signature, now, late=event.entered_late)
        effects += more
    return Decision.done(order, *effects)


def _sign_by_phone(order: Order, event: SignByPhone, now: datetime) -> Decision:
    if order.state in TERMINAL:
        return Decision.refused(order, Reason.CLOSED)
    if not (event.number.strip() and event.words.strip() and event.recorded_by.strip()):
        return Decision.refused(order, Reason.CALL_BACK_INCOMPLETE)
    if event.recorded_by == event.by:
        return Decision.refused(order, Reason.RECORDER_IS_SIGNER)
    refusal = _may_not_sign(order, event)
    if refusal is not None:
        owed = any(s.wants_countersign and s.countersign_by == event.by for s in order.signatures)
        open_call = refusal is Reason.NOTHING_TO_SIGN and owed
        return Decision.refused(order, Reason.COUNTERSIGN_OPEN if open_call else refusal)
    signature = Signature(
        by=event.by,
        at=now,
        via=Via.PHONE,
        number=event.number,
        words=event.words,
        recorded_by=event.recorded_by,
        countersign_by=event.by,
        countersign_due_at=None if event.entered_late else now + COUNTERSIGN_WITHIN,
    )
    order, effects = take_force(order, signature, now, late=event.entered_late)
    return Decision.done(order, *effects)


def _may_not_sign(order: Order, event: Act) -> Reason | None:
    if not order.wants_signature:
        return Reason.NOTHING_TO_SIGN
    authority = order.signing
    if authority is None or not authority.signers:
        return Reason.NO_AUTHORITY
    if event.by not in authority.signers:
        return Reason.NOT_SIGNER
    # what was signed in the dark is judged by who signed, not by where our countdown stood meanwhile
    if event.by not in order.may_sign and not event.entered_late:
        return Reason.NOT_YET_ACTING
    return None


def _countersigned(signature: Signature, by: str, now: datetime) -> Signature:
    if signature.wants_countersign and signature.countersign_by == by:
        return replace(signature, countersigned_at=now)
    return signature


def _countdown_due(order: Order, event: CountdownDue, now: datetime) -> Decision:
    authority = order.signing
    if authority is None or order.due_at is None or now < order.due_at or not order.wants_signature:
        return Decision.unchanged(order, Reason.NOT_DUE)
    called = order.called + 1
    order = replace(order, called=called, due_at=now + authority.step)
    effects = [Effect(kind=EffectKind.CALL_SIGNER, post=order.next_signer)]
    if called % len(authority.signers) == 0:
        effects.insert(0, Effect(kind=EffectKind.NO_SIGNER, post=authority.headquarters))
    return Decision.done(order, *effects)


def _countersign_due(order: Order, event: CountersignDue, now: datetime) -> Decision:
    due = order.countersign_due_at
    if due is None or now < due:
        return Decision.unchanged(order, Reason.NOT_DUE)
    late = [s for s in order.signatures if _overdue(s, now)]
    marked = tuple(replace(s, countersign_overdue=True) if s in late else s for s in order.signatures)
    effects = [Effect(kind=EffectKind.COUNTERSIGN_OVERDUE, post=s.countersign_by) for s in late]
    return Decision.done(replace(order, signatures=marked), *effects)


def _overdue(signature: Signature, now: datetime) -> bool:
    """Not countersigned in time, and not yet said; several that fell due together are said together."""
    due = signature.countersign_due_at
    return signature.wants_countersign and not signature.countersign_overdue and due is not None and due <= now


# --- carrying out --------------------------------------------------------------------------------------------


def _advance(order: Order, event: Acknowledge | Progress | Complete, now: datetime) -> Decision:
    target = {
        Acknowledge: OrderState.ACKNOWLEDGED,
        Progress: OrderState.IN_PROGRESS,
        Complete: OrderState.COMPLETE,
    }[type(event)]
    chosen, refusal = _held_units(order, event.units)
    if refusal is not None:
        return refusal
    if target is OrderState.COMPLETE:
        for unit in chosen:
            unfinished = _unfinished(unit)
            if unfinished is not None:
                return Decision.refused(order, *unfinished)
    note = event.note if isinstance(event, Progress) else None
    moving = {u.unit_id for u in chosen if UNIT_HELD.index(u.state) < UNIT_HELD.index(target)}
    if note is not None:
        moving |= {u.unit_id for u in chosen if u.state is target and u.note != note}
    if not moving:
        return Decision.unchanged(order)
    units = tuple(
        replace(u, state=target, changed_at=now, changed_by=event.by, note=note or u.note) if u.unit_id in moving else u
        for u in order.units
    )
    kind = EffectKind.COMPLETED if target is OrderState.COMPLETE else EffectKind.PROGRESSED
    return Decision.done(replace(order, units=units), Effect(kind=kind, units=tuple(sorted(moving))))


def _unfinished(unit: OrderUnit) -> tuple[Reason, str] | None:
    """Why a unit that moves people cannot be called done."""
    if unit.people is None:
        return None
    if unit.people.unaccounted:
        return Reason.PEOPLE_UNACCOUNTED, f"{unit.name} {unit.unit_id}: {unit.people.unaccounted}"
    if unit.people.returned:
        return Reason.PEOPLE_RETURNED, f"{unit.name} {unit.unit_id}: {unit.people.returned}"
    if unit.people.unnamed_refusals:
        return Reason.REFUSALS_UNNAMED, f"{unit.name} {unit.unit_id}: {unit.people.unnamed_refusals}"
    return None


def _report_people(order: Order, event: ReportPeople, now: datetime) -> Decision:
    # people may leave before the paper is signed (先撤后报): only an ended order takes no more reports
    if order.state in TERMINAL:
        return Decision.refused(order, Reason.CLOSED)
    if not order.moves_people:
        return Decision.refused(order, Reason.MOVES_NOBODY)
    unit = order.unit(event.unit_id)
    if unit is None or unit.people is None or unit.state in TERMINAL:
        return Decision.refused(order, Reason.UNKNOWN_UNIT, event.unit_id)
    wrong = people_list.wrong_with(event.groups, event.numbers, event.listed)
    if wrong is not None:
        return Decision.refused(order, Reason.PEOPLE_UNUSABLE, wrong)
    before = unit.people
    after = people_list.report(before, event.groups, event.numbers, event.listed)
    if after == before:
        return Decision.unchanged(order)
    state = unit.state
    if unit.held and state is not OrderState.COMPLETE:
        state = OrderState.IN_PROGRESS
    elif state is OrderState.COMPLETE and _unfinished(replace(unit, people=after)) is not None:
        state = OrderState.IN_PROGRESS  # somebody went back or was missed: it is not done any more
    here = (unit.unit_id,)
    effects = [Effect(kind=EffectKind.PEOPLE, units=here)]
    if event.listed is None and after.expected > before.expected:
        effects.append(Effect(kind=EffectKind.MORE_PEOPLE, units=here))
    if after.returned > before.returned:
        effects.append(Effect(kind=EffectKind.RETURNED_UNASKED, units=here, post=unit.post))
    changed = replace(unit, people=after, state=state, changed_at=now, changed_by=event.by)
    units = tuple(changed if u.unit_id == unit.unit_id else u for u in order.units)
    return Decision.done(replace(order, units=units), *effects)


def _held_units(order: Order, names: tuple[str, ...]) -> tuple[list[OrderUnit], Decision | None]:
    """The units that an act is about; no names means all that are held."""
    if order.state in TERMINAL:
        return [], Decision.refused(order, Reason.CLOSED)
    held = {unit.unit_id: unit for unit in order.units if unit.held}
    if not held:
        return [], Decision.refused(order, Reason.NOT_IN_FORCE)
    unknown = [name for name in names if name not in held]
    if unknown:
        return [], Decision.refused(order, Reason.UNKNOWN_UNIT, ", ".join(unknown))
    return [held[name] for name in names or held], None


# --- reviewing and ending ------------------------------------------------------------------------------------


def _review_due(order: Order, event: ReviewDue, now: datetime) -> Decision:
    if not order.is_held or order.expired or order.review_at is None or now < order.review_at:
        return Decision.unchanged(order, Reason.NOT_DUE)
    lifter = order.authority.lifter if order.authority else None
    return Decision.done(replace(order, expired=True), Effect(kind=EffectKind.EXPIRED, post=lifter))


def _extend(order: Order, event: Extend, now: datetime) -> Decision:
    if order.state in TERMINAL:
        return Decision.refused(order, Reason.CLOSED)
    if not order.is_held:
        return Decision.refused(order, Reason.NOT_IN_FORCE)
    if event.by not in _issuers(order) | _lifters(order):
        return Decision.refused(order, Reason.NOT_ISSUER)
    if not event.ground.strip():
        return Decision.refused(order, Reason.GROUND_MISSING)
    if event.review_at == order.review_at and not order.expired:
        return Decision.unchanged(order)
    if event.review_at <= max(now, order.review_at or now):
        return Decision.refused(order, Reason.REVIEW_NOT_LATER)
    extended = replace(order, review_at=event.review_at, expired=False)
    return Decision.done(extended, Effect(kind=EffectKind.EXTENDED, post=event.by))


def _lift(order: Order, event: Lift, now: datetime) -> Decision:
    if order.state is OrderState.LIFTED and order.closing and order.closing.by == event.by:
        return Decision.unchanged(order)
    chosen, refusal = _held_units(order, event.units)
    if refusal is not None:
        return refusal
    if event.by not in _lifters(order):
        return Decision.refused(order, Reason.NOT_LIFTER)
    if not event.ground.strip():
        return Decision.refused(order, Reason.GROUND_MISSING)
    if order.kind is Measure.EVACUATE:
        unsafe = _unsafe(order, event.inspection, now)
        if unsafe is not None:
            return Decision.refused(order, unsafe)
    lifted = {unit.unit_id for unit in chosen}
    units = tuple(
        replace(u, state=OrderState.LIFTED, changed_at=now, changed_by=event.by) if u.unit_id in lifted else u
        for u in order.units
    )
    closing = Closing(by=event.by, at=now, ground=event.ground, inspection=event.inspection)
    order = replace(order, units=units, closing=closing)
    if not any(unit.held for unit in units):
        order = _without_raise(replace(order, expired=False, review_at=None))
    return Decision.done(order, Effect(kind=EffectKind.LIFTED, post=event.by, units=tuple(sorted(lifted))))


def _revoke(order: Order, event: Revoke, now: datetime) -> Decision:
    if order.state in TERMINAL:
        again = order.state is OrderState.REVOKED and order.closing and order.closing.by == event.by
        return Decision.unchanged(order) if again else Decision.refused(order, Reason.CLOSED)
    unsigned_only = event.unsigned_only or not order.is_held
    if unsigned_only and not order.wants_signature:
        return Decision.refused(order, Reason.NOTHING_TO_SIGN)
    allowed = _issuers(order) | ({order.created_by} if unsigned_only and order.created_by else set())
    if event.by not in allowed:
        return Decision.refused(order, Reason.NOT_ISSUER)
    if not event.ground.strip():
        return Decision.refused(order, Reason.GROUND_MISSING)
    gone = {u.unit_id for u in order.units if u.state in UNSIGNED or (u.held and not unsigned_only)}
    units = tuple(
        replace(u, state=OrderState.REVOKED, changed_at=now, changed_by=event.by) if u.unit_id in gone else u
        for u in order.units
    )
    closing = Closing(by=event.by, at=now, ground=event.ground)
    order = replace(_without_raise(order), units=units, closing=closing, due_at=None, called=0)
    if not order.is_held:
        order = replace(order, expired=False, review_at=None)
    kind = EffectKind.DECLINED if unsigned_only else EffectKind.REVOKED
    return Decision.done(order, Effect(kind=kind, post=event.by, units=tuple(sorted(gone))))


def _permit_return(order: Order, event: PermitReturn, now: datetime) -> Decision:
    if not order.moves_people:
        return Decision.refused(order, Reason.MOVES_NOBODY)
    if order.state is not OrderState.LIFTED:
        return Decision.refused(order, Reason.NOT_LIFTED)
    if order.returned is not None:
        return Decision.unchanged(order)
    if event.by not in _issuers(order) | _lifters(order):
        return Decision.refused(order, Reason.NOT_ISSUER)
    unsafe = _unsafe(order, event.inspection, now)
    if unsafe is not None or event.inspection is None:
        return Decision.refused(order, unsafe or Reason.INSPECTION_MISSING)
    leave = Return(by=event.by, at=now, inspection=event.inspection)
    return Decision.done(replace(order, returned=leave), Effect(kind=EffectKind.RETURN_PERMITTED, post=event.by))


def _unsafe(order: Order, inspection: Inspection | None, now: datetime) -> Reason | None:
    if inspection is None or not (inspection.by.strip() and inspection.finding.strip()):
        return Reason.INSPECTION_MISSING
    if not inspection.safe:
        return Reason.INSPECTION_UNSAFE
    if inspection.at > now + CLOCK_LEEWAY:
        return Reason.INSPECTION_IN_FUTURE
    # people write an inspection's time to the minute
    if order.starts_at is not None and inspection.at < order.starts_at.replace(second=0, microsecond=0):
        return Reason.INSPECTION_TOO_OLD
    return None


def _without_raise(order: Order) -> Order:
    """No higher level waits any more; the countdown goes on only for units that still wait."""
    waiting = any(unit.state in UNSIGNED for unit in order.units)
    return replace(order, raise_to=None, due_at=order.due_at if waiting else None)


def _issuers(order: Order) -> set[str]:
    """签发机关: signer, deputies and who allowed it beforehand."""
    found: set[str] = {signature.by for signature in order.signatures}
    for authority in (order.authority, order.raise_to.authority if order.raise_to else None):
        if authority is not None:
            found |= {*authority.signers, *filter(None, [authority.preauthorised_by])}
    return found


def _lifters(order: Order) -> set[str]:
    return {order.authority.lifter} if order.authority else set()


def _join(order: Order, event: Join, now: datetime) -> Decision:
    return join(order, event.claim, now)


def _stand_down(order: Order, event: StandDown, now: datetime) -> Decision:
    return stand_down(order, event.trip_id, event.level)


_HANDLERS: dict[type, Callable[[Order, Any, datetime], Decision]] = {
    Sign: _sign,
    SignByPhone: _sign_by_phone,
    Acknowledge: _advance,
    Progress: _advance,
    Complete: _advance,
    ReportPeople: _report_people,
    Extend: _extend,
    Lift: _lift,
    Revoke: _revoke,
    PermitReturn: _permit_return,
    Join: _join,
    StandDown: _stand_down,
    CountdownDue: _countdown_due,
    CountersignDue: _countersign_due,
    ReviewDue: _review_due,
}
