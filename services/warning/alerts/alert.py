"""预警信息 One alert per hazard and township-or-larger area: what trips and notices make of it; pure.

A trip gives an internal alarm (监测告警): "达到…标准（实况）", never a signal's name. It is a draft for everybody else
until an authorised unit approved it and the release body released it. Ended is not leave to return.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.vocabulary import Level, MsgType, Scale, Verification

VALID_FOR = timedelta(hours=12)  # an open alert is renewed before that
RENEW_BEFORE = timedelta(hours=1)


class AlertState(StrEnum):
    """预警信息状态"""

    DRAFT = "draft"
    RETURNED = "returned"
    REJECTED = "rejected"
    APPROVED = "approved"
    HANDED_OVER = "handed_over"
    RELEASED = "released"
    UPDATED = "updated"
    CANCELLED = "cancelled"
    ENDED = "ended"


OPEN_STATES = frozenset(set(AlertState) - {AlertState.CANCELLED, AlertState.ENDED})
"""States of an alarm that stands whatever the public is told; a cancelled one does too while a trip of it is open."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """告警来源: one trip of the alert as it stands. ``because`` are sentences that name the evidence."""

    trip_id: str
    title_zh: str
    title_en: str
    scale: Scale
    level: Level
    confirmed_level: Level
    verification: Verification
    closed: bool
    is_notice: bool = False
    because_zh: str = ""
    because_en: str = ""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """预警信息: contract §6, one version of it."""

    alert_id: str
    version: int
    trip_ids: tuple[str, ...]
    hazard: str
    level: Level
    confirmed_level: Level
    scale: Scale
    verification: Verification
    msg_type: MsgType
    region: str
    headline_zh: str
    headline_en: str
    description_zh: str
    description_en: str
    sent_at: datetime
    effective_at: datetime
    expires_at: datetime
    state: AlertState

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


@dataclass(frozen=True, kw_only=True)
class Place:
    """地点: the alert's area and the hazard's names."""

    region: str
    name: str
    hazard: str
    hazard_zh: str
    hazard_en: str


def compose(before: Alert | None, alert_id: str, place: Place, parts: Sequence[Part], now: datetime) -> Alert | None:
    """合成 The next version of an alert from its trips; None when nothing that it says has changed.

    Its ``state`` is what the alarm alone would have; what became of it in public is `life`'s to say.
    """
    open_parts = [part for part in parts if not part.closed]
    worst = max(open_parts, key=_weight, default=None)
    state = AlertState.DRAFT if worst else AlertState.ENDED
    if before is not None and worst and before.state is not AlertState.ENDED:
        state = before.state
    headline = _headline(place, worst)
    alert = Alert(
        alert_id=alert_id,
        version=1 if before is None else before.version + 1,
        trip_ids=tuple(part.trip_id for part in parts),
        hazard=place.hazard,
        level=worst.level if worst else Level.NORMAL,
        confirmed_level=max(
            (p.confirmed_level for p in open_parts), key=lambda level: level.rank, default=Level.NORMAL
        ),
        scale=worst.scale if worst else (before.scale if before else Scale.MONITORING),
        verification=worst.verification if worst else Verification.CONFIRMED,
        msg_type=MsgType.CANCEL if worst is None else MsgType.ALERT if before is None else MsgType.UPDATE,
        region=place.region,
        headline_zh=headline[0],
        headline_en=headline[1],
        description_zh="；".join(part.because_zh for part in open_parts if part.because_zh),
        description_en="; ".join(part.because_en for part in open_parts if part.because_en),
        sent_at=now,
        effective_at=before.effective_at if before else now,
        expires_at=now + VALID_FOR,
        state=state,
    )
    return None if before is not None and _says(before) == _says(alert) else alert


def renewed(before: Alert, now: datetime) -> Alert | None:
    """续报 The same again with a fresh expiry, once the old one is near; None while it is not."""
    if not before.is_open or before.level is Level.NORMAL or now < before.expires_at - RENEW_BEFORE:
        return None
    return replace(
        before,
        version=before.version + 1,
        msg_type=MsgType.UPDATE,
        sent_at=now,
        expires_at=now + VALID_FOR,
    )


def _weight(part: Part) -> tuple[int, int]:
    """The worst level speaks; of equals what was measured here before what we were told."""
    return part.level.rank, 0 if part.is_notice else 1


def _says(alert: Alert) -> tuple[object, ...]:
    return (
        alert.trip_ids,
        alert.level,
        alert.confirmed_level,
        alert.scale,
        alert.verification,
        alert.headline_zh,
    )


_DOUBT_ZH = {Verification.UNCONFIRMED: "，待核实", Verification.UNVERIFIED: "，无人核实"}
_DOUBT_EN: Mapping[Verification, str] = {
    Verification.UNCONFIRMED: ", unconfirmed",
    Verification.UNVERIFIED: ", nobody has verified it",
}


def _headline(place: Place, worst: Part | None) -> tuple[str, str]:
    if worst is None:
        return (
            f"{place.name}{place.hazard_zh}监测告警结束（不等于允许返回）",
            f"{place.name}: {place.hazard_en} alarm ended (not leave to return)",
        )
    if worst.is_notice:
        zh = f"{place.name}收到{worst.level.zh}通知：{worst.title_zh}"
        en = f"{place.name}: {worst.level.value} notice received: {worst.title_en}"
    else:
        zh = f"{place.name}达到{worst.title_zh}{worst.level.zh}标准（实况）"
        en = f"{place.name}: {worst.level.value} {worst.title_en.lower()} criteria reached (observed)"
    return zh + _DOUBT_ZH.get(worst.verification, ""), en + _DOUBT_EN.get(worst.verification, "")
