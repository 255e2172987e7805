"""叫应视图 The lines of all open cases by their urgency, masts that are down as one item, and the acts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.forms import Both, Typed, late
from console.peers import Asked

RANK = {"red": 4, "orange": 3, "yellow": 2, "blue": 1, "normal": 0}
STATE_RANK = {"top_reached": 0, "climbing": 1, "calling": 2, "answered": 3, "closed": 4}
ON_THE_LINE = {"answered": "talking"}  # a call that was taken is no answer yet
WAITING = frozenset({"top_reached", "climbing", "calling"})
GRADES = ("acting", "understood", "heard", "cannot_act")
CHANNELS = ("voice", "sms", "satphone", "radio", "runner")
FIELDS: Mapping[str, frozenset[str]] = {
    "answer": frozenset({"person", "grade", "by", "ground", "happened_at"}),
    "met": frozenset({"person", "by", "place", "happened_at"}),
    "door": frozenset({"person", "by", "place", "happened_at"}),
    "wrong": frozenset({"person", "by", "ground", "happened_at"}),
    "contact": frozenset({"channel", "address", "ground"}),
}


@dataclass(frozen=True)
class Row:
    """一线: one post in one case; ``tried`` counts how the calls at each person ended"""

    case_id: str
    line: Mapping[str, Any]
    tried: Sequence[tuple[str, str, int]]
    is_dark: bool = False

    @property
    def waits(self) -> bool:
        return self.line["state"] in WAITING


@dataclass(frozen=True)
class Shown:
    """看板: rows to show, those behind a dead mast, the masts, how many there are in all; posts with a damaged line"""

    rows: Sequence[Row]
    dark_rows: Sequence[Row]
    blackouts: Sequence[Mapping[str, Any]]
    waiting: int
    answered: int
    gaps: Sequence[Mapping[str, Any]]
    unreadable: Sequence[str]
    cases: Sequence[Mapping[str, Any]]


def board_of(boards: Iterable[Asked], *, show: str) -> Shown:
    """Unanswered first, worst matter first; ``show`` all also lists those who answered."""
    rows: list[Row] = []
    blackouts: dict[str, Mapping[str, Any]] = {}
    gaps: list[Mapping[str, Any]] = []
    unreadable: list[str] = []
    heads = []
    for asked in boards:
        if asked.wrong:
            continue
        body = asked.body
        heads.append(body)
        blackouts |= {str(each["place"]): each for each in body["blackouts"]}
        gaps += body["gaps"]
        unreadable += body["unreadable"]
        rows += [Row(body["case_id"], line, tried(line)) for line in body["posts"] if line["state"] != "closed"]
    away = {person for each in blackouts.values() for person in each["persons"]}
    dark = [Row(row.case_id, row.line, row.tried, is_dark=True) for row in rows if _is_dark(row, away)]
    hidden = {id(row.line) for row in dark}
    kept = [row for row in rows if id(row.line) not in hidden]
    listed = [row for row in kept if row.waits or show == "all"]
    return Shown(
        rows=sorted(listed, key=_urgency),
        dark_rows=sorted(dark, key=_urgency),
        blackouts=list(blackouts.values()),
        waiting=sum(row.waits for row in kept),
        answered=sum(not row.waits for row in rows),
        gaps=gaps,
        unreadable=unreadable,
        cases=heads,
    )


def _is_dark(row: Row, away: set[str]) -> bool:
    """失联: it waits, and everybody it rings is behind a dead mast: one item, not so many tries."""
    rung = {party["person"] for party in row.line["parties"] if party["state"] == "called" and party["person"]}
    return row.waits and bool(rung) and rung <= away


def _urgency(row: Row) -> tuple[Any, ...]:
    line = row.line
    since = min((matter["opened_at"] for matter in line["matters"]), default="9")
    return (not row.waits, -RANK.get(line["level"], 5), STATE_RANK.get(line["state"], 9), since, line["post"])


def tried(line: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """(channel, how it ended, how often), the last kind first: busy is not absent, a machine is not a person."""
    ends = [
        (call["channel"], call["result"] or ON_THE_LINE.get(call["state"], call["state"])) for call in line["attempts"]
    ]
    counted = Counter(ends)
    return [(channel, end, counted[channel, end]) for channel, end in dict.fromkeys(reversed(ends))]


def line_of(board: Mapping[str, Any], post: str) -> Mapping[str, Any] | None:
    return next((line for line in board["posts"] if line["post"] == post), None)


def read(
    act: str, typed: Typed, post: str, officer: str, now: datetime | None
) -> tuple[dict[str, Any], dict[str, Both]]:
    """The body of an act on a line, and what is wrong with its form."""
    errors: dict[str, Both] = {}
    if act == "contact":
        says: Both = {"zh": "写上号码和来源", "en": "give the number and where it is from"}
        body = {name: typed.text(name) for name in ("channel", "address", "ground")}
        errors |= {name: says for name in ("address", "ground") if not body[name]}
        return body, errors
    person, by = typed.text("person"), typed.text("by") or officer
    body = {"post": post, "person": person, "via": "on_behalf", "by": by, "grade": typed.text("grade")}
    ground = typed.text("ground")
    if act in ("met", "door"):
        body["grade"] = typed.text("grade") or "acting"
        ground = typed.text("place") and f"{'上门' if act == 'door' else '当面'}告知：{typed.text('place')}"
        if not typed.text("place"):
            errors["place"] = {"zh": "在哪里见到本人？", "en": "where was the person met?"}
    if act == "wrong":
        body["grade"] = "wrong_person"
    if act == "answer" and body["grade"] not in GRADES:
        errors["grade"] = {"zh": "选答复", "en": "choose the answer"}
    if not ground and "place" not in errors:
        errors["ground"] = {"zh": "凭什么？如：本人回电", "en": "on which ground?"}
    if not person:
        errors["person"] = {"zh": "选人", "en": "choose the person"}
    return {**body, "ground": ground, **late(typed, errors, now)}, errors
