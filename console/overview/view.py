"""总览视图 What the overview shows, made of what the services answered. Pure. What is not known says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.peers import Asked
from console.strip import ENDED_ORDERS

RANK = {"red": 4, "orange": 3, "yellow": 2, "blue": 1, "normal": 0}
TIMELINE_MAX = 200


@dataclass(frozen=True)
class Line:
    """时间线一行"""

    at: str
    known_at: str
    text: Mapping[str, str]
    kind: str
    late: bool


@dataclass(frozen=True)
class CaseView:
    """一案的叫应板"""

    case_id: str
    head: Mapping[str, Any]
    posts: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    blackouts: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def fuses_of(asked: Asked) -> list[Mapping[str, Any]]:
    """Those above normal, blind or unconfirmed; the worst first."""
    shown = [row for row in asked.items if row.get("level", "normal") != "normal" or row.get("blind")]
    return sorted(shown, key=lambda row: (-RANK.get(row.get("level", ""), 5), str(row.get("scope"))))


def reason_of(asked: Asked | None) -> dict[str, Any]:
    """Why a fuse stands where it is: of its records, newest first, the last that changed its level and gave grounds."""
    records = asked.body.get("records", ()) if asked and not asked.wrong and isinstance(asked.body, dict) else ()
    newest = max(records, key=lambda row: row["n"], default=None)
    told = max((row for row in records if row.get("because")), key=lambda row: row["n"], default=None)
    return {
        "because": told["because"] if told else [],
        "since": newest["known_at"] if newest else None,
        "reason": newest["reason"] if newest else None,
    }


def orders_of(asked: Asked) -> list[Mapping[str, Any]]:
    """What waits for a signature first, by its time; then what is in force, the worst first."""
    shown = [order for order in asked.items if order["state"] not in ENDED_ORDERS]
    return sorted(
        shown,
        key=lambda order: (
            order["state"] != "awaiting_signature",
            order.get("due_at") or "9",
            -RANK.get(order.get("level", ""), 5),
            order["order_id"],
        ),
    )


def cases_of(boards: Sequence[Asked]) -> list[CaseView]:
    """The boards that could be had."""
    made = []
    for board in boards:
        if board.wrong or not isinstance(board.body, dict):
            continue
        body = board.body
        posts = [post for post in body.get("posts", ()) if post["state"] != "closed"]
        made.append(CaseView(str(body["case_id"]), body, posts, body.get("blackouts", ())))
    return made


def timeline_of(timelines: Sequence[Asked]) -> list[Line]:
    """All incidents' lines, newest first."""
    lines = [
        Line(row["at"], row["known_at"], row["text"], row["kind"], row["at"] != row["known_at"])
        for asked in timelines
        for row in asked.items
    ]
    lines.sort(key=lambda line: (line.known_at, line.at), reverse=True)
    return lines[:TIMELINE_MAX]
