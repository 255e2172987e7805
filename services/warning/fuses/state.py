"""熔断状态与记录 What one fuse remembers between events, and the record that it writes (contract §5).

`FuseState` is one row per (realm, fuse, scope) and the whole of what must survive; windows are rebuilt from stored
readings. It is replaced, never mutated, once `world.decide` has returned it. `Transition` is append-only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from services.warning.readings.instant import rfc3339
from services.warning.readings.validate import Ref
from shared.vocabulary import LEVELS, Level, Scale, Verification


class Reason(StrEnum):
    """原因: why a record was written; a duty officer reads it."""

    THRESHOLD = "threshold"
    QUORUM = "quorum"
    NOTICE = "notice"
    LATE = "late"
    HOLD = "hold"
    VETO = "veto"
    LATCHED = "latched"
    SILENCE = "silence"
    UNKNOWN = "unknown"
    BLIND = "blind"
    ARMED = "armed"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNVERIFIED = "unverified"
    RELEASE = "release"
    MANUAL = "manual"
    SHELVED = "shelved"


class Because(msgspec.Struct, frozen=True):
    """依据 One satisfied condition."""

    level: Level
    statistic: str
    window: str
    value: float
    bound: float
    station: str


class Refusal(msgspec.Struct, frozen=True, order=True):
    """拒绝下调 What keeps a level from stepping down."""

    kind: str  # latch | veto
    fuse: str
    scope: str


class Transition(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """熔断记录 Exactly the fields of contract §5; instants are RFC 3339 text in UTC."""

    id: str
    trip_id: str | None
    n: int
    fuse: str
    scope: str
    from_: Level
    to: Level
    condition: Level
    confirmed_level: Level
    observed_at: str
    known_at: str
    reason: Reason
    verification: Verification
    blind: bool
    because: tuple[Because, ...] = ()
    refused_by: tuple[Refusal, ...] = ()
    evidence: tuple[Ref, ...] = ()
    by: str | None = None
    due: str | None = None
    scale: Scale = Scale.MONITORING
    rule_version: str

    def as_dict(self) -> dict[str, Any]:
        """The record as plain JSON types."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


class Watch(msgspec.Struct, frozen=True):
    """看守 One station as a fuse sees it."""

    last_us: int  # its last usable reading
    until_us: int  # when it becomes silent
    silent: bool = False
    rank: int = 0  # once silent: the level at or above `silence.above` that its last usable reading satisfied
    refuted: bool = False  # that level was refuted: it counts as any other silent station until it reports


class Hushed(msgspec.Struct, frozen=True):
    """静默上调 A silence that raised the level; only what is heard after it can bear it out."""

    rank: int
    station: str
    due_us: int
    by: tuple[str, ...] = ()  # neighbours that did so far


class Doubtful(msgspec.Struct, frozen=True):
    """待核实 What an unconfirmed level rests on: never the same station may confirm it."""

    sources: tuple[str, ...]  # the stations that the level rose by
    first_us: int  # since when something above the confirmed level holds
    hushed: tuple[Hushed, ...] = ()
    borne: tuple[tuple[int, str], ...] = ()  # (level, station) that neighbours bear out: a quorum may need more


class Left(msgspec.Struct, frozen=True):
    """已下调 A hold that ended in a step down: late facts may show that it was broken."""

    since_us: int
    until_us: int
    level: int
    confirmed: int


class NoticeHold(msgspec.Struct, frozen=True):
    """生效通知 One notice in force on a region."""

    notice_id: str
    rank: int
    until_us: int | None
    scale: Scale


class FuseState(msgspec.Struct, kw_only=True):
    """熔断状态 of one fuse. Levels are ranks (normal 0 … red 4); instants are microseconds since 1970 UTC."""

    fuse: str
    scope: str
    n: int = 0  # records written
    openings: int = 0  # trips opened
    level: int = 0
    condition: int = 0
    confirmed: int = 0
    verification: Verification = Verification.CONFIRMED
    doubtful: Doubtful | None = None
    blind: bool = True
    blind_recorded: bool = False
    newest_us: int | None = None  # the newest observed_at evaluated
    known_us: int = 0  # the last known time at which it was moved
    watch: dict[str, Watch] = {}
    path: tuple[tuple[int, int], ...] = ()  # (from when, level) in event time, for late facts
    left: tuple[Left, ...] = ()
    acted_us: int = 0  # the last release or refutation: what was left by it does not come back
    hold_due_us: int | None = None
    hold_from_us: int | None = None  # the instant at which it was first false
    unknown_due_us: int | None = None  # when a hold broken by unknown would have ended
    confirm_due_us: int | None = None
    refused_by: tuple[Refusal, ...] = ()
    refused_level: int = 0
    blocked: tuple[tuple[str, int], ...] = ()  # (station, level) refuted and not yet false once
    manual: bool = False  # tripped by hand: latched until released
    shelved_until_us: int | None = None
    notices: tuple[NoticeHold, ...] = ()

    def is_latched(self, latch: Level | None) -> bool:
        """锁定: at or above the rule's latch, or tripped by hand; only a release lowers it."""
        return self.manual or (latch is not None and self.level >= latch.rank)

    @property
    def trip_id(self) -> str | None:
        """The open trip; None while normal."""
        return f"{self.fuse}/{self.scope}/{self.openings}" if self.level else None

    @property
    def key(self) -> tuple[str, str]:
        return (self.fuse, self.scope)

    @property
    def silent_high(self) -> bool:
        return any(watch.silent and watch.rank for watch in self.watch.values())

    def next_due_us(self, *, cut_off: bool) -> int | None:
        """The earliest instant at which a timer of this fuse fires; silence stands while cut off from the broker."""
        dues = [self.hold_due_us, self.unknown_due_us, self.confirm_due_us, self.shelved_until_us]
        dues += [notice.until_us for notice in self.notices]
        if not cut_off:
            dues += [watch.until_us for watch in self.watch.values() if not watch.silent]
        return min((due for due in dues if due is not None), default=None)

    def copy(self) -> FuseState:
        """A working copy; nested values are immutable but for the watch table."""
        fresh: FuseState = msgspec.structs.replace(self, watch=dict(self.watch))
        return fresh


def level_of(rank: int) -> Level:
    return LEVELS[rank]


def instant(us: int | None) -> str | None:
    """RFC 3339 text of an instant, where there is one."""
    return None if us is None else rfc3339(us)


def write(
    state: FuseState,
    reason: Reason,
    before: int,
    *,
    known_us: int,
    version: str,
    observed_us: int | None = None,
    due_us: int | None = None,
    because: tuple[Because, ...] = (),
    evidence: tuple[Ref, ...] = (),
    refused_by: tuple[Refusal, ...] = (),
    by: str | None = None,
    scale: Scale = Scale.MONITORING,
) -> Transition:
    """记一笔 The next record of a fuse, as it stands now; ``before`` is the level that it came from."""
    state.n += 1
    return Transition(
        id=f"{state.fuse}/{state.scope}/{state.n}",
        trip_id=f"{state.fuse}/{state.scope}/{state.openings}" if state.level or before else None,
        n=state.n,
        fuse=state.fuse,
        scope=state.scope,
        from_=level_of(before),
        to=level_of(state.level),
        condition=level_of(state.condition),
        confirmed_level=level_of(state.confirmed),
        observed_at=rfc3339(known_us if observed_us is None else observed_us),
        known_at=rfc3339(known_us),
        reason=reason,
        verification=state.verification,
        blind=state.blind,
        because=because,
        refused_by=refused_by,
        evidence=evidence,
        by=by,
        due=instant(due_us),
        scale=scale,
        rule_version=version,
    )
