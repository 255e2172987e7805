"""状态条 The numbers that an officer looks at first, on every page. What is not known says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.peers import Asked
from console.settings import SERVICES

ENDED_ORDERS = frozenset({"lifted", "revoked"})
WAITING_ORDERS = frozenset({"awaiting_signature", "proposed"})
FORBIDDEN = 403
STALE = frozenset({"silent", "never"})
INBOXES = (("dispatch", "warning"), ("warning", "dispatch"), ("resources", "dispatch"))


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
    help_unverified: int | None = None
    sees_help: bool = True  # who may not read check-ins has no such number
    wrong: Sequence[tuple[str, str]] = ()
    notes: Sequence[tuple[str, str]] = ()


def asks() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """What the strip needs, by name: (service, path, query)."""
    asked: dict[str, tuple[str, str, dict[str, Any]]] = {
        f"ready:{service}": (service, "/readyz", {}) for service in SERVICES
    }
    asked |= {f"inbox:{receiver}": (receiver, f"/v1/inbox/{sender}", {}) for receiver, sender in INBOXES}
    asked["stations"] = ("warning", "/v1/stations", {"limit": 1000})
    asked["orders"] = ("dispatch", "/v1/orders", {"limit": 1})
    asked["cases"] = ("dispatch", "/v1/callouts", {"state": "open", "limit": 1000})
    asked["checkins"] = ("dispatch", "/v1/checkins", {"limit": 1})
    return asked


def strip_of(answers: Mapping[str, Asked], realm_wrong: str | None = None) -> Strip:
    """The status strip."""
    wrong: list[tuple[str, str]] = [("warning", realm_wrong)] if realm_wrong else []
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
    orders, cases, stations, checkins = (answers[name] for name in ("orders", "cases", "stations", "checkins"))
    numbers = [case["numbers"] for case in cases.items]
    by_state = orders.body.get("summary") if isinstance(orders.body, dict) and not orders.wrong else None
    return Strip(
        open_orders=_sum(by_state, lambda state: state not in ENDED_ORDERS),
        waiting_signature=_sum(by_state, lambda state: state in WAITING_ORDERS),
        unanswered=None if cases.wrong or cases.cut else sum(each["unanswered"] for each in numbers),
        oldest_at=min((at for each in numbers if (at := each["oldest_unanswered_at"])), default=None),
        stale=None
        if stations.wrong or stations.cut
        else [row["name"] for row in stations.items if row["state"] in STALE],
        waiting=waiting,
        parked=parked_of(answers),
        help_unverified=None if checkins.wrong else checkins.body["numbers"]["need_help"]["unverified"],
        sees_help=checkins.status != FORBIDDEN,
        wrong=wrong,
        notes=notes,
    )


def _sum(by_state: Mapping[str, int] | None, takes: Callable[[str], bool]) -> int | None:
    return None if by_state is None else sum(number for state, number in by_state.items() if takes(state))


def parked_of(answers: Mapping[str, Asked]) -> int | None:
    """Messages that a receiver refused for good; None where one of the inboxes did not answer."""
    asked = [answer for name, answer in answers.items() if name.startswith("inbox:")]
    if any(answer.wrong for answer in asked):
        return None
    return sum(len(answer.body.get("parked", ())) for answer in asked)
