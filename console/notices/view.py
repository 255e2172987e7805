"""通知视图 The notice form read and checked, its defaults, and what a notice opened. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console.forms import Both, Typed, late, when
from console.names import Names, areas_in
from console.times import field, parse

HOURS_DEFAULT = 12
ISSUERS_OFFERED = 30
NOTICES_SHOWN = 30
TEXT_MAX = 4000
LEVELS = ("red", "orange", "yellow", "blue")
SCALES = ("signal", "risk", "response", "regional")
FIELDS = frozenset(
    {
        "type",
        "number",
        "issuer",
        "scale",
        "level",
        "hazard",
        "areas",
        "valid_from",
        "valid_to",
        "text",
        "read_back_by",
        "file",
        "corrects",
        "happened_at",
    }
)


@dataclass(frozen=True)
class Kind:
    """通知类型: the scale that its levels belong to, and for how long it usually holds."""

    code: str
    scale: str
    hours: int


KINDS = (
    Kind("signal", "signal", 12),
    Kind("risk_forecast", "risk", 24),
    Kind("nowcast", "risk", 6),
    Kind("hydrology", "risk", 24),
    Kind("hq_notice", "response", 24),
    Kind("reservoir_release", "risk", 6),
    Kind("report", "risk", 6),
    Kind("other", "risk", 12),
)
KIND_OF = {kind.code: kind for kind in KINDS}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """来件 as it was typed: the body for the service, and what is wrong where."""

    body: Mapping[str, Any]
    errors: Mapping[str, Both]

    @property
    def opens(self) -> bool:
        """Whether it can be foreseen: hazard, level and areas are known, and it opens something."""
        return bool(self.body.get("areas")) and self.body["hazard"] != "" and self.body["level"] in LEVELS

    @property
    def mark(self) -> str:
        """What was foreseen: when any of it changes, it has to be foreseen again."""
        return "|".join([self.body["hazard"], self.body["level"], *sorted(self.body.get("areas", ()))])


def read(typed: Typed, names: Names, now: datetime | None) -> Draft:
    """读表单"""
    errors: dict[str, Both] = {}
    areas = areas_in(typed.text("areas"), names)
    if areas.wrong:
        errors["areas"] = {lang: "；".join(each[lang] for each in areas.wrong) for lang in ("zh", "en")}
    body: dict[str, Any] = {
        "type": typed.text("type"),
        "number": typed.text("number") or None,
        "issuer": typed.text("issuer"),
        "scale": typed.text("scale"),
        "level": typed.text("level"),
        "hazard": typed.text("hazard"),
        "areas": list(areas.codes),
        "text": typed.text("text"),
        "read_back_by": typed.text("read_back_by") or None,
        "corrects": typed.text("corrects") or None,
    }
    for name, says in _NEEDED.items():
        if not body[name] and name not in errors:
            errors[name] = says
    if len(body["text"]) > TEXT_MAX:
        errors["text"] = {"zh": f"最多 {TEXT_MAX} 字", "en": f"at most {TEXT_MAX} characters"}
    for name in ("valid_from", "valid_to"):
        body[name] = when(typed, name, errors, now)
    if body["valid_from"] and body["valid_to"] and body["valid_to"] <= body["valid_from"] and "valid_to" not in errors:
        errors["valid_to"] = {"zh": "截止时间应晚于开始时间", "en": "it must end after it begins"}
    body |= late(typed, errors, now)
    if typed.text("file_base64"):
        body["file"] = {
            "name": typed.text("file_name"),
            "media_type": typed.text("file_type"),
            "content_base64": typed.text("file_base64"),
        }
    return Draft(body={name: value for name, value in body.items() if value is not None}, errors=errors)


_NEEDED: Mapping[str, Both] = {
    "type": {"zh": "选一种类型", "en": "choose a type"},
    "issuer": {"zh": "谁发的？如 区气象台", "en": "who issued it?"},
    "scale": {"zh": "级别属于哪一种标度？", "en": "which scale is the level of?"},
    "level": {"zh": "选一个级别", "en": "choose a level"},
    "hazard": {"zh": "选一个灾种", "en": "choose a hazard"},
    "areas": {"zh": "写上区域，如 濯水 冯家；全区写“全区”", "en": "name the areas, such as 濯水 冯家; 全区 for all"},
    "text": {"zh": "把原文要点写上", "en": "write what it says"},
}


def defaults(now: datetime | None, corrected: Mapping[str, Any] | None, names: Names) -> dict[str, str]:
    """表单的初值: from now for some hours; of a correction what the corrected one says."""
    until = now + timedelta(hours=HOURS_DEFAULT) if now else None
    made = {"type": "signal", "scale": "signal", "valid_from": field(now), "valid_to": field(until)}
    if corrected is None:
        return made
    for name in ("type", "issuer", "scale", "level", "hazard", "text"):
        made[name] = str(corrected.get(name) or "")
    made["areas"] = "、".join(names.region(code) for code in corrected["areas"])
    made["valid_to"] = field(parse(corrected.get("valid_to")))
    made["corrects"] = str(corrected["notice_id"])
    return made


def issuers(notices: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who has sent something before, the last first."""
    return list(dict.fromkeys(str(each["issuer"]) for each in notices))[:ISSUERS_OFFERED]


def trips_of(notice: Mapping[str, Any], trips: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The newest trip of each of the notice's areas, of its type."""
    newest: dict[str, Mapping[str, Any]] = {}
    for trip in trips:
        if trip["fuse"] == f"notice.{notice['type']}" and trip["scope"] in notice["areas"]:
            newest.setdefault(str(trip["scope"]), trip)
    return list(newest.values())


def opened_by(
    trips: Sequence[Mapping[str, Any]],
    incidents: Sequence[Mapping[str, Any]],
    cases: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What dispatch made of the trips: incident and case; nothing while it has not heard of them yet."""
    ids = {trip["trip_id"] for trip in trips}
    mine = [each for each in incidents if ids & {trip["trip_id"] for trip in each["trips"]}]
    heard = {trip["trip_id"] for each in mine for trip in each["trips"]}
    incident_ids = {each["incident_id"] for each in mine}
    return {
        "incidents": mine,
        "cases": [case for case in cases if case["incident_id"] in incident_ids],
        "waiting": bool(ids - heard),
    }


def foreseen(asked: Any) -> dict[str, Any]:
    """The preview as the page shows it: posts by the region that they are in, those without a number apart."""
    posts = list(asked["posts"])
    by_region: dict[str, list[Mapping[str, Any]]] = {}
    for post in posts:
        by_region.setdefault(str(post["region_name"]), []).append(post)
    return {
        "posts": posts,
        "by_region": by_region,
        "mute": [post for post in posts if post["state"] == "no_contact"],
        "gaps": asked["gaps"],
        "at_once": [order for order in asked["orders"] if order["in_force"]],
        "to_sign": [order for order in asked["orders"] if not order["in_force"]],
    }
