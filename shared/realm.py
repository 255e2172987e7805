"""领域 A realm has its own world and clock (design §2.7).

Domain time of a drill is ``v0 + (wall - w0) * speed``. ``actual`` and the standing exercise ``x-live`` are wall time
and never re-based. Warning keeps the clock and sends it on; it stops only while the whole system is stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.ids import is_realm

ACTUAL = "actual"
LIVE = "x-live"
SPEED_MAX = 3600.0


@dataclass(frozen=True)
class RealmClock:
    """领域时钟: ``speed`` domain seconds a wall second; ``boot`` is the system run that it was last based in."""

    realm: str
    speed: float = 1.0
    v0: datetime | None = None
    w0: datetime | None = None
    boot: str | None = None

    @property
    def is_wall(self) -> bool:
        return self.v0 is None or self.w0 is None

    def at(self, wall: datetime) -> datetime:
        """Domain time at a wall instant."""
        if self.v0 is None or self.w0 is None:
            return wall
        return self.v0 + (wall - self.w0) * self.speed

    def wall_after(self, span_s: float) -> float:
        """Wall seconds in which ``span_s`` domain seconds pass."""
        return span_s if self.is_wall else span_s / self.speed

    def rebased(self, stopped_at: datetime, now: datetime, boot: str | None) -> RealmClock:
        """The clock after the whole system stood still from ``stopped_at`` to ``now`` (both wall)."""
        if self.is_wall:
            return replace(self, boot=boot)
        return replace(self, v0=self.at(min(stopped_at, now)), w0=now, boot=boot)


def wall_clock(realm: str) -> RealmClock:
    return RealmClock(realm)


def drill_clock(name: str, speed: float, v0: datetime, now: datetime, boot: str | None) -> RealmClock:
    """A new drill's clock: realm ``x-<name>``, at ``v0`` when it is ``now`` on the wall."""
    realm = f"x-{name}"
    if not is_realm(realm) or realm == LIVE:
        raise ValueError(f"'{name}' cannot name a drill; use lower-case letters, digits and '-', not 'live'")
    if not 0 < speed <= SPEED_MAX:
        raise ValueError(f"speed is {speed:g}; give more than 0 and at most {SPEED_MAX:g}")
    return RealmClock(realm, speed, v0, now, boot)


def is_exercise(realm: str) -> bool:
    return realm != ACTUAL


def parse_time(text: str) -> datetime:
    """RFC 3339 with an offset → aware UTC-comparable datetime; ValueError tells what would be right."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a time; write 2026-06-28T03:05:00Z") from None
    if value.tzinfo is None:
        raise ValueError(f"'{text}' has no offset; write 2026-06-28T03:05:00Z")
    return value


def format_time(at: datetime) -> str:
    """RFC 3339 UTC with Z; fractions only where there are any."""
    offset = at.utcoffset() or timedelta(0)
    naive = at.replace(tzinfo=None) - offset
    return naive.isoformat(timespec="microseconds" if naive.microsecond else "seconds") + "Z"
