"""账簿 What the stock ledger is made of: places, lots, entries, leases, and balances as the sum of entries.

A movement is a set of integer entries that sum to zero for every (item, lot, owner); a balance is the sum of
entries and nothing else. Places where goods can lie never go below zero; only the books' edges (supplier,
opening, count difference) may. Who may move what is decided in `services.resources.stock.ledger`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from shared.errors import require

QUANTITY_MAX = 100_000_000
ENTRIES_MAX = 400


class PlaceKind(StrEnum):
    """地点类别: where goods can be, and the three edges where they enter and leave the books."""

    WAREHOUSE = "warehouse"  # 仓库
    SHELTER = "shelter"  # 避难场所
    TRANSIT = "transit"  # 在途
    AGREED = "agreed"  # 协议、产能储备: promised by a supplier, not on our shelf
    CONSUMED = "consumed"  # 已发放
    DISPOSED = "disposed"  # 报废
    SUPPLIER = "supplier"  # 供应方
    OPENING = "opening"  # 期初
    COUNT_DIFFERENCE = "count_difference"  # 盘盈盘亏


EDGES = frozenset({PlaceKind.SUPPLIER, PlaceKind.OPENING, PlaceKind.COUNT_DIFFERENCE})


class Place(NamedTuple):
    """地点: a kind and the id of the warehouse, shelter, shipment… (empty for an edge)."""

    kind: PlaceKind
    ref: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.ref}" if self.ref else self.kind.value

    @staticmethod
    def parse(text: str) -> Place:
        """Read ``kind:ref``; ValueError when the kind is unknown."""
        kind, _, ref = text.partition(":")
        return Place(PlaceKind(kind), ref)


class LotKey(NamedTuple):
    """批次: goods are told apart by item, lot and owner; entries balance for each."""

    item_code: str
    lot_id: str
    owner: str


class Condition(StrEnum):
    """品相: only ``good`` may be given to people."""

    GOOD = "good"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Lot:
    """批次属性: ``expires_on`` is the last day of use, None for goods that keep."""

    key: LotKey
    expires_on: date | None = None
    condition: Condition = Condition.GOOD
    reserve_type: str = "physical"

    def expired(self, today: date) -> bool:
        return self.expires_on is not None and today > self.expires_on


class MovementKind(StrEnum):
    """业务类别"""

    OPENING = "opening"  # 期初
    RECEIVE = "receive"  # 入库
    ISSUE = "issue"  # 发放
    DISPATCH = "dispatch"  # 调出
    ARRIVE = "arrive"  # 到货
    GIVE_BACK = "give_back"  # 退回
    CALL_OFF = "call_off"  # 协议调用
    COUNT = "count"  # 盘点
    DISPOSE = "dispose"  # 报废


_W, _S, _T = PlaceKind.WAREHOUSE, PlaceKind.SHELTER, PlaceKind.TRANSIT
_LIES = frozenset({_W, _S})
PATHS: Mapping[MovementKind, tuple[frozenset[PlaceKind], frozenset[PlaceKind]]] = MappingProxyType(
    {
        MovementKind.OPENING: (
            frozenset({PlaceKind.OPENING}),
            frozenset({_W, _S, PlaceKind.AGREED}),
        ),
        MovementKind.RECEIVE: (frozenset({PlaceKind.SUPPLIER}), _LIES),
        MovementKind.ISSUE: (_LIES, frozenset({PlaceKind.CONSUMED})),
        MovementKind.DISPATCH: (_LIES, frozenset({_T})),
        MovementKind.ARRIVE: (frozenset({_T}), _LIES),
        MovementKind.GIVE_BACK: (frozenset({PlaceKind.CONSUMED}), _LIES),
        MovementKind.CALL_OFF: (frozenset({PlaceKind.AGREED}), frozenset({_W, _S, _T})),
        MovementKind.COUNT: (
            frozenset({PlaceKind.COUNT_DIFFERENCE, _W, _S}),
            frozenset({PlaceKind.COUNT_DIFFERENCE, _W, _S}),
        ),
        MovementKind.DISPOSE: (_LIES, frozenset({PlaceKind.DISPOSED})),
    }
)
"""From where to where each kind of movement may go."""

TO_PEOPLE = frozenset({MovementKind.ISSUE, MovementKind.DISPATCH, MovementKind.CALL_OFF})
"""Movements whose goods end with people: expired or damaged goods are stopped here, whoever asks."""

LEAVES_OWNER = TO_PEOPLE | {MovementKind.DISPOSE}
"""Movements that take goods out of their owner's hand: they need the owner's act if that is not us (A27)."""

FACTS = frozenset({MovementKind.COUNT, MovementKind.DISPOSE})
"""Movements that state what is so: promises give way to them."""


class Entry(NamedTuple):
    """分录: ``quantity`` is negative where the goods leave."""

    place: Place
    lot: LotKey
    quantity: int


@dataclass(frozen=True)
class OwnerAct:
    """货主指令: by whose voice or paper the owner let the goods go (先调后补 allows a phone order)."""

    owner: str
    by: str
    reference: str


@dataclass(frozen=True)
class Lease:
    """预留: a promise of goods at a place to a holder, which ends by itself."""

    lease_id: str
    place: Place
    lot: LotKey
    quantity: int
    holder: str
    reason: str
    made_at: datetime
    until: datetime
    released: bool = False

    def binds(self, now: datetime) -> bool:
        return not self.released and self.quantity > 0 and now < self.until


class Reason(StrEnum):
    """理由: why a movement was booked or refused."""

    BOOKED = "booked"
    RESERVED = "reserved"
    RELEASED = "released"
    NOT_A_QUANTITY = "not_a_quantity"
    UNBALANCED = "unbalanced"
    WRONG_PATH = "wrong_path"
    SAME_PLACE = "same_place"
    UNKNOWN_LOT = "unknown_lot"
    OTHER_OWNER = "other_owner"
    EXPIRED = "expired"
    DAMAGED = "damaged"
    SHORT = "short"
    RESERVED_BY_OTHERS = "reserved_by_others"
    OWNER_ACT_MISSING = "owner_act_missing"
    EARLIER_LOT_FIRST = "earlier_lot_first"
    UNKNOWN_LEASE = "unknown_lease"
    LEASE_ENDED = "lease_ended"
    NO_END = "no_end"


BOOKED = frozenset({Reason.BOOKED, Reason.RESERVED, Reason.RELEASED})

REASON_TEXT: Mapping[Reason, tuple[str, str]] = MappingProxyType(
    {
        Reason.BOOKED: ("booked", "已入账"),
        Reason.RESERVED: ("reserved", "已预留"),
        Reason.RELEASED: ("released", "已释放"),
        Reason.NOT_A_QUANTITY: ("the quantity must be a whole number above zero", "数量须为正整数"),
        Reason.UNBALANCED: ("what leaves and what arrives differ", "借贷不平"),
        Reason.WRONG_PATH: ("goods do not go that way in this kind of movement", "该业务类别不允许此流向"),
        Reason.SAME_PLACE: ("source and destination are the same place", "来源与去向相同"),
        Reason.UNKNOWN_LOT: ("no such lot at that place", "该地点无此批次"),
        Reason.OTHER_OWNER: ("the lot belongs to another owner than the one named", "批次属于其他货主"),
        Reason.EXPIRED: ("the lot is past its last day of use", "批次已过期"),
        Reason.DAMAGED: ("the lot is damaged or its condition is unknown", "批次破损或品相不明"),
        Reason.SHORT: ("not enough usable goods at that place", "可用数量不足"),
        Reason.RESERVED_BY_OTHERS: ("the goods are promised to others", "已为他人预留"),
        Reason.OWNER_ACT_MISSING: (
            "the goods belong to another owner: name the owner's act (by whom, which reference)",
            "代储物资须有货主调拨指令（何人、文号）",
        ),
        Reason.EARLIER_LOT_FIRST: (
            "a lot that expires earlier is still there: take it first or say why not",
            "应先出临期批次；如不先出须说明原因",
        ),
        Reason.UNKNOWN_LEASE: ("no such reservation", "无此预留"),
        Reason.LEASE_ENDED: ("the reservation has ended", "预留已到期或已释放"),
        Reason.NO_END: ("a reservation must end in the future", "预留须有将来的截止时间"),
    }
)


@dataclass(frozen=True)
class Ledger:
    """账本: balances, lots and leases of one realm (or the part of it that a decision needs).

    Immutable; ``ours`` names the owners whose goods the district may move by itself.
    """

    balances: Mapping[tuple[Place, LotKey], int] = field(default_factory=dict)
    lots: Mapping[LotKey, Lot] = field(default_factory=dict)
    leases: Mapping[str, Lease] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()

    def balance(self, place: Place, lot: LotKey) -> int:
        return self.balances.get((place, lot), 0)

    def leased(self, place: Place, lot: LotKey, now: datetime, *, but: str | None = None) -> int:
        """How much of the lot at the place is promised, leaving out the lease named ``but``."""
        return sum(
            lease.quantity
            for lease in self.leases.values()
            if lease.place == place and lease.lot == lot and lease.lease_id != but and lease.binds(now)
        )

    def free(self, place: Place, lot: LotKey, now: datetime, *, lease_id: str | None = None) -> int:
        """What may be taken now: the balance without what is promised to others."""
        return self.balance(place, lot) - self.leased(place, lot, now, but=lease_id)

    def lots_at(self, place: Place, item_code: str) -> list[Lot]:
        """Lots of an item that lie at a place, first expiring first (先到期先出), goods that keep last."""
        here = [
            self.lots[lot]
            for (at, lot), quantity in self.balances.items()
            if at == place and lot.item_code == item_code and quantity > 0
        ]
        return sorted(here, key=lambda lot: (lot.expires_on or date.max, lot.key))


def apply(state: Ledger, entries: Iterable[Entry]) -> Ledger:
    """Append balanced entries (过账); also how a ledger is replayed from its log. A broken rule is a bug."""
    entries = tuple(entries)
    require(0 < len(entries) <= ENTRIES_MAX, f"a movement has 1 to {ENTRIES_MAX} entries")
    sums: dict[LotKey, int] = {}
    balances = dict(state.balances)
    for entry in entries:
        sums[entry.lot] = sums.get(entry.lot, 0) + entry.quantity
        at = (entry.place, entry.lot)
        balances[at] = balances.get(at, 0) + entry.quantity
    require(not any(sums.values()), "entries do not balance")
    for entry in entries:
        below = balances[entry.place, entry.lot] < 0 and entry.place.kind not in EDGES
        require(not below, f"{entry.place} would hold less than nothing of {entry.lot}")
    return replace(state, balances={at: quantity for at, quantity in balances.items() if quantity})
