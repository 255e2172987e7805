"""发布稿 What an alert says to the public: the object that approvers sign, its default words, its differences; pure.

The words never name a signal that no observatory issued: "达到…标准（实况）". A text falls with the level it was for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from services.warning.alerts.alert import Alert, Place
from services.warning.alerts.life import Facts, Purpose
from shared.vocabulary import AlertScope, Level, MsgType, Scale, Status

FORMAT = "fengsui-alert/1"
VALID_FOR = timedelta(hours=12)
VALID_MIN, VALID_MAX = timedelta(minutes=10), timedelta(hours=48)
END_SHOWN = timedelta(hours=48)  # how long an ended alert stays in the feeds
RESPONSES = ("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
RESPONSE_OF: Mapping[Level, tuple[str, ...]] = {
    Level.NORMAL: ("Monitor",),
    Level.BLUE: ("Monitor",),
    Level.YELLOW: ("Prepare",),
    Level.ORANGE: ("Avoid", "Prepare"),
    Level.RED: ("Avoid", "Prepare"),
}
"""Never Evacuate by default: that is an order, and orders come from who may sign them."""

_ADVICE: Mapping[Level, tuple[str, str]] = {
    Level.NORMAL: ("请留意后续信息。", "Watch for further information."),
    Level.BLUE: (
        "请留意天气和水情变化，避免前往河道、沟谷等危险地带。",
        "Watch the weather and the water. Keep away from river beds and gullies.",
    ),
    Level.YELLOW: (
        "请远离河道、沟谷、陡坡和低洼地带，做好转移准备，听从乡镇（街道）和村（社区）安排。",
        "Keep away from rivers, gullies, steep slopes and low ground. Be ready to leave; do as your township asks.",
    ),
    Level.ORANGE: (
        "请立即远离河道、沟谷、陡坡和低洼地带，收拾好必需品，按乡镇（街道）和村（社区）责任人通知行动。",
        "Leave rivers, gullies, steep slopes and low ground now. Pack what you need and act as your warden tells you.",
    ),
    Level.RED: (
        "请立即远离河道、沟谷、陡坡和低洼地带，不要涉水，不要返回取物；接到转移通知立即撤离。",
        "Leave rivers, gullies, steep slopes and low ground at once. Do not wade or go back. When told, leave.",
    ),
}
_OVER = (
    "预警已解除，不等于允许返回；返回时间以乡镇（街道）或指挥部通知为准。",
    "The alert has ended. That is not leave to return: wait until your township or the headquarters says so.",
)
_WITHDRAWN = (
    "此前发布的信息撤销，请以最新发布为准；已在转移的群众听从现场人员安排。",
    "The earlier message is withdrawn. If you are on the way already, do as the people on the spot tell you.",
)


@dataclass(frozen=True, kw_only=True)
class Words:
    """中英文本 In a draft an empty ``en`` leaves the default English."""

    zh: str
    en: str

    def out(self) -> dict[str, str]:
        return {"zh": self.zh, "en": self.en}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """改稿 What a drafter wrote; None leaves the default. ``basis`` is the situation that it was written for."""

    basis: tuple[str, ...] = ()
    scope: AlertScope = AlertScope.PUBLIC
    level: Level | None = None
    headline: Words | None = None
    description: Words | None = None
    instruction: Words | None = None
    response_types: tuple[str, ...] | None = None
    valid_for_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class Bulletin:
    """发布稿"""

    district: str
    realm: str
    status: Status
    scope: AlertScope
    alert_id: str
    hazard: str
    scale: Scale
    level: Level
    region: str
    headline: Words
    description: Words
    instruction: Words
    response_types: tuple[str, ...]
    valid_for_s: int


def basis_of(alert: Alert) -> tuple[str, ...]:
    return (alert.level.value, alert.confirmed_level.value, alert.verification.value, alert.scale.value)


def standing_draft(draft: Draft, alert: Alert) -> Draft:
    """What is left of a draft when the situation is another one: only for whom it is meant."""
    return draft if draft.basis == basis_of(alert) else Draft(scope=draft.scope)


def facts_of(alert: Alert, draft: Draft) -> Facts:
    return Facts(
        level=draft.level or alert.level,
        confirmed_level=alert.confirmed_level,
        scope=draft.scope,
        is_over=alert.level is Level.NORMAL,
    )


def bulletin_of(district: str, realm: str, status: Status, alert: Alert, place: Place, draft: Draft) -> Bulletin:
    """拟稿 The drafter's words, else the default ones of the level."""
    level = draft.level or alert.level
    zh, en = _headline(place, level, alert.scale)
    advice = _ADVICE[level]
    return Bulletin(
        district=district,
        realm=realm,
        status=status,
        scope=draft.scope,
        alert_id=alert.alert_id,
        hazard=alert.hazard,
        scale=alert.scale,
        level=level,
        region=alert.region,
        headline=_filled(draft.headline, Words(zh=zh, en=en)),
        description=_filled(draft.description, _description(place, level, alert.scale)),
        instruction=_filled(draft.instruction, Words(zh=advice[0], en=advice[1])),
        response_types=draft.response_types or RESPONSE_OF[level],
        valid_for_s=draft.valid_for_s or int(VALID_FOR.total_seconds()),
    )


def _filled(written: Words | None, default: Words) -> Words:
    if written is None:
        return default
    return written if written.en else replace(written, en=default.en)


def over(bulletin: Bulletin, place: Place, purpose: Purpose) -> Bulletin:
    """解除或撤销稿 of what stands in public."""
    ended = purpose is Purpose.END
    zh = f"{place.name}{place.hazard_zh}预警{'解除（不等于允许返回）' if ended else '信息撤销'}"
    tail = "alert has ended (not leave to return)" if ended else "alert is withdrawn"
    words = _OVER if ended else _WITHDRAWN
    return replace(
        bulletin,
        headline=Words(zh=zh, en=f"{place.name}: {place.hazard_en.lower()} {tail}"),
        description=Words(
            zh=f"原信息：{bulletin.headline.zh}。",
            en=f"The message was: {bulletin.headline.en}.",
        ),
        instruction=Words(zh=words[0], en=words[1]),
        response_types=("AllClear",) if ended else ("None",),
        valid_for_s=int(END_SHOWN.total_seconds()),
    )


def content_out(bulletin: Bulletin) -> dict[str, Any]:
    """What it says, without where it stands among other messages."""
    return {
        "district": bulletin.district,
        "realm": bulletin.realm,
        "status": bulletin.status.value,
        "scope": bulletin.scope.value,
        "alert_id": bulletin.alert_id,
        "hazard": bulletin.hazard,
        "scale": bulletin.scale.value,
        "level": bulletin.level.value,
        "area": {"codes": [bulletin.region], "polygon": None},
        "headline": bulletin.headline.out(),
        "description": bulletin.description.out(),
        "instruction": bulletin.instruction.out(),
        "response_types": list(bulletin.response_types),
        "valid_for_s": bulletin.valid_for_s,
    }


def message_of(bulletin: Bulletin, purpose: Purpose, supersedes: str | None) -> dict[str, Any]:
    """待签报文 The object that is signed: what it says, to what end, and which message it takes the place of."""
    return {
        "format": FORMAT,
        "act": purpose.value,
        "msg_type": msg_type_of(purpose, supersedes).value,
        "supersedes": supersedes,
        **content_out(bulletin),
    }


def msg_type_of(purpose: Purpose, supersedes: str | None) -> MsgType:
    """An end is an Update that says AllClear (CAP 1.2 §3.2.2); Cancel is for what should not have been said."""
    if purpose is Purpose.CANCEL:
        return MsgType.CANCEL
    return MsgType.UPDATE if supersedes else MsgType.ALERT


def bulletin_in(message: Mapping[str, Any]) -> Bulletin:
    """From the kept message again."""
    return Bulletin(
        district=message["district"],
        realm=message["realm"],
        status=Status(message["status"]),
        scope=AlertScope(message["scope"]),
        alert_id=message["alert_id"],
        hazard=message["hazard"],
        scale=Scale(message["scale"]),
        level=Level(message["level"]),
        region=message["area"]["codes"][0],
        headline=Words(**message["headline"]),
        description=Words(**message["description"]),
        instruction=Words(**message["instruction"]),
        response_types=tuple(message["response_types"]),
        valid_for_s=message["valid_for_s"],
    )


_LABELS = {
    "act": ("用途", "act"),
    "level": ("级别", "level"),
    "scope": ("发布范围", "scope"),
    "scale": ("标度", "scale"),
    "headline.zh": ("标题（中）", "headline (zh)"),
    "headline.en": ("标题（英）", "headline (en)"),
    "description.zh": ("说明（中）", "description (zh)"),
    "description.en": ("说明（英）", "description (en)"),
    "instruction.zh": ("防范指引（中）", "instruction (zh)"),
    "instruction.en": ("防范指引（英）", "instruction (en)"),
    "response_types": ("应对方式", "response"),
    "valid_for_s": ("有效时长（秒）", "valid for (s)"),
    "area.codes": ("区域", "area"),
}


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """变更对照 What a signer should look at: field by field against what stands in public, or all of it."""
    old, new = _flat(before or {}), _flat(after)
    return [
        {"field": field, "zh": zh, "en": en, "before": old.get(field), "after": new.get(field)}
        for field, (zh, en) in _LABELS.items()
        if old.get(field) != new.get(field)
    ]


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, each in value.items():
        if isinstance(each, Mapping):
            out.update(_flat(each, f"{prefix}{key}."))
        else:
            out[f"{prefix}{key}"] = each
    return out


def _headline(place: Place, level: Level, scale: Scale) -> tuple[str, str]:
    if scale is Scale.MONITORING:
        return (
            f"{place.name}达到{place.hazard_zh}{level.zh}标准（实况）",
            f"{place.name}: {level.value} {place.hazard_en.lower()} criteria reached (observed)",
        )
    return (
        f"{place.name}{place.hazard_zh}风险提示（{level.zh}）",
        f"{place.name}: {place.hazard_en.lower()} risk, {level.value}",
    )


def _description(place: Place, level: Level, scale: Scale) -> Words:
    if scale is Scale.MONITORING:
        return Words(
            zh=f"监测实况显示，{place.name}已达到{place.hazard_zh}{level.zh}标准，危险正在发生或即将发生。",
            en=f"Stations show that {place.hazard_en.lower()} in {place.name} has reached the {level.value} criteria. "
            "The danger is here or very near.",
        )
    return Words(
        zh=f"根据主管部门通知，{place.name}{place.hazard_zh}风险等级为{level.zh}。",
        en=f"By notice of the authority in charge: {place.hazard_en.lower()} risk in {place.name} is {level.value}.",
    )
