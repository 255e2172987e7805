"""视图 What the page shows, made of what the services answered. Pure. What is not known says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from console.peers import Asked
from console.settings import SERVICES

ENDED_ORDERS = frozenset({"lifted", "revoked"})
WAITING_ORDERS = frozenset({"awaiting_signature", "proposed"})
UNANSWERED = frozenset({"calling", "climbing", "top_reached"})
STALE = frozenset({"silent", "never"})
LIVE_REALM = "x-live"
RANK = {"red": 4, "orange": 3, "yellow": 2, "blue": 1, "normal": 0}
BEIJING = timedelta(hours=8)
TIMELINE_MAX = 200
TRIES_SHOWN = 3


@dataclass(frozen=True)
class RealmView:
    """领域: its clock as `GET /v1/realm` tells it; ``now`` is None while the clock stands."""

    realm: str
    speed: float
    now: datetime | None
    v0: str | None
    w0: str | None

    @property
    def is_exercise(self) -> bool:
        return self.realm != "actual"


@dataclass(frozen=True)
class Strip:
    """总览: the numbers that an officer looks at first; None where the service did not answer."""

    open_orders: int | None = None
    waiting_signature: int | None = None
    unanswered: int | None = None
    oldest_at: str | None = None
    stale: Sequence[str] | None = None
    waiting: int | None = None
    parked: int | None = None
    wrong: Sequence[tuple[str, str]] = ()
    notes: Sequence[tuple[str, str]] = ()


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


def realms_of(asked: Asked) -> tuple[list[RealmView], str]:
    """All realms and the default one; nothing where warning does not answer."""
    if not isinstance(asked.body, dict) or asked.wrong:
        return [], ""
    rows = [
        RealmView(row["realm"], float(row["speed"]), parse(row["now"]), row["v0"], row["w0"])
        for row in asked.body["realms"]
    ]
    return rows, str(asked.body["default"])


def choose_realm(realms: Sequence[RealmView], default: str, wanted: str | None) -> RealmView | None:
    """The asked realm; else the drill that began last and whose clock runs; else the default."""
    if wanted is not None:
        return next((realm for realm in realms if realm.realm == wanted), None)
    drills = [realm for realm in realms if realm.w0 and realm.now is not None]
    if drills:
        return max(drills, key=lambda realm: realm.w0 or "")
    return next((realm for realm in realms if realm.realm == default), None)


def strip_of(answers: Mapping[str, Asked]) -> Strip:
    """The status strip."""
    wrong: list[tuple[str, str]] = []
    notes: list[tuple[str, str]] = []
    waiting: int | None = 0
    for service in SERVICES:
        asked = answers[f"ready:{service}"]
        body = asked.body if isinstance(asked.body, dict) else {}
        if "ready" not in body:
            wrong.append((service, asked.wrong or "?"))
            waiting = None
            continue
        wrong += [(service, f"{name}: {text}") for name, text in body.get("wrong", {}).items()]
        notes += [(service, f"{name}: {text}") for name, text in body.get("notes", {}).items()]
        if waiting is not None:
            waiting += sum(row.get("waiting", 0) for row in body.get("outbox", ()))
    orders, cases, stations = answers["orders"], answers["cases"], answers["stations"]
    numbers = [case["numbers"] for case in cases.items]
    seen = [order for order in orders.items if order["state"] not in ENDED_ORDERS]
    return Strip(
        open_orders=None if orders.wrong else len(seen),
        waiting_signature=None if orders.wrong else sum(order["state"] in WAITING_ORDERS for order in seen),
        unanswered=None if cases.wrong else sum(each["unanswered"] for each in numbers),
        oldest_at=min((at for each in numbers if (at := each["oldest_unanswered_at"])), default=None),
        stale=None if stations.wrong else [row["name"] for row in stations.items if row["state"] in STALE],
        waiting=waiting,
        parked=parked_of(answers),
        wrong=wrong,
        notes=notes,
    )


def parked_of(answers: Mapping[str, Asked]) -> int | None:
    """Messages that a receiver refused for good; None where one of the inboxes did not answer."""
    asked = [answer for name, answer in answers.items() if name.startswith("inbox:")]
    if any(answer.wrong for answer in asked):
        return None
    return sum(len(answer.body.get("parked", ())) for answer in asked)


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


def parse(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def clock(text: Any) -> str:
    """Beijing time of an RFC 3339 instant, as it is read aloud: ``06-27 22:31:05``."""
    at = parse(str(text)) if text else None
    return (at.astimezone(UTC) + BEIJING).strftime("%m-%d %H:%M:%S") if at else "—"


def span(since: Any, now: datetime | None) -> str:
    """How long ago, or ``—`` where one of the two is not known."""
    at = parse(str(since)) if since else None
    if at is None or now is None:
        return "—"
    seconds = max(0, int((now - at).total_seconds()))
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def left(due: Any, now: datetime | None) -> str:
    """How long until a due time: ``-0:30`` when it is past."""
    at = parse(str(due)) if due else None
    if at is None or now is None:
        return "—"
    seconds = int((at - now).total_seconds())
    sign = "-" if seconds < 0 else ""
    return f"{sign}{abs(seconds) // 60}:{abs(seconds) % 60:02d}"
