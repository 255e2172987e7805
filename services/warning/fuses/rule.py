"""熔断规则 One rule of a pack's ``fuses/*.yaml``, typed and frozen (contract §4). Reading it is `rules`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from shared.vocabulary import Level


class Per(StrEnum):
    """作用范围: one fuse for each …"""

    DISTRICT = "district"
    TOWNSHIP = "township"
    VILLAGE = "village"
    INDUSTRY = "industry"
    UNIT = "unit"
    SITE = "site"
    STATION = "station"


class Statistic(StrEnum):
    """统计量 of the readings in a window (t − w, t]."""

    SUM = "sum"
    MEAN = "mean"
    MAX = "max"
    MIN = "min"
    COUNT = "count"
    RISE = "rise"  # last minus lowest
    FALL = "fall"  # highest minus last
    RATE = "rate"  # per hour, between the ends
    SUSTAINED = "sustained"  # every reading of the window meets the bound
    VALUE = "value"  # the latest reading


class Op(StrEnum):
    """比较"""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ABOVE = "above"
    BELOW = "below"

    @property
    def upward(self) -> bool:
        return self in (Op.AT_LEAST, Op.ABOVE)


class Then(StrEnum):
    """静默处置: what the silence of a high station does."""

    VERIFY = "verify"
    ESCALATE = "escalate"
    RAISE = "raise"


@dataclass(frozen=True)
class Bound:
    """界限: a number, or a station's own column plus an offset."""

    number: Decimal
    column: str | None = None

    def of(self, columns: Mapping[str, str]) -> Decimal | None:
        """The bound at a station; None (unknown) where its column is empty."""
        if self.column is None:
            return self.number
        text = columns.get(self.column, "").strip()
        return Decimal(text) + self.number if text else None


@dataclass(frozen=True)
class Condition:
    """条件: a statistic of one metric against a bound."""

    metric: str
    statistic: Statistic
    window_s: int  # 0 for value
    window: str  # as written
    op: Op
    bound: Bound


@dataclass(frozen=True)
class AllOf:
    """同时满足: every member must hold."""

    members: tuple[Node, ...]


Node = Condition | AllOf


def conditions(nodes: tuple[Node, ...]) -> Iterator[Condition]:
    """Every condition of an any-of list, nested ones too."""
    for node in nodes:
        if isinstance(node, AllOf):
            yield from conditions(node.members)
        else:
            yield node


@dataclass(frozen=True)
class Deadband:
    """回差: percent of a number, or an amount in the unit of the rule's metric."""

    percent: Decimal | None = None
    amount: Decimal = Decimal(0)

    def shift(self, bound: Decimal, own_metric: bool) -> Decimal:
        """How far beyond the bound a value must fall back before the condition counts as false."""
        if self.percent is not None:
            return abs(bound) * self.percent / 100
        return self.amount if own_metric else Decimal(0)


@dataclass(frozen=True)
class Quorum:
    """多站判定: how many living stations must agree, and below how many the fuse is blind."""

    count: int = 1
    minimum: int = 1


@dataclass(frozen=True)
class Plausible:
    """可信度检查: other stations near in space and time at the next lower level or higher."""

    neighbours: int
    radius_m: float
    within_s: int


@dataclass(frozen=True)
class Silence:
    """静默: after how many report intervals a station is silent, and what a high one's silence does."""

    intervals: Fraction = Fraction(2)
    above: Level = Level.ORANGE
    then: Then = Then.VERIFY


@dataclass(frozen=True, kw_only=True)
class Rule:
    """熔断规则"""

    id: str
    title_zh: str
    title_en: str
    hazard: str
    source: str
    per: Per
    metric: str
    levels: Mapping[Level, tuple[Node, ...]]
    quorum: Quorum = Quorum()
    plausible: Mapping[Level, Plausible]
    confirm_after_s: int = 300
    coverage: Fraction = Fraction(80, 100)
    deadband: Deadband = Deadband()
    hold_s: int = 0
    latch: Level | None = None
    silence: Silence = Silence()
    version: str  # sha256:… of the rule's canonical form (RFC 8785)
    file: str
    line: int

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that the rule reads, its own first."""
        named = (leaf.metric for nodes in self.levels.values() for leaf in conditions(nodes))
        return tuple(dict.fromkeys((self.metric, *named)))

    @property
    def memory_s(self) -> int:
        """The longest window."""
        return max((leaf.window_s for nodes in self.levels.values() for leaf in conditions(nodes)), default=0)
