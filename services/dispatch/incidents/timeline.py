"""事件时间线 What happened, when it happened and when we knew, in lines that can be read at three in the morning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.realm import format_time
from shared.vocabulary import Level, Verification


@dataclass(frozen=True, kw_only=True)
class Entry:
    """记事: ``at`` when it happened, ``known_at`` when it was known here (补录 makes them differ)."""

    at: datetime
    known_at: datetime
    kind: str
    subject: str
    text_zh: str
    text_en: str
    by: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "at": format_time(self.at),
            "known_at": format_time(self.known_at),
            "kind": self.kind,
            "subject": self.subject,
            "text": {"zh": self.text_zh, "en": self.text_en},
            "by": self.by,
            "data": dict(self.data),
        }


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """By when it happened; what became known later comes later."""
    return sorted(entries, key=lambda entry: (entry.at, entry.known_at, entry.kind, entry.subject))


VERIFICATION_ZH = {
    Verification.CONFIRMED: "",
    Verification.UNCONFIRMED: "（待核实）",
    Verification.UNVERIFIED: "（无人核实）",
    Verification.REFUTED: "（已排除）",
}

_WORDS: dict[str, tuple[str, str]] = {
    "threshold": ("达到{to}标准（实况）", "reached {to} (observed)"),
    "quorum": ("多站达到{to}标准（实况）", "reached {to} at several stations (observed)"),
    "notice": ("收到通知，{to}", "notice received, {to}"),
    "late": ("补到数据，当时已达{to}标准", "late data: had reached {to}"),
    "hold": ("由{from_}降至{to}", "stepped down from {from_} to {to}"),
    "veto": ("{to}暂不降级：上游仍在告警", "stays {to}: upstream still alarms"),
    "latched": ("{to}锁定，待人工解除", "{to} latched, waits for release"),
    "silence": ("{to}后测站失联", "stations fell silent at {to}"),
    "unknown": ("情况不明，保持{to}", "unknown, stays {to}"),
    "blind": ("监测盲区", "blind: too few living stations"),
    "armed": ("上游来水，{to}待命", "armed from upstream at {to}"),
    "confirmed": ("{to}已核实", "{to} confirmed"),
    "refuted": ("已核实排除，回到{to}", "refuted, back to {to}"),
    "unverified": ("{to}无人核实", "{to} unverified"),
    "release": ("人工解除锁定，转为{to}", "released to {to}"),
    "manual": ("人工触发{to}", "tripped by hand: {to}"),
    "shelved": ("{to}人工搁置", "{to} shelved"),
}


def say_transition(
    name_zh: str, name_en: str, place: str, reason: str, before: Level, after: Level, verification: Verification
) -> tuple[str, str]:
    """实况告警的说法: never a signal's name, "达到…标准(实况)" (design §6)."""
    zh, en = _WORDS.get(reason, ("{to}", "{to}"))
    zh = zh.format(to=after.zh, from_=before.zh)
    en = en.format(to=after.value, from_=before.value)
    doubt = "" if verification is Verification.CONFIRMED else f" ({verification.value})"
    return f"{place}{name_zh}{zh}{VERIFICATION_ZH[verification]}", f"{place} {name_en}: {en}{doubt}"
