"""签批视图 Alerts by what is due with them, the words that are signed and how they differ, the acts' forms. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from console.forms import Both, Typed, late, when
from console.names import Names
from console.times import field

RANK = {"red": 4, "orange": 3, "yellow": 2, "blue": 1, "normal": 0}
PURPOSES = ("publish", "cancel", "end")
TEXTS = ("headline.zh", "headline.en", "description.zh", "description.en", "instruction.zh", "instruction.en")
STANDING = frozenset({"released", "updated"})
OVER = frozenset({"cancelled", "ended"})
HEAPS = ("sign", "hand_over", "release", "end_due", "unconfirmed", "returned", "standing", "over")
HOURS_MIN, HOURS_MAX = 1, 48

# act → the fields of its form; each is sent to the service's path of the same name
ACTS: Mapping[str, frozenset[str]] = {
    "approve": frozenset({"signature", "key_id", "post", "number", "words", "recorded_by", "reason", "happened_at"}),
    "return": frozenset({"reason", "happened_at"}),
    "reject": frozenset({"reason", "happened_at"}),
    "hand-over": frozenset({"body", "via", "received_by", "reason", "happened_at"}),
    "released": frozenset({"body", "number", "at", "reason"}),
    "update": frozenset({*(name.replace(".", "_") for name in TEXTS), "level", "hours", "scope", "reason"}),
    "cancel": frozenset({"body", "number", "at", "reason"}),
    "end": frozenset({"body", "number", "at", "reason"}),
}
SIGNERS = frozenset({"issuer", "second_issuer", "duty_officer", "commander"})
DUE = {"hand_over": "hand-over", "release": "released", "end_due": "end", "returned": "update"}
CHOICE_OF = {"hand-over": "hand_over"}


@dataclass(frozen=True)
class Heap:
    """一堆: alerts with which the same is due"""

    name: str
    alerts: Sequence[Mapping[str, Any]]


def heaps(alerts: Iterable[Mapping[str, Any]]) -> list[Heap]:
    """What is due first: to sign, to hand over, to note as released, to end; then what waits or stands."""
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in HEAPS}
    for alert in alerts:
        found[heap_of(alert)].append(alert)
    for rows in found.values():
        rows.sort(key=lambda row: (-RANK.get(row["life"]["proposed"]["level"], 5), row["alert_id"]))
    return [Heap(name, rows) for name, rows in found.items() if rows]


def heap_of(alert: Mapping[str, Any]) -> str:
    state, life = alert["state"], alert["life"]
    if state in OVER:
        return "over"
    if life["end_due"]:
        return "end_due"
    if state == "draft":
        return "sign" if life["proposed"]["confirmed"] else "unconfirmed"
    if state in ("returned", "rejected"):
        return "returned"
    return {"approved": "hand_over", "handed_over": "release"}.get(state, "standing")


def purpose_of(alert: Mapping[str, Any], wanted: str | None) -> str:
    """Which message the page is about: the asked one; else what is due."""
    if wanted in PURPOSES:
        return str(wanted)
    return "end" if alert["life"]["end_due"] else "publish"


def leaves(message: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every value of the message by its path: all of it is signed, so all of it is shown."""
    out: dict[str, Any] = {}
    for name, value in message.items():
        if isinstance(value, Mapping):
            out |= leaves(value, f"{prefix}{name}.")
        else:
            out[f"{prefix}{name}"] = value
    return out


def plain(message: Mapping[str, Any]) -> dict[str, str]:
    """The same as text, to lay two versions beside each other."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in leaves(message).items()}


@dataclass(frozen=True)
class Difference:
    """变更一栏: ``parts`` tell of a text what went (del), came (ins) and stayed (same)"""

    name: str
    label: Both
    before: Any
    after: Any
    parts: Sequence[tuple[str, str]] = ()


def differences(sheet: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(
            each["field"],
            {"zh": each["zh"], "en": each["en"]},
            each["before"],
            each["after"],
            marked(each["before"], each["after"]) if each["field"] in TEXTS else (),
        )
        for each in sheet["diff"]
        if each["field"] != "act" or each["before"] is not None
    ]


def marked(before: Any, after: Any) -> list[tuple[str, str]]:
    """What changed inside a text."""
    if not isinstance(before, str) or not isinstance(after, str):
        return []
    out: list[tuple[str, str]] = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            out.append(("same", before[a:b]))
            continue
        if a != b:
            out.append(("del", before[a:b]))
        if c != d:
            out.append(("ins", after[c:d]))
    return out


def earlier(alert: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Against the version before, where nothing stands in public yet: (what, before, now) of what changed."""
    versions = alert.get("versions") or []
    for before in reversed(versions[:-1]):
        changed = [
            (name, str(before[name]), str(versions[-1][name]))
            for name in ("level", "verification", "headline")
            if before[name] != versions[-1][name]
        ]
        if changed:
            return changed
    return []


def people(codes: Iterable[str], names: Names) -> list[tuple[str, int | None]]:
    """(area, how many live there; None: not known)"""
    return [(names.region(code), names.population(code)) for code in codes]


def keys_of(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of the keys that count."""
    return [str(each["key_id"]) for each in items if not each["revoked_at"]]


def forms_open(alert: Mapping[str, Any]) -> tuple[list[str], list[Mapping[str, Any]]]:
    """(acts that may be done, those that may not with the reason)"""
    name = {choice: act for act, choice in CHOICE_OF.items()}
    can = [name.get(each["act"], each["act"]) for each in alert["choices"] if each["state"] == "open"]
    due = DUE.get(heap_of(alert))
    can.sort(key=lambda act: act != due)
    return can, [each for each in alert["choices"] if each["state"] != "open"]


def defaults(
    alert: Mapping[str, Any], sheet: Mapping[str, Any] | None, officer: str, now: datetime | None
) -> dict[str, str]:
    message = (sheet or {}).get("message") or {}
    given = {f"{name.replace('.', '_')}": str(value) for name, value in leaves(message).items() if name in TEXTS}
    handed: Mapping[str, Any] = next(
        (act["body"] for act in reversed(alert.get("acts", ())) if act["act"] == "hand_over"), {}
    )
    return {
        **given,
        "level": str(message.get("level", "")),
        "scope": str(message.get("scope", "Public")),
        "hours": str(int(message.get("valid_for_s", 43200)) // 3600),
        "recorded_by": officer,
        "body": str(handed.get("body", "")),
        "at": field(now),
    }


def read(act: str, typed: Typed, now: datetime | None) -> tuple[dict[str, Any], dict[str, Both]]:
    """The body of an act, and what is wrong with its form."""
    errors: dict[str, Both] = {}
    body: dict[str, Any] = {"reason": typed.text("reason")}
    if act in ("return", "reject", "hand-over", "update", "cancel", "end") and not body["reason"]:
        errors["reason"] = {"zh": "写明理由", "en": "say the reason"}
    if act == "approve":
        body |= _signature(typed, errors)
    if act == "hand-over":
        body |= {name: _needed(typed, name, errors) for name in ("body", "via")}
        body["received_by"] = typed.text("received_by") or None
    if act in ("released", "cancel", "end"):
        body |= {"body": _needed(typed, "body", errors), "number": typed.text("number") or None}
        body["at"] = when(typed, "at", errors, now)
    if act == "update":
        body |= _words(typed, errors)
    if act in ("released", "cancel", "end"):
        return {**body, **({"entered_late": True} if typed.text("entered_late") else {})}, errors
    return {**body, **late(typed, errors, now)}, errors


_SAYS: Mapping[str, Both] = {
    "body": {"zh": "写上发布机构", "en": "name the release body"},
    "via": {"zh": "怎么交的？电话、传真、系统…", "en": "by what way? telephone, fax, system…"},
    "number": {"zh": "写您回拨的号码", "en": "the number that you rang back"},
    "words": {"zh": "写对方的原话", "en": "the words that were said"},
    "recorded_by": {"zh": "写记录人", "en": "who wrote it down"},
    "post": {"zh": "选电话批准人", "en": "who approved by telephone?"},
}


def _needed(typed: Typed, name: str, errors: dict[str, Both]) -> str:
    text = typed.text(name)
    if not text:
        errors[name] = _SAYS[name]
    return text


def _signature(typed: Typed, errors: dict[str, Both]) -> dict[str, Any]:
    body: dict[str, Any] = {name: typed.text(name) for name in ("digest", "key_id", "signature")}
    body["act"] = typed.text("act") or "publish"
    if not body["signature"] or not body["key_id"]:
        errors["signature"] = {"zh": "还没有签名", "en": "it is not signed yet"}
    if any(typed.text(name) for name in ("post", "number", "words")):
        body["call_back"] = {name: _needed(typed, name, errors) for name in ("post", "number", "words", "recorded_by")}
    return body


def _words(typed: Typed, errors: dict[str, Both]) -> dict[str, Any]:
    body: dict[str, Any] = {"scope": typed.text("scope") or None, "level": typed.text("level") or None}
    for part in ("headline", "description", "instruction"):
        zh, en = typed.text(f"{part}_zh"), typed.text(f"{part}_en")
        if zh:
            body[part] = {"zh": zh, "en": en or None}
        elif en:
            errors[f"{part}_zh"] = {"zh": "中文不能空", "en": "the Chinese text is missing"}
    hours = typed.text("hours")
    if hours and (not hours.isdecimal() or not HOURS_MIN <= int(hours) <= HOURS_MAX):
        errors["hours"] = {"zh": f"{HOURS_MIN} 至 {HOURS_MAX} 小时", "en": f"{HOURS_MIN} to {HOURS_MAX} hours"}
    elif hours:
        body["valid_for_s"] = int(hours) * 3600
    return {name: value for name, value in body.items() if value is not None}
