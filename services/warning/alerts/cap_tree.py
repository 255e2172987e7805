"""CAP 读入 From bytes to plain nodes, safely: no DTD, no entities, no network, limits on size, depth and count; pure.

What arrives is somebody else's file. lxml is asked twice: first a target that only looks for what must be refused,
then for the tree. Nodes keep their line, so that every finding can say where.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from lxml import etree

BYTES_MAX = 4_000_000
"""Real alerts reach 1.7 MB once somebody expanded 200 zones into polygons; 20 MB is no alert."""
DEPTH_MAX = 40
NODES_MAX = 100_000
ALERTS_MAX = 200

CAP_12 = "urn:oasis:names:tc:emergency:cap:1.2"
VERSIONS = {
    CAP_12: "1.2",
    "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
    "http://www.incident.com/cap/1.0": "1.0",
}
DSIG = "http://www.w3.org/2000/09/xmldsig#"


class CapRefused(Exception):
    """拒收: not even looked into; ``line`` is where."""

    def __init__(self, code: str, line: int, message: str) -> None:
        super().__init__(message)
        self.code, self.line, self.message = code, line, message


@dataclass
class Node:
    """节点: an element; ``text`` is its own text alone."""

    name: str
    namespace: str | None
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, name: str) -> list[Node]:
        return [child for child in self.children if child.name == name]

    def one(self, name: str) -> Node | None:
        return next((child for child in self.children if child.name == name), None)

    def value(self, name: str) -> str:
        """The first such child's text; empty where there is none."""
        found = self.one(name)
        return found.text if found else ""


@dataclass(frozen=True)
class Found:
    """找到的预警: an alert element, its CAP version (None without a namespace), and what it was wrapped in."""

    node: Node
    version: str | None
    wrapper: str | None
    element: etree._Element


class _Guard:
    """Sees what must be refused before a tree is made of it."""

    def __init__(self) -> None:
        self.depth = self.nodes = 0

    def start(self, _tag: str, _attributes: object) -> None:
        self.depth += 1
        self.nodes += 1
        if self.depth > DEPTH_MAX:
            raise CapRefused("too_deep", 1, f"elements are nested deeper than {DEPTH_MAX}; no alert is")
        if self.nodes > NODES_MAX:
            raise CapRefused("too_many", 1, f"more than {NODES_MAX} elements; split the file")

    def end(self, _tag: str) -> None:
        self.depth -= 1

    def doctype(self, *_: object) -> None:
        raise CapRefused(
            "doctype", 1, "has a DOCTYPE: CAP needs none, and entities are how files are stolen; remove it"
        )

    def close(self) -> None:
        """Nothing is kept."""


def _parser(target: _Guard | None = None) -> etree.XMLParser:
    return etree.XMLParser(
        target=cast(Any, target),
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def read_alerts(data: bytes, bytes_max: int = BYTES_MAX) -> list[Found]:
    """读入 All alerts of a file; CapRefused tells why there are none."""
    if len(data) > bytes_max:
        raise CapRefused("too_large", 1, f"is {len(data)} bytes; at most {bytes_max} are read")
    plain = data.lstrip(b" \t\r\n")
    skipped = data[: len(data) - len(plain)].count(b"\n")
    try:
        etree.fromstring(plain, _parser(_Guard()))
        root = etree.fromstring(plain, _parser())
    except CapRefused as refused:
        refused.line = _line_of(data, refused.code)
        raise
    except etree.XMLSyntaxError as error:
        raise CapRefused("not_xml", (error.lineno or 1) + skipped, f"is not XML: {error.msg}") from None
    except (ValueError, LookupError) as error:
        raise CapRefused("not_xml", 1, f"is not XML: {error}") from None
    if cast(Any, root.getroottree().docinfo).doctype:
        raise CapRefused("doctype", _line_of(data, "doctype"), "has a DOCTYPE; CAP needs none, remove it")
    found = list(_alerts(root, skipped))
    if not found:
        raise CapRefused("not_cap", 1, f"holds no CAP alert: its root is {etree.QName(root).localname}")
    if len(found) > ALERTS_MAX:
        raise CapRefused("too_many", 1, f"holds {len(found)} alerts; at most {ALERTS_MAX} are read at once")
    return found


def _alerts(root: etree._Element, skipped: int) -> Iterator[Found]:
    """The root, or alerts inside an envelope (EDXL-DE, a list of alerts)."""
    root_name = etree.QName(root).localname
    for element in root.iter("{*}alert"):
        namespace: str | None = cast(Any, etree.QName(element)).namespace
        if namespace not in VERSIONS and (namespace is not None or element is not root):
            continue
        inside = element.getparent()
        if inside is not None and any(etree.QName(up).localname == "alert" for up in element.iterancestors()):
            continue
        wrapper = None if element is root else root_name
        yield Found(_node(element, skipped), VERSIONS.get(namespace or ""), wrapper, element)


def _node(element: etree._Element, skipped: int) -> Node:
    name = etree.QName(element)
    node = Node(name.localname, name.namespace, line_of(element) + skipped, (element.text or "").strip())
    tails: list[str] = []
    for child in element:
        if isinstance(child.tag, str):
            node.children.append(_node(child, skipped))
        tails.append(str(child.tail or "").strip())
    stray = " ".join(tail for tail in tails if tail)
    if stray:
        node.text = f"{node.text} {stray}".strip()
    return node


def line_of(element: etree._Element) -> int:
    """The line that an element began in; the stubs do not know that it is a number."""
    return int(cast(Any, element).sourceline or 1)


def _line_of(data: bytes, code: str) -> int:
    at = data.find(b"<!DOCTYPE") if code == "doctype" else 0
    return data.count(b"\n", 0, max(at, 0)) + 1


def to_xml(node: Node) -> etree._Element:
    """A CAP 1.2 tree of the nodes, with their lines, for the schema to judge."""
    root = etree.Element(f"{{{node.namespace or CAP_12}}}{node.name}", nsmap={None: CAP_12})  # type: ignore[dict-item]  # None is the default namespace
    _fill(root, node)
    return root


def _fill(element: etree._Element, node: Node) -> None:
    cast(Any, element).sourceline = node.line
    element.text = node.text or None
    for child in node.children:
        _fill(etree.SubElement(element, f"{{{child.namespace or CAP_12}}}{child.name}"), child)
