"""保障能力 Can we feed, clothe, water, house and treat so many people for so many days (五有)?

For each item with a coefficient: need, what is usable (in date, undamaged, unreserved, ours, physically here), what
else can be here within 10 h (agreed goods with a known lead time, shipments with a known arrival), and the gap. What
is not known never counts; it is shown with its reason. The binding item is the one that runs out first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor

from services.resources.stock.book import Condition, Lot, Place, PlaceKind

DELIVERY_H = 10  # the national goal: basic life secured within 10 hours (domain facts §4.2)
PEOPLE_MAX = 10_000_000
DAYS_MAX = 365
GUARANTEES: tuple[str, ...] = ("food", "clothing", "water", "shelter", "medical")
DAILY = frozenset({"food", "water"})
"""Used up each day; what keeps people clothed, housed and treated is needed once a person."""

_RESERVE = re.compile(r"(physical|agreement|capacity|实物|协议|产能)(?:[-:_]?(\d{1,3})h)?")
_PHYSICAL = frozenset({"physical", "实物"})


class LeftOut(StrEnum):
    """不计入的理由"""

    EXPIRED = "expired"
    EXPIRES_WITHIN = "expires_within"  # would expire before the last day
    DAMAGED = "damaged"
    CONDITION_UNKNOWN = "condition_unknown"
    RESERVED = "reserved"
    NOT_OURS = "not_ours"
    IN_DANGER = "in_danger"  # the place lies in a danger area
    LEAD_TIME_UNKNOWN = "lead_time_unknown"
    LATER = "later_than_10h"
    RESERVE_TYPE_UNKNOWN = "reserve_type_unknown"


@dataclass(frozen=True)
class Coefficient:
    """定额: one row of items.csv; ``per_person`` is a day's use for food and water, else once a person."""

    item_code: str
    name: str
    unit: str
    guarantee: str
    per_person: float | None
    substitutes: tuple[str, ...] = ()  # items that may stand in for this one
    source: str | None = None


@dataclass(frozen=True)
class Holding:
    """库存一项: so much of a lot at a place; ``due_at`` is the arrival of a shipment, where it is known."""

    place: Place
    lot: Lot
    on_hand: int
    reserved: int = 0
    due_at: datetime | None = None


@dataclass(frozen=True)
class ItemLine:
    """单项测算"""

    item_code: str
    name: str
    unit: str
    guarantee: str
    per_person: float
    daily: bool
    source: str | None
    need: int
    usable: int
    deliverable: int
    substituted: int
    gap: int
    people_covered: int
    left_out: Mapping[str, int]
    by_owner: Mapping[str, int]


@dataclass(frozen=True)
class GuaranteeLine:
    """单项保障: the numbers are those of its binding item, in that item's unit."""

    guarantee: str
    state: str  # ready | short | unknown (no item of it has a coefficient)
    unit: str | None
    need: int | None
    usable: int | None
    deliverable: int | None
    gap: int | None
    people_covered: int
    binding_item: str | None
    items: tuple[ItemLine, ...] = ()


@dataclass(frozen=True)
class Readiness:
    """保障测算"""

    people: int
    days: int
    delivery_h: int
    ready: bool
    people_covered: int
    binding_item: str | None
    guarantees: tuple[GuaranteeLine, ...]


@dataclass
class _Counted:
    usable: int = 0
    deliverable: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    by_owner: dict[str, int] = field(default_factory=dict)

    def leave_out(self, why: LeftOut, quantity: int) -> None:
        if quantity > 0:
            self.left_out[why] = self.left_out.get(why, 0) + quantity


def assess(
    coefficients: Sequence[Coefficient],
    holdings: Iterable[Holding],
    *,
    people: int,
    days: int,
    now: datetime,
    today: date,
    ours: frozenset[str],
    in_danger: frozenset[str] = frozenset(),
) -> Readiness:
    """Assess readiness (测算). ``in_danger`` names places that lie in a danger area now."""
    counted: dict[str, _Counted] = {c.item_code: _Counted() for c in coefficients}
    daily = {c.item_code: c.guarantee in DAILY for c in coefficients}
    for holding in holdings:
        code = holding.lot.key.item_code
        if code in counted:
            last_day = today + timedelta(days=days - 1 if daily[code] else 0)
            _count(counted[code], holding, now, today, last_day, ours, in_danger)
    lines = _lines(coefficients, counted, people, days)
    guarantees = tuple(_guarantee(name, lines, people) for name in GUARANTEES)
    worst = min(guarantees, key=lambda g: g.people_covered)
    covered = min(worst.people_covered, people)
    return Readiness(people, days, DELIVERY_H, covered >= people, covered, worst.binding_item, guarantees)


def _count(
    into: _Counted,
    holding: Holding,
    now: datetime,
    today: date,
    last_day: date,
    ours: frozenset[str],
    in_danger: frozenset[str],
) -> None:
    lot, quantity = holding.lot, holding.on_hand
    into.by_owner[lot.key.owner] = into.by_owner.get(lot.key.owner, 0) + quantity
    barred = _barred(holding, today, last_day, ours, in_danger)
    if barred is not None:
        into.leave_out(barred, quantity)
        return
    free = max(0, quantity - holding.reserved)
    into.leave_out(LeftOut.RESERVED, quantity - free)
    promise = _RESERVE.fullmatch(lot.reserve_type)
    if holding.place.kind is PlaceKind.TRANSIT:
        due_h = (holding.due_at - now).total_seconds() / 3600 if holding.due_at else None
        _promised(into, free, due_h)
    elif promise is None:
        into.leave_out(LeftOut.RESERVE_TYPE_UNKNOWN, free)
    elif holding.place.kind is PlaceKind.AGREED or promise[1] not in _PHYSICAL:
        _promised(into, free, float(promise[2]) if promise[2] else None)
    else:
        into.usable += free


def _promised(into: _Counted, quantity: int, lead_h: float | None) -> None:
    if lead_h is None:
        into.leave_out(LeftOut.LEAD_TIME_UNKNOWN, quantity)
    elif lead_h > DELIVERY_H:
        into.leave_out(LeftOut.LATER, quantity)
    else:
        into.deliverable += quantity


def _barred(
    holding: Holding, today: date, last_day: date, ours: frozenset[str], in_danger: frozenset[str]
) -> LeftOut | None:
    lot = holding.lot
    if lot.key.owner not in ours:
        return LeftOut.NOT_OURS
    if lot.condition is Condition.DAMAGED:
        return LeftOut.DAMAGED
    if lot.condition is not Condition.GOOD:
        return LeftOut.CONDITION_UNKNOWN
    if lot.expired(today):
        return LeftOut.EXPIRED
    if lot.expired(last_day):
        return LeftOut.EXPIRES_WITHIN
    if holding.place.ref in in_danger:
        return LeftOut.IN_DANGER
    return None


def _lines(
    coefficients: Sequence[Coefficient], counted: Mapping[str, _Counted], people: int, days: int
) -> list[ItemLine]:
    """Need, own goods first, then what other items can spare; nothing is lent twice."""
    wanted = [c for c in sorted(coefficients, key=lambda c: c.item_code) if c.per_person is not None]
    each = {c.item_code: _each(c, days) for c in wanted}
    need = {code: ceil(one * people) for code, one in each.items()}
    spare = {code: max(0, have.usable + have.deliverable - need.get(code, 0)) for code, have in counted.items()}
    lines: list[ItemLine] = []
    for c in wanted:
        have, wants, one = counted[c.item_code], need[c.item_code], each[c.item_code]
        missing = max(0, wants - have.usable - have.deliverable)
        lent = 0
        for other in c.substitutes:
            # a substitute serves as many people as its own coefficient says; without one, unit for unit
            ratio = one / each[other] if other in each else Fraction(1)
            gives = min(missing - lent, floor(spare.get(other, 0) * ratio))
            if gives > 0:
                spare[other] -= ceil(gives / ratio)
                lent += gives
        total = have.usable + have.deliverable + lent
        lines.append(
            ItemLine(
                item_code=c.item_code,
                name=c.name,
                unit=c.unit,
                guarantee=c.guarantee,
                per_person=c.per_person or 0.0,
                daily=c.guarantee in DAILY,
                source=c.source,
                need=wants,
                usable=have.usable,
                deliverable=have.deliverable,
                substituted=lent,
                gap=max(0, wants - total),
                people_covered=floor(total / one),
                left_out=dict(have.left_out),
                by_owner=dict(sorted(have.by_owner.items())),
            )
        )
    return lines


def _each(coefficient: Coefficient, days: int) -> Fraction:
    """What one person needs over the days, exact: 0.1 is a tenth."""
    one = Fraction(str(coefficient.per_person))
    return one * days if coefficient.guarantee in DAILY else one


def _guarantee(name: str, lines: Sequence[ItemLine], people: int) -> GuaranteeLine:
    items = tuple(line for line in lines if line.guarantee == name)
    if not items:
        return GuaranteeLine(name, "unknown", None, None, None, None, None, 0, None)
    binding = min(items, key=lambda line: (line.people_covered, line.item_code))
    return GuaranteeLine(
        guarantee=name,
        state="ready" if binding.people_covered >= people else "short",
        unit=binding.unit,
        need=binding.need,
        usable=binding.usable,
        deliverable=binding.deliverable,
        gap=binding.gap,
        people_covered=min(binding.people_covered, people),
        binding_item=binding.item_code,
        items=items,
    )
