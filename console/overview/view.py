"""总览视图 Which items are listed, and what wants doing; made of what the services answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from console.names import Names
from console.overview.layers import BY_NAME, FUSES, RANK, Item, Layer, Seen
from console.peers import Asked
from console.told import Part

ROWS_MAX = 400
GROUP_MIN = 3


@dataclass(frozen=True)
class Choice:
    """所选: what the URL says: the list, its filter, the selection, whether the map is wanted"""

    layer: Layer = FUSES
    township: str = ""
    level: str = ""
    state: str = ""
    words: str = ""
    sel: str = ""
    map_off: bool = False

    def query(self, **changed: str | None) -> str:
        """The URL's query of this choice, changed; a changed list drops what was filtered by state."""
        given: dict[str, str | None] = {
            "list": self.layer.name,
            "township": self.township,
            "level": self.level,
            "state": self.state,
            "q": self.words,
            "sel": self.sel,
            "map": "off" if self.map_off else None,
            **changed,
        }
        return urlencode({name: value for name, value in given.items() if value})

    def takes(self, item: Item) -> bool:
        return (
            self.township in ("", item.township)
            and self.level in ("", item.level or "none")
            and self.state in ("", item.state)
            and (not self.words or self.words.lower() in f"{item.name} {item.id}".lower())
        )


def choice_of(
    layer: str | None, township: str, level: str, state: str, words: str, sel: str, *, map_off: bool
) -> Choice:
    """What the URL says; what it says wrongly is left out."""
    of_sel = sel.partition(":")[0]
    chosen = BY_NAME.get(layer or of_sel, FUSES)
    return Choice(chosen, township, level, state, words.strip(), sel if of_sel in BY_NAME else "", map_off)


@dataclass(frozen=True)
class Group:
    """同类: alarms of one rule at one level in one township, said once: a storm trips every village of a valley"""

    items: Sequence[Item]

    @property
    def head(self) -> Item:
        return self.items[0]

    @property
    def key(self) -> str:
        return "-".join(_kind(self.head))


@dataclass(frozen=True)
class Listed:
    """列表: the rows that the filter takes, and what it offers"""

    groups: Sequence[Group]
    left_out: int
    townships: Sequence[tuple[str, str]]
    levels: Sequence[str]
    states: Sequence[str]


def _kind(item: Item) -> tuple[str, ...]:
    return (str(item.about.get("fuse")), item.township, item.level or "", item.state)


def _grouped(items: Sequence[Item]) -> list[Group]:
    kinds: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        kinds.setdefault(_kind(item), []).append(item)
    groups: list[Group] = []
    for held in kinds.values():
        alike = held[0].layer == FUSES.name and len(held) >= GROUP_MIN
        groups += [Group(held)] if alike else [Group([item]) for item in held]
    return groups


def listed(items: Sequence[Item], choice: Choice, names: Names) -> Listed:
    """The list, the selected item always in it."""
    taken = [item for item in items if choice.takes(item) or item.sel == choice.sel]
    shown = [item for at, item in enumerate(taken) if at < ROWS_MAX or item.sel == choice.sel]
    townships = sorted({item.township for item in items})
    levels = sorted({item.level or "none" for item in items}, key=lambda level: -RANK.get(level, -1))
    states = sorted({item.state for item in items})
    places = [(code, names.region(code)) for code in townships]
    return Listed(_grouped(shown), len(taken) - len(shown), places, levels, states)


@dataclass(frozen=True)
class Todo:
    """要办的事: what waits for a signature, what is unanswered; None where dispatch did not answer"""

    orders: Sequence[Mapping[str, Any]] | None = None
    more_orders: int = 0
    cases: Sequence[Mapping[str, Any]] | None = None
    wrong: str | None = None


def todo_of(told: Asked) -> Todo:
    (to_sign, cases), wrong = _of(told, "to_sign", "cases")
    if to_sign is None:
        return Todo(cases=cases, wrong=wrong)
    return Todo(to_sign["items"], to_sign["total"] - len(to_sign["items"]), cases, wrong)


def _of(told: Asked, *names: str) -> tuple[list[Any], str | None]:
    """The figures of these names, None where they are not known, and why not."""
    if told.wrong or not isinstance(told.body, dict):
        return [None] * len(names), told.wrong or "?"
    numbers = told.body["numbers"]
    found = [numbers.get(name) for name in names]
    hidden = next((f"{name}: 403" for name in names if name not in numbers), None)
    return found, hidden or (next(iter(told.body["wrong"].values()), None) if None in found else None)


@dataclass(frozen=True)
class Line:
    """时间线一行"""

    at: str
    known_at: str
    text: Mapping[str, str]
    kind: str
    late: bool


@dataclass(frozen=True)
class Newest:
    """最近记事, newest first; None where dispatch did not answer"""

    lines: Sequence[Line] | None = None
    wrong: str | None = None


def newest_of(told: Asked) -> Newest:
    (rows,), wrong = _of(told, "newest")
    if rows is None:
        return Newest(wrong=wrong)
    lines = [Line(e["at"], e["known_at"], e["text"], e["kind"], e["at"] != e["known_at"]) for e in rows]
    return Newest(lines, wrong)


TODO = Part(
    "todo",
    "overview/todo.html",
    {"dispatch": ("to_sign", "cases")},
    lambda told: {"todo": todo_of(told["dispatch"])},
)
NEWEST = Part(
    "newest",
    "overview/newest.html",
    {"dispatch": ("newest",)},
    lambda told: {"newest": newest_of(told["dispatch"])},
)


@dataclass(frozen=True)
class Sight:
    """全区所见: how many fuses there are, stand at each level, see nothing; None where warning did not answer"""

    counts: Mapping[str, Any] | None = None
    wrong: str | None = None


def sight_of(told: Asked) -> Sight:
    (counts,), wrong = _of(told, "fuses")
    return Sight(counts, wrong)


SIGHT = Part("sight", "overview/sight.html", {"warning": ("fuses",)}, lambda told: {"sight": sight_of(told["warning"])})


def told_row(event: Mapping[str, Any], seen: Seen) -> dict[str, Any] | None:
    """来告之行 What an event of warning changes in the list of alarms: the row ``sel``, and ``item`` in its place.

    ``item`` is None where the alarm is over; the rest says where it belongs and which filter takes it, as `listed`.
    """
    body = event.get("body")
    if event.get("kind") != "transition" or not isinstance(body, dict) or "alarm" not in body:
        return None
    sel = f"{FUSES.name}:{body['fuse']}/{body['scope']}"
    if body["alarm"] is None:
        return {"sel": sel, "item": None}
    item = FUSES.make(body["alarm"], seen)
    return {
        "sel": sel,
        "item": item,
        "rank": item.rank,
        "group": "-".join(_kind(item)),
        "township": item.township,
        "level": item.level or "none",
        "state": item.state,
        "words": f"{item.name} {item.id}".lower(),
    }


@dataclass(frozen=True)
class Area:
    """乡镇: the worst level in it, and how much of it nobody watches"""

    level: str
    blind: int
    total: int

    @property
    def sight(self) -> str:
        """``none`` where every fuse is blind, ``part`` where some are, else ``full``."""
        return "none" if self.blind >= self.total else "part" if self.blind else "full"


def areas_of(fuses: Asked) -> Mapping[str, Area]:
    """By township, off the summary of all fuses."""
    summary = fuses.body.get("summary", {}) if isinstance(fuses.body, dict) else {}
    found = {}
    for code, count in summary.get("areas", {}).items():
        level = max((level for level, number in count["levels"].items() if number), key=lambda e: RANK[e])
        found[code] = Area(level, count["blind"], count["total"])
    return found
