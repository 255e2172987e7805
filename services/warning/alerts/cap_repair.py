"""CAP 修复 Tolerant in: what real producers get wrong is put right where it can only mean one thing, and recorded.

Nothing is invented that matters: status, msgType, scope, identifier, sender and sent are never guessed. What is
missing in an info becomes Unknown, which CAP has a word for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.warning.alerts.cap_tree import CAP_12, DSIG, VERSIONS, Found, Node
from services.warning.alerts.cap_values import circle_of, language_of, ring_of, time_of

MANY = frozenset(
    {"code", "info", "Signature", "category", "responseType", "eventCode", "parameter", "resource", "area"}
)
MANY_IN_AREA = frozenset({"polygon", "circle", "geocode"})
ORDER: Mapping[str, tuple[str, ...]] = {
    "alert": (
        *("identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses"),
        *("code", "note", "references", "incidents", "info", "Signature"),
    ),
    "info": (
        *("language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience"),
        *("eventCode", "effective", "onset", "expires", "senderName", "headline", "description", "instruction"),
        *("web", "contact", "parameter", "resource", "area"),
    ),
    "resource": ("resourceDesc", "mimeType", "size", "uri", "derefUri", "digest"),
    "area": ("areaDesc", "polygon", "circle", "geocode", "altitude", "ceiling"),
    "eventCode": ("valueName", "value"),
    "parameter": ("valueName", "value"),
    "geocode": ("valueName", "value"),
}
PAIRS = ("eventCode", "parameter", "geocode")
WORDS: Mapping[str, tuple[str, ...]] = {
    "status": ("Actual", "Exercise", "System", "Test", "Draft"),
    "msgType": ("Alert", "Update", "Cancel", "Ack", "Error"),
    "scope": ("Public", "Restricted", "Private"),
    "category": (
        *("Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE"),
        "Other",
    ),
    "responseType": ("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"),
    "urgency": ("Immediate", "Expected", "Future", "Past", "Unknown"),
    "severity": ("Extreme", "Severe", "Moderate", "Minor", "Unknown"),
    "certainty": ("Observed", "Likely", "Possible", "Unlikely", "Unknown"),
}
OLD_WORDS = {"very likely": "Likely"}  # CAP 1.0
FALLBACK = {"category": "Other", "urgency": "Unknown", "severity": "Unknown", "certainty": "Unknown"}
NEVER_GUESSED = ("identifier", "sender", "sent", "status", "msgType", "scope")
JOINED = frozenset({"description", "instruction", "note", "contact"})
TIMES = ("sent", "effective", "onset", "expires")


@dataclass(frozen=True)
class Repair:
    """修复"""

    line: int
    code: str
    message: str


class Repairer:
    """修复一份预警: changes the nodes, and records each change."""

    def __init__(self) -> None:
        self.repairs: list[Repair] = []
        self.signatures = 0

    def note(self, node: Node, code: str, message: str) -> None:
        self.repairs.append(Repair(node.line, code, message))

    def repair(self, found: Found) -> Node:
        """The alert as CAP 1.2 has it, as far as that can be known."""
        alert = found.node
        if found.wrapper is not None:
            self.note(alert, "wrapper", f"taken out of its envelope <{found.wrapper}>")
        if found.version is None:
            self.note(alert, "namespace", "no namespace; read as CAP 1.2")
        elif found.version != "1.2":
            self.note(alert, "version", f"CAP {found.version}; read as CAP 1.2")
        self._container(alert, "alert")
        for info in alert.all("info"):
            self._container(info, "info")
            for name in ("resource", "area"):
                for child in info.all(name):
                    self._container(child, name)
            for holder in (info, *info.all("area")):
                for name in PAIRS:
                    for child in holder.all(name):
                        self._pair(child)
            self._fill_info(info)
        return alert

    # -- one element -------------------------------------------------------------------------------------

    def _container(self, node: Node, kind: str) -> None:
        node.name, node.namespace = kind, CAP_12
        if node.text:
            self.note(node, "stray_text", f"text between the elements of {kind} left out: {node.text[:40]!r}")
            node.text = ""
        self._names(node, ORDER[kind])
        self._values(node)
        self._once(node, MANY | (MANY_IN_AREA if kind == "area" else frozenset()))
        places = {name: at for at, name in enumerate(ORDER[kind])}
        ordered = sorted(node.children, key=lambda child: places[child.name])
        if [id(child) for child in ordered] != [id(child) for child in node.children]:
            self.note(node, "order", f"elements of {kind} put into CAP's order")
            node.children = ordered

    def _names(self, node: Node, known: tuple[str, ...]) -> None:
        """Leave out what CAP does not know; a name in another case is the name."""
        by_lower = {name.lower(): name for name in known}
        kept: list[Node] = []
        for child in node.children:
            if child.namespace == DSIG and child.name == "Signature" and "Signature" in known:
                self.signatures += 1
                continue  # judged on the file's own bytes, never on what was repaired
            ours = child.namespace is None or child.namespace in VERSIONS
            name = by_lower.get(child.name.lower()) if ours else None
            if name is None or name == "Signature":
                self.note(child, "unknown_element", f"<{child.name}> is not CAP's; left out")
                continue
            if name != child.name:
                self.note(child, "name", f"<{child.name}> read as <{name}>")
            child.name, child.namespace = name, CAP_12
            kept.append(child)
        node.children = kept

    def _once(self, node: Node, many: frozenset[str]) -> None:
        seen: dict[str, Node] = {}
        kept: list[Node] = []
        for child in node.children:
            first = seen.get(child.name)
            if first is None or child.name in many:
                seen.setdefault(child.name, child)
                kept.append(child)
            elif child.name in JOINED:
                first.text = f"{first.text}\n{child.text}"
                self.note(child, "joined", f"a second <{child.name}> joined to the first")
            else:
                self.note(child, "repeated", f"a second <{child.name}> left out")
        node.children = kept

    # -- values ------------------------------------------------------------------------------------------

    def _values(self, node: Node) -> None:
        kept: list[Node] = []
        for child in node.children:
            if not child.text and not child.children and child.name not in NEVER_GUESSED:
                self.note(child, "empty", f"empty <{child.name}> left out")
                continue
            fix = _FIXES.get(child.name)
            if fix is None or fix(self, child):
                kept.append(child)
        node.children = kept

    def word(self, node: Node) -> bool:
        """A word of CAP's in another case or age; a word that is none of them becomes Unknown, or is left out."""
        words = WORDS[node.name]
        if node.text in words:
            return True
        lower = node.text.lower().replace(" ", "")
        right = next((w for w in words if w.lower() == lower), OLD_WORDS.get(node.text.lower()))
        if right is None and node.name in NEVER_GUESSED:
            return True  # the schema says what is wrong with it
        right = right if right in words else FALLBACK.get(node.name)
        if right is None:
            self.note(node, "word", f"{node.name} '{node.text[:40]}' is none of CAP's words; left out")
            return False
        self.note(node, "word", f"{node.name} '{node.text[:40]}' read as {right}")
        node.text = right
        return True

    def time(self, node: Node) -> bool:
        right = time_of(node.text)
        if right == node.text:
            return True
        if right is not None:
            self.note(node, "time", f"{node.name} '{node.text[:40]}' read as {right}")
            node.text = right
            return True
        if node.name in NEVER_GUESSED:
            return True
        self.note(node, "time", f"{node.name} '{node.text[:40]}' is no time with an offset; left out")
        return False

    def language(self, node: Node) -> bool:
        right = language_of(node.text)
        if right is not None and right != node.text:
            self.note(node, "language", f"language '{node.text}' read as {right}")
            node.text = right
        return True  # an unknown one is a finding: nobody can know who reads it

    def polygon(self, node: Node) -> bool:
        ring = ring_of(node.text)
        if ring is None:
            self.note(node, "polygon", f"no polygon of latitudes and longitudes: '{node.text[:40]}'; left out")
            return False
        for done in ring.done:
            self.note(node, f"polygon_{done}", _POLYGON[done])
        if ring.done or ring.text != node.text:
            node.text = ring.text
        return True

    def circle(self, node: Node) -> bool:
        found = circle_of(node.text)
        if found is None:
            self.note(node, "circle", f"no circle 'lat,lon radius': '{node.text[:40]}'; left out")
            return False
        if found[0] != node.text:
            self.note(node, "circle", f"circle '{node.text[:40]}' read as '{found[0]}'")
            node.text = found[0]
        return True

    def number(self, node: Node) -> bool:
        try:
            whole = int(float(node.text))
        except (ValueError, OverflowError):
            self.note(node, "number", f"{node.name} '{node.text[:40]}' is no number; left out")
            return False
        if node.name == "size" and not node.text.lstrip("+-").isdigit():
            self.note(node, "number", f"size '{node.text[:40]}' read as {whole}")
            node.text = str(whole)
        return True

    def listed(self, node: Node) -> bool:
        """White space in a list of references or addresses is one space."""
        plain = " ".join(node.text.split())
        if plain != node.text:
            self.note(node, "white_space", f"white space in {node.name} drawn together")
            node.text = plain
        return True

    # -- what is missing ---------------------------------------------------------------------------------

    def _pair(self, node: Node) -> None:
        """CAP 1.0 wrote ``SAME=006109``."""
        name, equals, value = node.text.partition("=")
        if node.text and equals and not node.children:
            self.note(node, "pair", f"{node.name} '{node.text[:40]}' read as name and value")
            node.children = [_new("valueName", name.strip(), node.line), _new("value", value.strip(), node.line)]
        elif node.text and not node.children:
            self.note(node, "pair", f"{node.name} '{node.text[:40]}' read as a value without a name")
            node.children = [_new("valueName", "", node.line), _new("value", node.text, node.line)]
        node.text = ""
        self._names(node, ORDER[node.name])
        for name in ("valueName", "value"):
            if node.one(name) is None:
                self.note(node, "pair", f"{node.name} has no {name}; read as empty")
                node.children.append(_new(name, "", node.line))
        self._once(node, frozenset())
        node.children.sort(key=lambda child: child.name != "valueName")

    def _fill_info(self, info: Node) -> None:
        for name, value in FALLBACK.items():
            if info.one(name) is None:
                self._insert(info, name, value, f"no {name}; read as {value}")
        if info.one("event") is None and info.value("headline"):
            self._insert(info, "event", info.value("headline"), "no event; the headline stands for it")
        for area in info.all("area"):
            if area.one("areaDesc") is None:
                geocode = area.one("geocode")
                text = geocode.value("value") if geocode else "?"
                self._insert(area, "areaDesc", text or "?", f"no areaDesc; read as '{text or '?'}'")
        for resource in info.all("resource"):
            if resource.one("resourceDesc") is None:
                self._insert(resource, "resourceDesc", resource.value("uri") or "?", "no resourceDesc")
            if resource.one("mimeType") is None:
                self._insert(resource, "mimeType", "application/octet-stream", "no mimeType")

    def _insert(self, node: Node, name: str, text: str, message: str) -> None:
        places = {known: at for at, known in enumerate(ORDER[node.name])}
        node.children.append(_new(name, text, node.line))
        node.children.sort(key=lambda child: places[child.name])
        self.note(node, "missing", message)


def _new(name: str, text: str, line: int) -> Node:
    return Node(name, CAP_12, line, text)


_POLYGON = {
    "brackets": "polygon: brackets and semicolons left out",
    "swapped": "polygon: longitude came first; turned round",
    "date_line": "polygon: longitudes counted on past the date line; brought back",
    "closed": "polygon was open; closed",
}
_FIXES: Mapping[str, Callable[[Repairer, Node], bool]] = {
    **dict.fromkeys(WORDS, Repairer.word),
    **dict.fromkeys(TIMES, Repairer.time),
    "language": Repairer.language,
    "polygon": Repairer.polygon,
    "circle": Repairer.circle,
    "altitude": Repairer.number,
    "ceiling": Repairer.number,
    "size": Repairer.number,
    "references": Repairer.listed,
    "addresses": Repairer.listed,
}
