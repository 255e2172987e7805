"""名称 The pack's words: hazards, regions and their people, for pages that name them and forms that ask for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.peers import Asked

WHERE = ("warning", "/v1/packs/active")
ASK: tuple[str, str, dict[str, Any]] = (*WHERE, {})
TOWNSHIP_LIKE = frozenset({"township", "street", "park"})
SEPARATORS = re.compile(r"[\s,，、;；/]+")
CANDIDATES_SHOWN = 6


@dataclass(frozen=True)
class Names:
    """名称: empty where warning did not answer; then codes stand for themselves."""

    district: str = ""
    district_name: Mapping[str, str] = field(default_factory=dict)
    hazards: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    regions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def region(self, code: Any) -> str:
        found = self.regions.get(str(code))
        return str(found["name"]) if found else str(code or "")

    def hazard(self, code: Any) -> Mapping[str, str]:
        return self.hazards.get(str(code)) or {"zh": str(code or ""), "en": str(code or "")}

    def population(self, code: str) -> int | None:
        found = self.regions.get(code)
        return found["population"] if found else None

    def offered(self) -> list[Mapping[str, Any]]:
        """What a form offers: the district and its townships, in the order of their codes."""
        rows = [row for row in self.regions.values() if row["level"] in TOWNSHIP_LIKE or row["level"] == "district"]
        return sorted(rows, key=lambda row: (row["level"] != "district", str(row["code"])))

    def found(self, word: str) -> list[Mapping[str, Any]]:
        """The regions that a typed word may mean: by code, by name, else townships, then villages that begin so."""
        exact = [row for row in self.regions.values() if word in (row["code"], row["name"])]
        if exact:
            return exact
        begins = [row for row in self.regions.values() if str(row["name"]).startswith(word)]
        high = [row for row in begins if row["level"] in TOWNSHIP_LIKE or row["level"] == "district"]
        return high or begins


def names_of(asked: Asked) -> Names:
    if asked.wrong or not isinstance(asked.body, dict):
        return Names()
    body = asked.body
    return Names(
        str(body["district"]),
        body["name"],
        {row["code"]: row["name"] for row in body["hazards"]},
        {row["code"]: row for row in body["regions"]},
    )


@dataclass(frozen=True)
class Areas:
    """区域: what the words of a text mean; ``wrong`` says of a word why it means nothing, or too much"""

    codes: Sequence[str] = ()
    wrong: Sequence[Mapping[str, str]] = ()


def areas_in(text: str, names: Names) -> Areas:
    """Read ``濯水 冯家街道、500114``: names, beginnings of names, codes; 全区 is the district."""
    codes: dict[str, None] = {}
    wrong: list[Mapping[str, str]] = []
    for word in filter(None, SEPARATORS.split(text)):
        if word == "全区" and names.district:
            codes[names.district] = None
            continue
        found = names.found(word)
        if len(found) == 1:
            codes[str(found[0]["code"])] = None
        elif not found:
            wrong.append({"zh": f"没有“{word}”这个区域", "en": f"there is no area '{word}'"})
        else:
            shown = "、".join(str(row["name"]) for row in found[:CANDIDATES_SHOWN])
            wrong.append({"zh": f"“{word}”可能是：{shown}；请写全", "en": f"'{word}' may be {shown}; write it out"})
    return Areas(list(codes), wrong)
