"""区县 district.yaml: who we are, which clock, whom we speak for, and who lives beside us."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

from shared.ids import is_id
from shared.pack.cells import duration_s, is_phone, quoted
from shared.pack.located import Located
from shared.pack.model import District, Neighbour
from shared.pack.table import Problems

FILE = "district.yaml"
_KEYS = {"code", "name", "timezone", "sender", "status", "max_lateness", "neighbours", "source"}
_NEIGHBOUR_KEYS = {"code", "name", "areas", "feed", "key", "phone", "source"}
_SENDER = re.compile(r"[^\s,<&]{1,128}")  # CAP 1.2 §3.2.1 sender
NEIGHBOURS_MAX = 100
MAX_LATENESS_S_MAX = 31 * 86_400


class _Reader:
    """Reads the keys of one mapping, naming the line of each that is wrong."""

    def __init__(self, data: Located, problems: Problems, prefix: str = "") -> None:
        self.data, self.problems, self.prefix = data, problems, prefix

    def wrong(self, key: str, message: str) -> None:
        self.problems.add(FILE, self.data.line_of(key), f"{self.prefix}{key} {message}", key)

    def unknown(self, known: set[str]) -> None:
        for key in self.data:
            if key not in known:
                self.wrong(key, f"is not a key of {FILE}; the keys are {', '.join(sorted(known))}")

    def text(self, key: str, *, required: bool = True) -> str | None:
        value = self.data.get(key)
        if value is None:
            if required:
                self.wrong(key, "is missing; every district needs it")
            return None
        if isinstance(value, bool | float) or not isinstance(value, str | int) or not str(value).strip():
            self.wrong(key, f"{quoted(str(value))} is not text; write one line of text")
            return None
        return str(value).strip()

    def identifier(self, key: str) -> str | None:
        value = self.text(key)
        if value is not None and not is_id(value):
            self.wrong(key, f"{quoted(value)} is not a code; use up to 64 of A-Z a-z 0-9 _ -")
            return None
        return value


def read_district(data: Any, problems: Problems) -> District | None:
    """读区县 The district, or None with problems."""
    if not isinstance(data, Located):
        problems.add(FILE, 1, "is not a mapping; begin with lines such as 'code: 500114'")
        return None
    before = len(problems)
    read = _Reader(data, problems)
    read.unknown(_KEYS)
    code = read.identifier("code")
    zh, en = _names(data, read)
    timezone = read.text("timezone")
    if timezone is not None and not _is_timezone(timezone):
        read.wrong("timezone", f"{quoted(timezone)} is not a time zone; write one such as Asia/Shanghai")
    sender = read.text("sender")
    if sender is not None and not _SENDER.fullmatch(sender):
        read.wrong("sender", f"{quoted(sender)} cannot be a CAP sender; use no spaces, commas, < or &")
    status = read.text("status")
    if status is not None and status not in ("Exercise", "Actual"):
        read.wrong("status", f"{quoted(status)} is not known; use Exercise or Actual")
    lateness = read.text("max_lateness", required=False) or "7d"
    lateness_s = duration_s(lateness)
    if lateness_s is None or not 0 < lateness_s <= MAX_LATENESS_S_MAX:
        read.wrong("max_lateness", f"{quoted(lateness)} is not a duration up to 31d; write one such as 7d")
    neighbours = _neighbours(data, read, problems)
    if len(problems) > before or problems.left_out:
        return None
    return District(
        code=str(code),
        name_zh=str(zh),
        name_en=str(en),
        timezone=str(timezone),
        sender=str(sender),
        status=str(status),
        max_lateness_s=int(lateness_s or 0),
        neighbours=neighbours,
    )


def _names(data: Located, read: _Reader) -> tuple[str | None, str | None]:
    name = data.get("name")
    if not isinstance(name, Located):
        read.wrong("name", "must be {zh: 黔江区, en: Qianjiang District}")
        return None, None
    inner = _Reader(name, read.problems, "name.")
    inner.unknown({"zh", "en"})
    return inner.text("zh"), inner.text("en")


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # not found, a path outside, a folder of zones
        return False
    return True


def _neighbours(data: Located, read: _Reader, problems: Problems) -> tuple[Neighbour, ...]:
    value = data.get("neighbours")
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > NEIGHBOURS_MAX:
        read.wrong("neighbours", f"must be a list of at most {NEIGHBOURS_MAX} neighbours, each with code and name")
        return ()
    found: list[Neighbour] = []
    for item in value:
        if not isinstance(item, Located):
            read.wrong("neighbours", "holds an entry that is not {code: …, name: …}")
            continue
        one = _Reader(item, problems, "neighbours.")
        one.unknown(_NEIGHBOUR_KEYS)
        code, name = one.identifier("code"), one.text("name")
        areas = item.get("areas") or []
        if not isinstance(areas, list) or not all(isinstance(area, str | int) for area in areas):
            one.wrong("areas", "must be a list of area codes")
            areas = []
        feed, phone = one.text("feed", required=False), one.text("phone", required=False)
        if feed is not None and not feed.startswith(("https://", "http://")):
            one.wrong("feed", f"{quoted(feed)} is not an address; write one that begins with https://")
        if phone is not None and not is_phone(phone):
            one.wrong("phone", f"{quoted(phone)} is not a telephone number; write digits only")
        if code in [other.code for other in found]:
            one.wrong("code", f"'{code}' appears twice; keep one")
        if code is not None and name is not None:
            key = one.text("key", required=False)
            areas_text = tuple(str(area) for area in areas)
            found.append(Neighbour(code=code, name=name, areas=areas_text, feed=feed, key=key, phone=phone))
    return tuple(found)
