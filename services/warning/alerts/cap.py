"""CAP 输出 CAP 1.2 XML of an internal version, and the tools of all our CAP: strict, checked by the OASIS schema.

Codes: national event codes and administrative division codes as geocodes. Times carry the district's offset; the
schema knows no ``Z`` (CAP 1.2 §3.3.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from lxml import etree

from services.warning.alerts.alert import Alert
from shared.realm import is_exercise
from shared.vocabulary import AlertScope, Level, MsgType, Scale, Status, Verification

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
SEVERITY = {
    Level.NORMAL: "Unknown",
    Level.BLUE: "Minor",
    Level.YELLOW: "Moderate",
    Level.ORANGE: "Severe",
    Level.RED: "Extreme",
}
CERTAINTY = {
    Verification.CONFIRMED: "Observed",
    Verification.UNCONFIRMED: "Possible",
    Verification.UNVERIFIED: "Possible",
    Verification.REFUTED: "Unlikely",
}
CATEGORY = {"11": "Met", "12": "Geo", "13": "Fire", "14": "Env"}  # first digits of the event code; else Safety
RESTRICTION = "internal alarm for responsible persons; not a public warning 内部监测告警，非公众预警"
INSTRUCTION_ZH = "监测告警，供责任人员处置；对公众的预警以发布机构发布为准。"
INSTRUCTION_EN = "Alarm for responsible persons. Warnings to the public come from the release body alone."
_FORBIDDEN = re.compile(r"[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """引用: an earlier version."""

    identifier: str
    sent_at: datetime


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """发布方: who speaks, for which place."""

    sender: str
    name_zh: str
    name_en: str
    timezone: str
    area_name: str
    hazard_zh: str
    hazard_en: str


def identifier_of(alert: Alert) -> str:
    """编号 The message id of one version."""
    return f"{alert.alert_id}.{alert.version}"


def status_of(realm: str) -> Status:
    return Status.EXERCISE if is_exercise(realm) else Status.ACTUAL


def cap_xml(alert: Alert, realm: str, by: Publisher, before: Reference | None) -> bytes:
    """The XML of a version; ValueError if it does not validate (a bug, or text that XML cannot carry)."""
    root = new_root()
    zone = ZoneInfo(by.timezone)
    add(root, "identifier", identifier_of(alert))
    add(root, "sender", by.sender)
    add(root, "sent", cap_time(alert.sent_at, zone))
    add(root, "status", status_of(realm).value)
    add(root, "msgType", alert.msg_type.value)
    add(root, "scope", AlertScope.RESTRICTED.value)
    add(root, "restriction", RESTRICTION)
    add(root, "code", "fengsui:monitoring-alarm")
    if is_exercise(realm):
        add(root, "note", f"演练 EXERCISE {realm}")
    if before is not None and alert.msg_type is not MsgType.ALERT:
        add(root, "references", f"{by.sender},{before.identifier},{cap_time(before.sent_at, zone)}")
    _internal_info(root, alert, by, zone, "zh-CN")
    _internal_info(root, alert, by, zone, "en-US")
    return finished(root)


def _internal_info(root: etree._Element, alert: Alert, by: Publisher, zone: ZoneInfo, language: str) -> None:
    zh = language == "zh-CN"
    info = etree.SubElement(root, f"{{{NAMESPACE}}}info")
    over = alert.msg_type is MsgType.CANCEL
    add(info, "language", language)
    add(info, "category", CATEGORY.get(alert.hazard[:2], "Safety"))
    add(info, "event", by.hazard_zh if zh else by.hazard_en)
    add(info, "responseType", "None" if over else "Monitor")
    add(info, "urgency", "Past" if over else "Immediate")
    add(info, "severity", SEVERITY[alert.level])
    add(info, "certainty", CERTAINTY[alert.verification] if alert.scale is Scale.MONITORING else "Likely")
    pair(info, "eventCode", "national", alert.hazard)
    add(info, "effective", cap_time(alert.effective_at, zone))
    add(info, "expires", cap_time(alert.expires_at, zone))
    add(info, "senderName", by.name_zh if zh else by.name_en)
    add(info, "headline", alert.headline_zh if zh else alert.headline_en)
    add(info, "description", (alert.description_zh if zh else alert.description_en) or alert.headline_zh)
    add(info, "instruction", INSTRUCTION_ZH if zh else INSTRUCTION_EN)
    for name, value in (
        ("level", alert.level.value),
        ("confirmed_level", alert.confirmed_level.value),
        ("scale", alert.scale.value),
        ("verification", alert.verification.value),
        ("trips", " ".join(alert.trip_ids)),
    ):
        pair(info, "parameter", name, value)
    area = etree.SubElement(info, f"{{{NAMESPACE}}}area")
    add(area, "areaDesc", by.area_name)
    pair(area, "geocode", "administrative-division", alert.region)


def new_root() -> etree._Element:
    """An empty alert."""
    return etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})  # type: ignore[dict-item]  # None is the default namespace


def finished(root: etree._Element) -> bytes:
    """The XML; ValueError if it does not validate."""
    schema = schema_12()
    if not schema.validate(root):
        raise ValueError(f"CAP {root.findtext(f'{{{NAMESPACE}}}identifier')} does not validate: {schema.error_log}")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def add(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = _FORBIDDEN.sub("�", text)


def pair(parent: etree._Element, name: str, value_name: str, value: str) -> None:
    made = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    add(made, "valueName", value_name)
    add(made, "value", value)


def cap_time(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).replace(microsecond=0).isoformat()


@cache
def schema_12() -> etree.XMLSchema:
    """The OASIS schema; its log is of the last validation, so one thread at a time uses it."""
    return etree.XMLSchema(etree.parse(str(Path(__file__).with_name("CAP-v1.2.xsd"))))
