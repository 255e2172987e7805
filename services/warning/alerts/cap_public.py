"""对外 CAP CAP 1.2 XML of a released message: Public (or Restricted), Chinese and English, strict against the schema.

An end is an Update with responseType AllClear and urgency Past; a Cancel only withdraws. References name every earlier
message of the alert that has not expired, so that a receiver who missed one still replaces the right ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from lxml import etree

from services.warning.alerts.bulletin import Bulletin, msg_type_of
from services.warning.alerts.cap import (
    CATEGORY,
    NAMESPACE,
    SEVERITY,
    Publisher,
    Reference,
    add,
    cap_time,
    finished,
    new_root,
    pair,
)
from services.warning.alerts.life import Purpose
from shared.realm import is_exercise
from shared.vocabulary import AlertScope, Level, Scale

RESTRICTION = "for responsible units and persons 限责任单位和责任人"
WITHDRAWN = "withdrawn by the issuer 发布方撤销"
URGENCY = {Level.RED: "Immediate", Level.ORANGE: "Immediate"}


@dataclass(frozen=True, kw_only=True)
class Release:
    """发布: who released it under which number, and when it speaks from and to."""

    identifier: str
    body: str
    number: str | None
    sent_at: datetime
    expires_at: datetime
    references: Sequence[Reference] = ()


def public_xml(bulletin: Bulletin, purpose: Purpose, by: Publisher, release: Release) -> bytes:
    """The XML of a released message; ValueError if it does not validate."""
    zone = ZoneInfo(by.timezone)
    root = new_root()
    supersedes = release.references[-1].identifier if release.references else None
    add(root, "identifier", release.identifier)
    add(root, "sender", by.sender)
    add(root, "sent", cap_time(release.sent_at, zone))
    add(root, "status", bulletin.status.value)
    add(root, "msgType", msg_type_of(purpose, supersedes).value)
    add(root, "scope", bulletin.scope.value)
    if bulletin.scope is AlertScope.RESTRICTED:
        add(root, "restriction", RESTRICTION)
    add(root, "code", f"fengsui:{purpose.value}")
    note = _note(bulletin, purpose)
    if note:
        add(root, "note", note)
    if release.references:
        triples = (f"{by.sender},{one.identifier},{cap_time(one.sent_at, zone)}" for one in release.references)
        add(root, "references", " ".join(triples))
    for language in ("zh-CN", "en-US"):
        _info(root, bulletin, purpose, by, release, language)
    return finished(root)


def _note(bulletin: Bulletin, purpose: Purpose) -> str:
    """CAP 1.2 §3.2.1: an exercise is named in its note."""
    parts = [f"演练 EXERCISE {bulletin.realm}"] if is_exercise(bulletin.realm) else []
    if purpose is Purpose.CANCEL:
        parts.append(WITHDRAWN)
    return "; ".join(parts)


def _info(
    root: etree._Element, bulletin: Bulletin, purpose: Purpose, by: Publisher, release: Release, language: str
) -> None:
    zone, zh = ZoneInfo(by.timezone), language == "zh-CN"
    past = purpose is not Purpose.PUBLISH
    sent = cap_time(release.sent_at, zone)
    info = etree.SubElement(root, f"{{{NAMESPACE}}}info")
    add(info, "language", language)
    add(info, "category", CATEGORY.get(bulletin.hazard[:2], "Safety"))
    add(info, "event", by.hazard_zh if zh else by.hazard_en)
    for response in bulletin.response_types:
        add(info, "responseType", response)
    add(info, "urgency", "Past" if past else URGENCY.get(bulletin.level, "Expected"))
    add(info, "severity", "Minor" if purpose is Purpose.END else SEVERITY[bulletin.level])
    add(info, "certainty", "Observed" if past or bulletin.scale is Scale.MONITORING else "Likely")
    pair(info, "eventCode", "national", bulletin.hazard)
    add(info, "effective", sent)
    add(info, "expires", cap_time(release.expires_at, zone))
    add(info, "senderName", by.name_zh if zh else by.name_en)
    add(info, "headline", _marked(bulletin.headline.zh if zh else bulletin.headline.en, bulletin.realm, zh=zh))
    add(info, "description", bulletin.description.zh if zh else bulletin.description.en)
    add(info, "instruction", bulletin.instruction.zh if zh else bulletin.instruction.en)
    parameters = {"level": bulletin.level.value, "scale": bulletin.scale.value, "release_body": release.body}
    if release.number:
        parameters["release_number"] = release.number
    for name, value in parameters.items():
        pair(info, "parameter", name, value)
    area = etree.SubElement(info, f"{{{NAMESPACE}}}area")
    add(area, "areaDesc", by.area_name)
    pair(area, "geocode", "administrative-division", bulletin.region)


def _marked(text: str, realm: str, *, zh: bool) -> str:
    """Who reads only the headline must see it too."""
    if not is_exercise(realm):
        return text
    return f"【演练】{text}" if zh else f"[EXERCISE] {text}"
