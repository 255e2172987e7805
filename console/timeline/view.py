"""时间线视图 An incident's lines, filtered, with both their times; and the open matters of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from console.times import parse

KINDS: Mapping[str, tuple[str, ...]] = {
    "alarms": ("trip.", "alert.", "opened", "touches"),
    "calls": ("callout.",),
    "orders": ("order.",),
    "officers": (
        "order.took_force",
        "order.lifted",
        "order.revoked",
        "order.declined",
        "order.extended",
        "order.return_permitted",
        "order.countersigned",
        "callout.answered",
        "callout.finding",
        "alert.approved",
        "alert.released",
        "alert.ended",
        "alert.cancelled",
        "merged",
        "split",
        "commander",
    ),
}
QUIET = frozenset(
    {"callout.downgraded", "callout.joined", "callout.matter_ended", "callout.covered_by_acting", "order.call_signer"}
)
LATE = timedelta(minutes=1)
ENDED = frozenset({"lifted", "revoked"})
WAITING = frozenset({"awaiting_signature", "proposed"})


@dataclass(frozen=True)
class Line:
    """时间线一行: ``late`` where it became known later than it happened"""

    at: str
    known_at: str
    kind: str
    text: Mapping[str, str]
    by: str | None
    subject: str
    late: bool
    entered_late: bool


def lines(items: Iterable[Mapping[str, Any]], show: str) -> list[Line]:
    """Newest known first; without a filter the quiet ones are left out."""
    kept = [row for row in items if _wanted(str(row["kind"]), show)]
    made = [
        Line(
            at=row["at"],
            known_at=row["known_at"],
            kind=row["kind"],
            text=row["text"],
            by=row["by"],
            subject=row["subject"],
            late=_late(row),
            entered_late=bool((row.get("data") or {}).get("entered_late")),
        )
        for row in kept
    ]
    made.sort(key=lambda line: (line.known_at, line.at), reverse=True)
    return made


def _wanted(kind: str, show: str) -> bool:
    if show in KINDS:
        return kind.startswith(KINDS[show])
    return show == "all" or kind not in QUIET


def _late(row: Mapping[str, Any]) -> bool:
    at, known = parse(row["at"]), parse(row["known_at"])
    return at is not None and known is not None and known - at > LATE


def link_of(line: Line) -> str | None:
    """Where the line's thing has its page."""
    kind = line.kind.partition(".")[0]
    path = {"order": "/orders/", "alert": "/approval/"}.get(kind)
    return f"{path}{line.subject}" if path else None


@dataclass(frozen=True)
class Open:
    """未了事项: what of the incident nobody has finished"""

    unsigned: Sequence[Mapping[str, Any]]
    expired: Sequence[Mapping[str, Any]]
    held: Sequence[Mapping[str, Any]]
    no_return: Sequence[Mapping[str, Any]]
    unmet: int
    cases: Sequence[Mapping[str, Any]]

    @property
    def any(self) -> bool:
        return bool(self.unsigned or self.expired or self.held or self.no_return or self.unmet or self.cases)


def open_of(incident: Mapping[str, Any], cases: Iterable[Mapping[str, Any]]) -> Open:
    orders = incident["orders"]
    held = [order for order in orders if order["held"]]
    mine = [case for case in cases if case["incident_id"] == incident["incident_id"]]
    return Open(
        unsigned=[order for order in orders if order["state"] in WAITING or order["raise"]],
        expired=[order for order in held if order["state"] == "expired_not_lifted"],
        held=held,
        no_return=[o for o in orders if o["state"] == "lifted" and o["people"] and not o["return_permitted"]],
        unmet=sum((order["people"] or {}).get("not_found", 0) for order in held),
        cases=[case for case in mine if case["numbers"]["unanswered"] or case["numbers"]["feedback_overdue"]],
    )
