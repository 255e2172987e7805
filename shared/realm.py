"""领域 A realm has its own world and clock (design §2.7).

Domain time of a drill is ``v0 + (wall - w0) * speed``. ``actual`` and the standing exercise ``x-live`` are wall time
and never re-based. Warning keeps the clock and sends it on; no failure of a part stops it, only the whole system's
standstill, a real event that interrupts the drill (decision 11), or its end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.ids import is_realm

ACTUAL = "actual"
LIVE = "x-live"
SPEED_MAX = 3600.0


class RealmState(StrEnum):
    """领域状态"""

    RUNNING = "running"
    INTERRUPTED = "interrupted"  # 演练中止，真实险情
    ENDED = "ended"


@dataclass(frozen=True)
class Interruption:
    """演练中止: since when (wall), and the trip of which real realm; ``zh`` and ``en`` say what happened where"""

    since: datetime
    realm: str
    trip_id: str
    zh: str
    en: str

    def out(self) -> dict[str, str]:
        told = {"realm": self.realm, "trip_id": self.trip_id, "zh": self.zh, "en": self.en}
        return {"since": format_time(self.since), **told}


def interruption_in(body: dict[str, str] | None) -> Interruption | None:
    """The same read back."""
    return Interruption(**{**body, "since": parse_time(body["since"])}) if body else None  # type: ignore[arg-type]


@dataclass(frozen=True)
class RealmClock:
    """领域时钟: ``speed`` domain seconds a wall second; ``boot`` is the system run that it was last based in.

    It stands at ``v0`` while the realm is not running.
    """

    realm: str
    speed: float = 1.0
    v0: datetime | None = None
    w0: datetime | None = None
    boot: str | None = None
    state: RealmState = RealmState.RUNNING
    interruption: Interruption | None = None

    @property
    def is_wall(self) -> bool:
        return self.v0 is None or self.w0 is None

    def at(self, wall: datetime) -> datetime:
        """Domain time at a wall instant."""
        if self.v0 is None or self.w0 is None:
            return wall
        return self.v0 + (wall - self.w0) * self.speed if self.is_running else self.v0

    @property
    def is_running(self) -> bool:
        return self.state is RealmState.RUNNING

    def wall_after(self, span_s: float) -> float:
        """Wall seconds in which ``span_s`` domain seconds pass."""
        return span_s if self.is_wall else span_s / self.speed

    def rebased(self, stopped_at: datetime, now: datetime, boot: str | None) -> RealmClock:
        """The clock after the whole system stood still from ``stopped_at`` to ``now`` (both wall)."""
        if self.is_wall or not self.is_running:
            return replace(self, boot=boot)
        return replace(self, v0=self.at(min(stopped_at, now)), w0=now, boot=boot)

    def interrupted(self, why: Interruption) -> RealmClock:
        """中止 The clock stands where it is."""
        here = self.at(why.since)
        return replace(self, v0=here, w0=why.since, state=RealmState.INTERRUPTED, interruption=why)

    def resumed(self, now: datetime, boot: str | None) -> RealmClock:
        """恢复 It goes on from where it stood: nothing expired meanwhile."""
        return replace(self, w0=now, boot=boot, state=RealmState.RUNNING, interruption=None)

    def ended(self, now: datetime) -> RealmClock:
        """结束 For good; why it was interrupted stays on record."""
        return replace(self, v0=self.at(now), w0=now, state=RealmState.ENDED)


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
