"""订阅源 The Atom feed of public messages (RFC 4287), and the ETag of any feed; pure.

Links are relative, so that the feed is right behind any gateway. An alert stands in it once, by its newest message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from lxml import etree

from shared.ids import sha256_hex
from shared.realm import is_exercise

ATOM = "http://www.w3.org/2005/Atom"
EPOCH = "1970-01-01T00:00:00Z"
TITLES = {"zh": ("公开预警信息", "【演练】"), "en": ("Public alerts", "[EXERCISE] ")}
LANGUAGE = {"zh": "zh-CN", "en": "en-US"}


def atom(district: str, name: Mapping[str, str], realm: str, items: Sequence[Mapping[str, Any]], lang: str) -> bytes:
    """The feed of these messages, newest first."""
    xml_lang = "{http://www.w3.org/XML/1998/namespace}lang"
    feed = etree.Element(f"{{{ATOM}}}feed", {xml_lang: LANGUAGE[lang]}, nsmap={None: ATOM})  # type: ignore[dict-item]  # None is the default namespace
    title, mark = TITLES[lang]
    _add(feed, "id", f"urn:fengsui:{district}:{realm}:alerts")
    _add(feed, "title", f"{mark if is_exercise(realm) else ''}{name[lang]} {title}")
    _add(feed, "updated", max((item["sent_at"] for item in items), default=EPOCH))
    _link(feed, "self", "application/atom+xml", f"feed.atom?realm={quote(realm)}&lang={lang}")
    author = etree.SubElement(feed, f"{{{ATOM}}}author")
    _add(author, "name", name[lang])
    for item in items:
        _entry(feed, item, lang)
    return bytes(etree.tostring(feed, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _entry(feed: etree._Element, item: Mapping[str, Any], lang: str) -> None:
    text, zh = item["text"], lang == "zh"
    entry = etree.SubElement(feed, f"{{{ATOM}}}entry")
    _add(entry, "id", f"urn:fengsui:{item['identifier']}")
    _add(entry, "title", item["headline"] if zh else text["headline_en"])
    _add(entry, "updated", item["sent_at"])
    _add(entry, "published", item["effective_at"])
    summary = (text["description_zh"], item["instruction"]) if zh else (text["description_en"], text["instruction_en"])
    _add(entry, "summary", "\n".join(summary))
    for term, scheme in (
        (item["level"], "level"),
        (item["state"], "state"),
        (item["msg_type"], "msgType"),
        (item["status"], "status"),
        *((code, "area") for code in item["area"]["codes"]),
    ):
        etree.SubElement(entry, f"{{{ATOM}}}category", {"term": term, "scheme": f"urn:fengsui:{scheme}"})
    where = f"{quote(item['alert_id'])}.xml?realm={quote(item['realm'])}&identifier={quote(item['identifier'])}"
    _link(entry, "alternate", "application/cap+xml", where)


def etag_of(content: bytes) -> str:
    return f'"{sha256_hex(content)[:32]}"'


def _add(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{ATOM}}}{name}").text = "".join(
        c if c.isprintable() or c == "\n" else "�" for c in text
    )


def _link(parent: etree._Element, rel: str, media: str, href: str) -> None:
    etree.SubElement(parent, f"{{{ATOM}}}link", {"rel": rel, "type": media, "href": href})
