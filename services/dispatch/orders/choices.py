"""可办事项 What one person may do next with an order, and why not the rest.

Nothing is decided here: each act is tried on the state machine itself with inputs that are in order, so that the page
offers what the service will take. Inputs of the person's own (an inspection, a ground) may still be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from services.dispatch.orders.events import (
    REASON_TEXT,
    Acknowledge,
    Complete,
    Decision,
    Event,
    Extend,
    Lift,
    PermitReturn,
    Progress,
    Reason,
    ReportPeople,
    Revoke,
    Sign,
    SignByPhone,
)
from services.dispatch.orders.model import Inspection, Order
from services.dispatch.orders.order import step
from services.dispatch.orders.people import Tally
from services.dispatch.orders.roles import DOERS, RECORDERS, REVOKERS, SIGNERS
from shared.pack.model import Pack
from shared.vocabulary import Role

SOME = "-"  # whatever a person would write


class Choice(StrEnum):
    """办理事项: in the order in which an order lives"""

    SIGN = "sign"
    SIGN_BY_PHONE = "sign_by_phone"
    DECLINE = "decline"
    ACKNOWLEDGE = "acknowledge"
    PROGRESS = "progress"
    PEOPLE = "people"
    COMPLETE = "complete"
    EXTEND = "extend"
    LIFT = "lift"
    PERMIT_RETURN = "permit_return"
    REVOKE = "revoke"


MAY: Mapping[Choice, Sequence[Role]] = {
    Choice.SIGN: SIGNERS,
    Choice.SIGN_BY_PHONE: RECORDERS,
    Choice.DECLINE: REVOKERS,
    Choice.ACKNOWLEDGE: DOERS,
    Choice.PROGRESS: DOERS,
    Choice.PEOPLE: DOERS,
    Choice.COMPLETE: DOERS,
    Choice.EXTEND: SIGNERS,
    Choice.LIFT: SIGNERS,
    Choice.PERMIT_RETURN: SIGNERS,
    Choice.REVOKE: REVOKERS,
}
WRONG_ROLE = ("您的角色不能办理此项", "your role does not do this")
OUTSIDE_AREA = ("不在您的责任区", "it lies outside your area")


@dataclass(frozen=True, kw_only=True)
class Me:
    """办理人: the post that signs, that carries out, that ends; ``units`` are those in one's area"""

    roles: frozenset[str]
    signer: str
    doer: str
    ender: str
    units: tuple[str, ...]


def choices(order: Order, me: Me, now: datetime) -> list[dict[str, Any]]:
    """``state``: open (may be done), done (was done already), refused (and why)."""
    return [_choice(order, choice, me, now) for choice in Choice]


def holders(order: Order, pack: Pack | None) -> dict[str, str]:
    """持岗人 Who holds the posts that the order names: its signers, lifter, units' posts."""
    named: set[str | None] = {order.next_signer, order.issuer, *(unit.post for unit in order.units)}
    named |= {s.by for s in order.signatures} | {s.countersign_by for s in order.signatures}
    for authority in (order.authority, order.signing):
        named |= {authority.lifter, *authority.signers} if authority else set()
    roster = pack.roster if pack else {}
    return {post: roster[post].person for post in sorted(filter(None, named)) if post in roster}


def _choice(order: Order, choice: Choice, me: Me, now: datetime) -> dict[str, Any]:
    if not me.roles & set(MAY[choice]):
        return _out(choice, "refused", "wrong_role", WRONG_ROLE)
    if MAY[choice] is DOERS and not me.units:
        return _out(choice, "refused", "outside_area", OUTSIDE_AREA)
    decision = _tried(order, choice, me, now)
    done = decision.reason is Reason.ALREADY and choice not in (Choice.PROGRESS, Choice.PEOPLE, Choice.EXTEND)
    state = "refused" if not decision.accepted else "done" if done else "open"
    zh, en = REASON_TEXT[decision.reason]
    detail = f"：{decision.detail}" if decision.detail else ""
    return _out(choice, state, decision.reason.value, (zh + detail, en + detail.replace("：", ": ")))


def _out(choice: Choice, state: str, reason: str, text: tuple[str, str]) -> dict[str, Any]:
    return {"act": choice.value, "state": state, "reason": reason, "zh": text[0], "en": text[1]}


def _tried(order: Order, choice: Choice, me: Me, now: datetime) -> Decision:
    looked = Inspection(by=SOME, at=max(now, order.starts_at or now), safe=True, finding=SOME)
    counted = next((u.unit_id for u in order.units if u.unit_id in me.units and u.people), SOME)
    later = max(now, order.review_at or now) + timedelta(hours=1)
    make: Mapping[Choice, Callable[[], Event]] = {
        Choice.SIGN: lambda: Sign(by=me.signer),
        Choice.SIGN_BY_PHONE: lambda: SignByPhone(
            by=order.next_signer or SOME, number=SOME, words=SOME, recorded_by=f"{SOME}{SOME}"
        ),
        Choice.DECLINE: lambda: Revoke(by=me.ender, ground=SOME, unsigned_only=True),
        Choice.ACKNOWLEDGE: lambda: Acknowledge(by=me.doer, units=_held(order, me)),
        Choice.PROGRESS: lambda: Progress(by=me.doer, units=_held(order, me)),
        Choice.PEOPLE: lambda: ReportPeople(by=me.doer, unit_id=counted, numbers=Tally()),
        Choice.COMPLETE: lambda: Complete(by=me.doer, units=_held(order, me)),
        Choice.EXTEND: lambda: Extend(by=me.ender, review_at=later, ground=SOME),
        Choice.LIFT: lambda: Lift(by=me.ender, ground=SOME, inspection=looked),
        Choice.PERMIT_RETURN: lambda: PermitReturn(by=me.ender, inspection=looked),
        Choice.REVOKE: lambda: Revoke(by=me.ender, ground=SOME),
    }
    return step(order, make[choice](), now)


def _held(order: Order, me: Me) -> tuple[str, ...]:
    return tuple(unit.unit_id for unit in order.units if unit.held and unit.unit_id in me.units)
