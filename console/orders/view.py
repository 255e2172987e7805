"""措施视图 Orders in the order of their urgency, one order's facts, and the acts' forms read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console.forms import Both, Typed, late, when
from console.times import clock, field

ENDED = frozenset({"lifted", "revoked"})
WAITING = frozenset({"awaiting_signature", "proposed"})
RANK = {"red": 4, "orange": 3, "yellow": 2, "blue": 1, "normal": 0}
OUTCOMES = ("shelter", "relatives", "away", "refused", "not_found")
COUNTED = ("shelter", "relatives", "away", "refused", "returned")
PRIMARY = ("sign", "acknowledge", "complete", "permit_return")
GROUPS_MAX = 5000

# act → (the service's path, the fields of its form)
ACTS: Mapping[str, tuple[str, frozenset[str]]] = {
    "sign": ("sign", frozenset({"happened_at"})),
    "sign_by_phone": ("sign", frozenset({"post", "number", "words", "recorded_by", "happened_at"})),
    "decline": ("revoke", frozenset({"ground", "happened_at"})),
    "acknowledge": ("acknowledge", frozenset({"units", "happened_at"})),
    "progress": ("progress", frozenset({"units", "note", "happened_at"})),
    "people": ("people", frozenset({"unit_id", "expected", "happened_at", *COUNTED})),
    "complete": ("complete", frozenset({"units", "happened_at"})),
    "extend": ("extend", frozenset({"review_at", "ground", "happened_at"})),
    "lift": ("lift", frozenset({"ground", "units", "by", "at", "safe", "finding", "happened_at"})),
    "permit_return": ("permit-return", frozenset({"by", "at", "safe", "finding", "happened_at"})),
    "revoke": ("revoke", frozenset({"ground", "happened_at"})),
}


@dataclass(frozen=True)
class Heap:
    """一堆: orders of one urgency"""

    name: str
    orders: Sequence[Mapping[str, Any]]


def heaps(orders: Iterable[Mapping[str, Any]], posts: Iterable[str]) -> list[Heap]:
    """What waits for me, what waits for others, what nobody looked at again, what binds, what is over."""
    mine = set(posts)
    found: dict[str, list[Mapping[str, Any]]] = {
        name: [] for name in ("mine", "owed", "waiting", "expired", "held", "ended")
    }
    for order in orders:
        found[_heap_of(order, mine)].append(order)
    for name, rows in found.items():
        rows.sort(key=lambda row: _urgency(row, newest_first=name == "ended"))
    return [Heap(name, rows) for name, rows in found.items() if rows]


def _heap_of(order: Mapping[str, Any], mine: set[str]) -> str:
    waits = order["state"] in WAITING or order["raise"] is not None
    if waits and order["next_signer"] in mine:
        return "mine"
    if any(s["countersign_by"] in mine and not s["countersigned_at"] for s in order["signatures"]):
        return "owed"
    if waits:
        return "waiting"
    if order["state"] in ENDED:
        return "ended"
    return "expired" if order["state"] == "expired_not_lifted" else "held"


def _urgency(order: Mapping[str, Any], *, newest_first: bool) -> tuple[Any, ...]:
    if newest_first:
        return (-int(order["order_id"].partition("-")[2] or 0),)
    return (-RANK.get(order["level"], 5), order.get("due_at") or "9", order["review_at"] or "9", order["order_id"])


@dataclass(frozen=True)
class Sheaf:
    """一叠: orders of one level, kind and wording that wait for the same hand"""

    name: str
    orders: Sequence[Mapping[str, Any]]

    @property
    def people(self) -> int:
        return sum((order["people"] or {}).get("expected", 0) for order in self.orders)


def sheaves(orders: Iterable[Mapping[str, Any]], posts: Iterable[str]) -> list[Sheaf]:
    """并签 What waits for one of these posts, alike together, the worst first; a raise is looked at alone."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    mine = next((heap.orders for heap in heaps(orders, posts) if heap.name == "mine"), ())
    for order in mine:
        if order["raise"] is None:
            name = "|".join([order["level"], order["kind"], order["wording"]["zh"]])
            found.setdefault(name, []).append(order)
    return [Sheaf(name, rows) for name, rows in found.items()]


def facts(order: Mapping[str, Any]) -> dict[str, str]:
    """What a signer has before them, in short: what changed between two versions shows here."""
    made = {
        "state": str(order["state"]),
        "level": str(order["level"]),
        "raise": str((order["raise"] or {}).get("level") or ""),
        "issuer": str(order["issuer"] or ""),
        "next_signer": str(order["next_signer"] or ""),
        "review_at": clock(order["review_at"]),
        "signatures": str(len(order["signatures"])),
        "wording": str(order["wording"]["zh"]),
    }
    for name, count in (order["people"] or {}).items():
        made[f"people.{name}"] = str(count)
    for unit in order["units"]:
        made[f"unit.{unit['name']}"] = str(unit["state"])
    return made


def sorted_choices(order: Mapping[str, Any]) -> tuple[list[str], list[Mapping[str, Any]]]:
    """(what may be done, in its order; what may not, with the reason)"""
    open_ones = [each["act"] for each in order["choices"] if each["state"] == "open"]
    if "decline" in open_ones and "revoke" in open_ones and not order["held"]:
        open_ones.remove("revoke")  # nothing is in force: both mean the same
    return open_ones, [each for each in order["choices"] if each["state"] != "open"]


def own_units(order: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [unit for unit in order["units"] if unit["state"] not in ENDED]


def counted_unit(order: Mapping[str, Any], wanted: str | None) -> Mapping[str, Any] | None:
    """The unit whose people are being written down: the asked one, else the first with somebody not found."""
    units = [unit for unit in order["units"] if unit["people"] and unit["state"] not in ENDED]
    named = next((unit for unit in units if unit["unit_id"] == wanted), None)
    unmet = next((unit for unit in units if unit["people"]["not_found"]), None)
    return named or unmet or (units[0] if units else None)


def defaults(order: Mapping[str, Any], officer: str, now: datetime | None) -> dict[str, str]:
    return {
        "post": str(order["next_signer"] or ""),
        "recorded_by": officer,
        "at": field(now),
        "review_at": field(now + timedelta(hours=6)) if now else "",
    }


Read = Callable[[Typed, dict[str, Both], datetime | None], dict[str, Any]]


def read(
    act: str, typed: Typed, now: datetime | None, *, needs_inspection: bool
) -> tuple[dict[str, Any], dict[str, Both]]:
    """The body of an act, and what is wrong with its form."""
    errors: dict[str, Both] = {}
    body: dict[str, Any] = {}
    if act == "sign_by_phone":
        body["call_back"] = _call_back(typed, errors)
    if act in ("acknowledge", "progress", "complete", "lift"):
        body["units"] = typed.every("units")
        if not body["units"]:
            errors["units"] = {"zh": "至少选一个对象", "en": "choose at least one"}
    if act == "progress" and typed.text("note"):
        body["note"] = typed.text("note")
    if act == "people":
        body |= _people(typed, errors)
    if act in ("decline", "extend", "lift", "revoke"):
        body["ground"] = _needed(typed, "ground", errors, {"zh": "写明理由", "en": "say the ground"})
    if act in ("decline", "revoke"):
        body["unsigned_only"] = act == "decline"
    if act == "extend":
        body["review_at"] = when(typed, "review_at", errors, now, needed=True)
    if act == "permit_return" or (act == "lift" and needs_inspection):
        body["inspection"] = _inspection(typed, errors, now)
    return {**body, **late(typed, errors, now)}, errors


def _needed(typed: Typed, name: str, errors: dict[str, Both], says: Both) -> str:
    text = typed.text(name)
    if not text:
        errors[name] = says
    return text


def _call_back(typed: Typed, errors: dict[str, Both]) -> dict[str, str]:
    return {
        "post": _needed(typed, "post", errors, {"zh": "选签发人", "en": "choose the signer"}),
        "number": _needed(typed, "number", errors, {"zh": "写您回拨的号码", "en": "the number that you rang back"}),
        "words": _needed(typed, "words", errors, {"zh": "写对方的原话", "en": "the words that were said"}),
        "recorded_by": _needed(typed, "recorded_by", errors, {"zh": "写记录人", "en": "who wrote it down"}),
    }


def _inspection(typed: Typed, errors: dict[str, Both], now: datetime | None) -> dict[str, Any]:
    if typed.text("safe") not in ("yes", "no"):
        errors["safe"] = {"zh": "现场安全吗？", "en": "is it safe there?"}
    return {
        "by": _needed(typed, "by", errors, {"zh": "谁到现场看的？", "en": "who looked on the spot?"}),
        "at": when(typed, "at", errors, now, needed=True),
        "safe": typed.text("safe") == "yes",
        "finding": _needed(typed, "finding", errors, {"zh": "看到了什么？", "en": "what was found?"}),
    }


def _people(typed: Typed, errors: dict[str, Both]) -> dict[str, Any]:
    """By name where there are names (only rows that say something new), and by number where there are none."""
    body: dict[str, Any] = {"unit_id": typed.text("unit_id"), "people": []}
    for ref in typed.every("ref")[:GROUPS_MAX]:
        row = {name: typed.text(f"{name}.{ref}") for name in ("outcome", "people", "returned", "with_them", "note")}
        if row["outcome"] not in OUTCOMES or not _is_new(typed, ref, row):
            continue
        body["people"].append(_group(ref, row, errors))
    fresh = typed.text("new_ref")
    if fresh:
        row = {name: typed.text(f"new_{name}") for name in ("outcome", "people", "returned", "with_them", "note")}
        body["people"].append(_group(fresh, row, errors))
    numbers = {name: typed.text(name) for name in COUNTED}
    if any(numbers.values()):
        body["numbers"] = {name: _count(value or "0", name, errors) for name, value in numbers.items()}
    if typed.text("expected"):
        body["expected"] = _count(typed.text("expected"), "expected", errors)
    if not body["people"] and "numbers" not in body and "expected" not in body and not errors:
        errors["unit_id"] = {"zh": "还没有填写任何变化", "en": "nothing new has been filled in"}
    return body


def _is_new(typed: Typed, ref: str, row: Mapping[str, str]) -> bool:
    """``was.REF`` is the row as the page showed it."""
    return typed.text(f"was.{ref}") != "|".join(row[name] for name in ("outcome", "people", "returned", "with_them"))


def _group(ref: str, row: Mapping[str, str], errors: dict[str, Both]) -> dict[str, Any]:
    group = {
        "ref": ref,
        "outcome": row["outcome"] if row["outcome"] in OUTCOMES else "not_found",
        "people": _count(row["people"] or "1", "unit_id", errors),
        "returned": _count(row["returned"] or "0", "unit_id", errors),
    }
    return group | {name: row[name] for name in ("with_them", "note") if row[name]}


def _count(text: str, name: str, errors: dict[str, Both]) -> int:
    if not text.isdecimal():
        errors[name] = {"zh": f"“{text}”不是人数", "en": f"'{text}' is no number of people"}
        return 0
    return int(text)
