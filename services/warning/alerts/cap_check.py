"""CAP 检查 What a neighbour's file says, what had to be repaired, and what its producer should know (Google's profile,
CAP 1.2 §3.2, practice); pure.

An ``error`` refuses the alert: it cannot be understood, or it would be misunderstood. A ``warning`` is a fault that a
reader can live with. A ``note`` is what a good producer would do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lxml import etree

from services.warning.alerts.cap import schema_12
from services.warning.alerts.cap_repair import NEVER_GUESSED, WORDS, Repair, Repairer
from services.warning.alerts.cap_tree import CAP_12, Found, Node, read_alerts, to_xml
from services.warning.alerts.cap_values import crosses_itself, instant, language_of, ring_of

HEADLINE_MAX = 140
EVENT_MAX = 35
VERTICES_MAX = 100
EMBEDDED_MAX = 1_000_000
_HTML = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|&(?:[a-z]{2,8}|#\d+);")
_BAD_ID = re.compile(r"[\s,<&]")
_LINE = re.compile(r"\{" + re.escape(CAP_12) + r"\}")


class Severity(StrEnum):
    """轻重"""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """发现"""

    severity: Severity
    line: int
    code: str
    message: str


@dataclass
class Checked:
    """检查结果: of one alert. ``valid`` is by the schema as it came; ``read`` that it can be used, repaired or not."""

    version: str | None
    line: int
    valid: bool
    repairs: list[Repair] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    alert: dict[str, Any] = field(default_factory=dict)
    xml: bytes = b""

    @property
    def read(self) -> bool:
        return all(finding.severity is not Severity.ERROR for finding in self.findings)

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]


def check(data: bytes, **limits: int) -> list[Checked]:
    """检查 Every alert of a file; CapRefused where it is not even looked into."""
    return [_check(found) for found in read_alerts(data, **limits)]


def _check(found: Found) -> Checked:
    schema = schema_12()
    valid = found.version == "1.2" and found.wrapper is None and bool(schema.validate(found.element))
    repairer = Repairer()
    node = repairer.repair(found)
    checked = Checked(found.version, node.line, valid, repairer.repairs)
    tree = to_xml(node)
    checked.findings += sorted(_findings(node, repairer.signatures), key=lambda finding: finding.line)
    if not schema.validate(tree) and checked.read:  # else what is said already explains it
        checked.findings += [
            Finding(Severity.ERROR, entry.line or node.line, "schema", _LINE.sub("", entry.message))
            for entry in schema.error_log  # type: ignore[attr-defined]  # iterable; the stubs do not know
        ]
    checked.alert = _value(node)
    checked.xml = etree.tostring(tree, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return checked


def _value(node: Node) -> Any:
    """The alert as JSON: an element that CAP lets stand more than once is a list."""
    if not node.children:
        return node.text
    out: dict[str, Any] = {}
    counts = Counter(child.name for child in node.children)
    for child in node.children:
        value = _value(child)
        if counts[child.name] > 1 or child.name in ("info", "area", "category", "parameter", "geocode", "polygon"):
            out.setdefault(child.name, []).append(value)
        else:
            out[child.name] = value
    return out


def _findings(alert: Node, signatures: int) -> Iterator[Finding]:
    yield from _head(alert)
    yield from _references(alert)
    if signatures:
        yield _note(alert, "signature", f"{signatures} signature(s) not verified: this version cannot")
    infos = alert.all("info")
    if not infos and alert.value("msgType") in ("Alert", "Update"):
        yield _warning(alert, "no_info", "says nothing: no info")
    for info in infos:
        yield from _info(alert, info)
    yield from _across(infos)


def _head(alert: Node) -> Iterator[Finding]:
    for name in NEVER_GUESSED:
        node = alert.one(name)
        if node is None or not node.text:
            yield Finding(Severity.ERROR, alert.line, f"no_{name}", f"no {name}: it is never guessed (§3.2.1)")
        elif node.text not in WORDS.get(name, (node.text,)):
            allowed = ", ".join(WORDS[name])
            yield Finding(Severity.ERROR, node.line, name, f"{name} '{node.text[:40]}'; give one of {allowed}")
    for name in ("identifier", "sender"):
        node = alert.one(name)
        if node is not None and _BAD_ID.search(node.text):
            yield _warning(node, "bad_id", f"{name} holds a space, comma, < or &: no Update can refer to it (§3.2.1)")
    sent = alert.one("sent")
    if sent is not None and sent.text and instant(sent.text) is None:
        yield Finding(Severity.ERROR, sent.line, "sent", f"sent '{sent.text[:40]}' is no time with an offset")
    scope, status = alert.value("scope"), alert.value("status")
    if alert.one("restriction") is not None and scope != "Restricted":
        yield _warning(alert, "restriction", f"restriction, but the scope is {scope}")
    if alert.one("restriction") is None and scope == "Restricted":
        yield _warning(alert, "restriction", "Restricted, but no restriction says to whom")
    if alert.one("addresses") is None and scope == "Private":
        yield _warning(alert, "addresses", "Private, but no addresses")
    if status == "Exercise" and alert.one("note") is None:
        yield _warning(alert, "exercise_note", "an exercise is named in note (§3.2.1)")
    if alert.value("msgType") == "Error" and alert.one("note") is None:
        yield _warning(alert, "error_note", "an Error is explained in note (§3.2.1)")


def _references(alert: Node) -> Iterator[Finding]:
    node, kind = alert.one("references"), alert.value("msgType")
    if node is None:
        if kind in ("Update", "Cancel", "Ack", "Error"):
            yield _warning(alert, "no_references", f"{kind} refers to nothing (§3.2.1)")
        return
    if kind == "Alert":
        yield _warning(node, "alert_references", "a first Alert refers to another; an Update would")
    sent = instant(alert.value("sent"))
    for triple in node.text.split():
        parts = triple.split(",")
        at = instant(parts[-1]) if len(parts) == 3 else None
        if at is None:
            yield _warning(node, "reference", f"'{triple[:80]}' is not sender,identifier,sent")
        elif parts[1] == alert.value("identifier") and parts[0] == alert.value("sender"):
            yield _warning(node, "self_reference", "refers to itself")
        elif sent is not None and at > sent:
            yield _warning(node, "future_reference", f"refers to what was sent later: '{triple[:80]}'")


def _info(alert: Node, info: Node) -> Iterator[Finding]:
    yield from _language(info)
    yield from _lacking(info)
    yield from _texts(info)
    yield from _times(alert, info)
    for area in info.all("area"):
        yield from _area(area)
    for resource in info.all("resource"):
        embedded = resource.one("derefUri")
        if embedded is not None and len(embedded.text) > EMBEDDED_MAX:
            yield _warning(embedded, "embedded", f"{len(embedded.text)} characters embedded; name a uri instead")


def _language(info: Node) -> Iterator[Finding]:
    node = info.one("language")
    if node is None:
        texts = info.value("headline") + info.value("description")
        foreign = any(ord(c) > 0x24F and c.isalpha() for c in texts)
        more = "; the text is not in English" if foreign else ""
        yield _warning(info, "no_language", f"no language: en-US is then meant (§3.2.2){more}")
    elif language_of(node.text) is None:
        message = f"'{node.text[:40]}' is no language; give a BCP 47 tag such as zh-CN or en-US"
        yield Finding(Severity.ERROR, node.line, "unknown_language", message)


def _lacking(info: Node) -> Iterator[Finding]:
    for name, said in (
        ("expires", "no expires: nobody knows when it is over"),
        ("description", "no description"),
        ("instruction", "no instruction: people are not told what to do"),
    ):
        if info.one(name) is None:
            yield _warning(info, f"no_{name}", said)
    for name in ("responseType", "senderName", "headline", "web", "contact"):
        if info.one(name) is None:
            yield _note(info, f"no_{name}", f"no {name}")
    for name in ("urgency", "severity", "certainty"):
        if info.value(name) == "Unknown":
            yield _note(info, f"unknown_{name}", f"{name} is Unknown: receivers cannot sort it")
    if not info.all("area"):
        yield _warning(info, "no_area", "no area: it is for nowhere")


def _texts(info: Node) -> Iterator[Finding]:
    headline = info.value("headline")
    if len(headline) > HEADLINE_MAX:
        yield _note(info, "long_headline", f"headline of {len(headline)} characters; over {HEADLINE_MAX} are cut")
    if len(info.value("event")) > EVENT_MAX:
        yield _note(info, "long_event", f"event of {len(info.value('event'))} characters; name the type of event")
    for one, other in (("headline", "description"), ("headline", "instruction"), ("description", "instruction")):
        if info.value(one) and info.value(one) == info.value(other):
            yield _note(info, "same_text", f"{one} and {other} say the same")
    for child in info.children:
        if child.name in ("headline", "description", "instruction", "contact", "event") and _HTML.search(child.text):
            yield _warning(child, "html", f"HTML in {child.name}: it is read out as it stands")


def _times(alert: Node, info: Node) -> Iterator[Finding]:
    sent = instant(alert.value("sent"))
    begins = instant(info.value("effective")) or sent
    expires = instant(info.value("expires"))
    if expires is not None and begins is not None and expires <= begins:
        yield _warning(info, "expires_first", "expires before it takes effect")
    onset = instant(info.value("onset"))
    if expires is not None and onset is not None and onset > expires:
        yield _warning(info, "onset_last", "onset lies after expires")
    for node in (alert.one("sent"), info.one("effective"), info.one("onset"), info.one("expires")):
        if node is not None and node.text.endswith("+00:00"):
            yield _note(node, "utc", f"{node.name}: UTC is written -00:00 (§3.3.2)")
            return


def _area(area: Node) -> Iterator[Finding]:
    shapes = [*area.all("polygon"), *area.all("circle"), *area.all("geocode")]
    if not shapes:
        yield _warning(area, "bare_area", f"'{area.value('areaDesc')[:40]}' is only a name: no polygon, circle or code")
    for polygon in area.all("polygon"):
        ring = ring_of(polygon.text)
        if ring is None:
            continue  # left out as a repair
        if len(ring.points) > VERTICES_MAX:
            yield _note(polygon, "many_vertices", f"polygon of {len(ring.points)} points; phones take about 100")
        if crosses_itself(ring.points):
            yield _warning(polygon, "self_crossing", "polygon crosses itself: what is inside cannot be told")
    for circle in area.all("circle"):
        if float(circle.text.rpartition(" ")[2]) == 0:
            yield _note(circle, "no_radius", "circle of radius 0: a point")
    for geocode in area.all("geocode"):
        if not geocode.value("value"):
            yield _warning(geocode, "empty_code", f"geocode {geocode.value('valueName')[:40]} is empty")
    altitude, ceiling = area.value("altitude"), area.value("ceiling")
    if ceiling and (not altitude or float(ceiling) <= float(altitude)):
        yield _warning(area, "ceiling", "ceiling needs an altitude below it (§3.2.4)")


def _across(infos: list[Node]) -> Iterator[Finding]:
    """What all languages of one alert must say alike."""
    for info in infos[1:]:
        first = infos[0]
        for name in ("category", "eventCode"):
            one, other = ([_value(node) for node in each.all(name)] for each in (first, info))
            if sorted(map(str, one)) != sorted(map(str, other)):
                yield _warning(info, f"other_{name}", f"{name} differs from that of the first info")
    languages = [(info.value("language") or "en-US").lower() for info in infos]
    if len(set(languages)) > 1:
        texts = Counter(info.value("description") for info in infos if info.value("description"))
        repeated = [text for text, count in texts.items() if count > 1]
        if repeated:
            yield _note(infos[-1], "untranslated", "the same description under several languages")


def _warning(node: Node, code: str, message: str) -> Finding:
    return Finding(Severity.WARNING, node.line, code, message)


def _note(node: Node, code: str, message: str) -> Finding:
    return Finding(Severity.NOTE, node.line, code, message)
