"""禁停撤疏 What an order is: a legal act with issuer, basis, area, start and review time, and a state per unit.

The order's own state is never stored twice: it follows from its units (`Order.state`), so that an order cannot
say "complete" while one unit has not begun. *Held* means that the measure still binds people; only a signed
lifting or revoking ends that (design §2.5: falling is not all-clear, expired is not lifted).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.dispatch.orders.people import People, total
from shared.vocabulary import Level, Measure

COUNTERSIGN_WITHIN = timedelta(hours=2)
"""How long an order that was signed by telephone may wait for the signer's own hand (contract §8)."""

REVIEW_AFTER: dict[Level, timedelta] = {
    Level.RED: timedelta(hours=6),
    Level.ORANGE: timedelta(hours=12),
    Level.YELLOW: timedelta(hours=24),
    Level.BLUE: timedelta(hours=24),
}
"""When somebody has to look at an order again. A proposal without a norm behind it, like every minute here."""

CLOCK_LEEWAY = timedelta(minutes=2)
"""How far ahead of ours a clock may be by which somebody wrote a time down."""


class OrderState(StrEnum):
    """措施状态 (contract §6)"""

    PROPOSED = "proposed"
    AWAITING_SIGNATURE = "awaiting_signature"
    IN_FORCE = "in_force"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    COMPLETE = "complete"
    EXPIRED_NOT_LIFTED = "expired_not_lifted"
    LIFTED = "lifted"
    REVOKED = "revoked"


UNIT_HELD = (OrderState.IN_FORCE, OrderState.ACKNOWLEDGED, OrderState.IN_PROGRESS, OrderState.COMPLETE)
"""The states of a unit under a binding measure, in the order in which a unit passes through them."""

HELD = frozenset({*UNIT_HELD, OrderState.EXPIRED_NOT_LIFTED})
UNSIGNED = frozenset({OrderState.PROPOSED, OrderState.AWAITING_SIGNATURE})
OPEN = HELD | UNSIGNED
TERMINAL = frozenset({OrderState.LIFTED, OrderState.REVOKED})

STATE_ZH: dict[OrderState, str] = {
    OrderState.PROPOSED: "建议",
    OrderState.AWAITING_SIGNATURE: "待签发",
    OrderState.IN_FORCE: "已生效",
    OrderState.ACKNOWLEDGED: "已签收",
    OrderState.IN_PROGRESS: "执行中",
    OrderState.COMPLETE: "已落实",
    OrderState.EXPIRED_NOT_LIFTED: "到期未解除",
    OrderState.LIFTED: "已解除",
    OrderState.REVOKED: "已撤销",
}


class ScopeKind(StrEnum):
    """范围类别: 区域 行业 单位 部位"""

    REGION = "region"
    INDUSTRY = "industry"
    UNIT = "unit"
    SITE = "site"


class UnitKind(StrEnum):
    """对象类别: what one line of an order binds"""

    REGION = "region"
    UNIT = "unit"
    SITE = "site"


class Via(StrEnum):
    """签发方式"""

    HAND = "hand"
    PHONE = "phone"
    PREAUTHORISED = "preauthorised"
    WITHDRAW_FIRST = "withdraw_first"  # 先撤后报


@dataclass(frozen=True, kw_only=True)
class Authority:
    """权限: who signs, from which minute who else, who may have allowed it beforehand, who lifts.

    ``signers`` are the signer and the deputies in the order in which they are called; the k-th may sign once
    k × ``minutes`` have passed without a signature, and everybody in it after one full round.
    """

    headquarters: str
    signers: tuple[str, ...]
    minutes: int
    lifter: str
    preauthorised_by: str | None = None

    @property
    def step(self) -> timedelta:
        return timedelta(minutes=max(1, self.minutes))


@dataclass(frozen=True, kw_only=True)
class UnitRef:
    """对象: a region, unit or site that a measure is laid on; ``households`` are (id, people).

    ``within``: the regions around a region, by which a measure laid on a wider one covers it.
    """

    unit_id: str
    kind: UnitKind
    name: str
    region: str
    post: str | None = None
    danger_point: bool = False
    expected: int = 0
    households: tuple[tuple[str, int], ...] = ()
    within: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """应采取的措施: what one measures row asks of one trip on one scope.

    ``in_force`` says that the authority table gave the force beforehand and that the trip is good enough for it.
    ``ordinal`` tells rows apart that differ in wording alone. A claim that was ``entered_late`` (补录) calls nobody and
    starts no clock; what was allowed beforehand binds since it happened.
    """

    trip_id: str
    hazard: str
    family: str
    scope: str
    scope_kind: ScopeKind
    industry: str | None
    kind: Measure
    level: Level
    ordinal: int
    wording_zh: str
    wording_en: str
    basis: str
    exemptions: str | None
    units: tuple[UnitRef, ...]
    authority: Authority | None
    in_force: bool
    entered_late: bool = False
    happened_at: datetime | None = None

    @property
    def slot(self) -> tuple[str, ...]:
        return (self.family, self.scope_kind, self.industry or "", self.kind, str(self.ordinal), self.scope)


@dataclass(frozen=True, kw_only=True)
class OrderUnit:
    """对象执行情况: one unit under one order"""

    unit_id: str
    kind: UnitKind
    name: str
    region: str
    post: str | None
    state: OrderState
    people: People | None = None
    changed_at: datetime | None = None
    changed_by: str | None = None
    note: str | None = None

    @property
    def held(self) -> bool:
        return self.state in UNIT_HELD


@dataclass(frozen=True, kw_only=True)
class Signature:
    """签发: by whom, how, and for a telephone signature the call-back and the day of the countersign."""

    by: str
    at: datetime
    via: Via
    number: str | None = None
    words: str | None = None
    recorded_by: str | None = None
    countersign_by: str | None = None
    countersign_due_at: datetime | None = None
    countersigned_at: datetime | None = None
    countersign_overdue: bool = False

    @property
    def wants_countersign(self) -> bool:
        return self.countersign_by is not None and self.countersigned_at is None


@dataclass(frozen=True, kw_only=True)
class Raise:
    """拟升级: a higher level of a measure in force that waits for its own signature; the lower one binds on."""

    hazard: str
    level: Level
    wording_zh: str
    wording_en: str
    basis: str
    exemptions: str | None
    authority: Authority | None


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """现场核查: who looked, when, and whether it is safe; without one nobody goes back"""

    by: str
    at: datetime
    safe: bool
    finding: str


@dataclass(frozen=True, kw_only=True)
class Closing:
    """解除或撤销: the act that ended the measure"""

    by: str
    at: datetime
    ground: str
    inspection: Inspection | None = None


@dataclass(frozen=True, kw_only=True)
class Return:
    """允许返回: the fourth of the four ends, signed apart (design §6)"""

    by: str
    at: datetime
    inspection: Inspection


@dataclass(frozen=True, kw_only=True)
class Order:
    """禁停撤疏措施: one measures row on one trip's scope, joined by later trips (design §3)."""

    order_id: str
    incident_id: str
    trip_ids: tuple[str, ...]
    live_trips: tuple[str, ...]
    hazard: str
    family: str
    scope: str
    scope_kind: ScopeKind
    industry: str | None
    kind: Measure
    level: Level
    ordinal: int
    wording_zh: str
    wording_en: str
    basis: str
    exemptions: str | None
    authority: Authority | None
    units: tuple[OrderUnit, ...]
    created_at: datetime
    created_by: str | None = None
    signatures: tuple[Signature, ...] = ()
    starts_at: datetime | None = None
    review_at: datetime | None = None
    due_at: datetime | None = None
    called: int = 0
    expired: bool = False
    raise_to: Raise | None = None
    closing: Closing | None = None
    returned: Return | None = None

    @property
    def state(self) -> OrderState:
        """The weakest unit under the measure; without one, what is still waiting; without that, how it ended."""
        held = [unit.state for unit in self.units if unit.held]
        if held:
            return OrderState.EXPIRED_NOT_LIFTED if self.expired else min(held, key=UNIT_HELD.index)
        states = {unit.state for unit in self.units}
        for state in (OrderState.AWAITING_SIGNATURE, OrderState.PROPOSED, OrderState.LIFTED):
            if state in states:
                return state
        return OrderState.REVOKED

    @property
    def is_held(self) -> bool:
        return self.state in HELD

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def wants_signature(self) -> bool:
        """Whether something of it waits for a signer: the whole, units that came later, or a higher level."""
        return self.raise_to is not None or any(unit.state in UNSIGNED for unit in self.units)

    @property
    def signing(self) -> Authority | None:
        """The authority row that counts for the next signature."""
        return self.raise_to.authority if self.raise_to else self.authority

    def reads_as(self, other: Order) -> bool:
        """Whether whoever read the one decides on the same in the other: only our own clocks have gone on in it."""
        return _as_read(self) == _as_read(other)

    @property
    def next_signer(self) -> str | None:
        """下一签发人 Whom the countdown is calling now."""
        authority = self.signing
        if not self.wants_signature or authority is None or not authority.signers:
            return None
        return authority.signers[self.called % len(authority.signers)]

    @property
    def may_sign(self) -> tuple[str, ...]:
        """Those whose turn has come: the signer from the first minute, each deputy from his own on."""
        authority = self.signing
        return authority.signers[: self.called + 1] if authority else ()

    @property
    def signature(self) -> Signature | None:
        """The signature that gave the present level its force."""
        return self.signatures[-1] if self.signatures else None

    @property
    def issuer(self) -> str | None:
        return self.signature.by if self.signature else None

    @property
    def countersign_due_at(self) -> datetime | None:
        due = [s.countersign_due_at for s in self.signatures if s.wants_countersign and not s.countersign_overdue]
        return min((at for at in due if at is not None), default=None)

    @property
    def slot(self) -> tuple[str, ...]:
        return (self.family, self.scope_kind, self.industry or "", self.kind, str(self.ordinal), self.scope)

    @property
    def people(self) -> People:
        """应转与已转: over all units that move people and were not taken out again."""
        return total([unit.people for unit in self.units if unit.people and unit.state != OrderState.REVOKED])

    @property
    def moves_people(self) -> bool:
        return self.kind in (Measure.EVACUATE, Measure.DISPERSE)

    def unit(self, unit_id: str) -> OrderUnit | None:
        return next((unit for unit in self.units if unit.unit_id == unit_id), None)


def _as_read(order: Order) -> Order:
    """Without what the countdown and the countersign's clock write by themselves."""
    signatures = tuple(replace(signature, countersign_overdue=False) for signature in order.signatures)
    return replace(order, called=0, due_at=None, signatures=signatures)
