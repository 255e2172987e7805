"""状态条 The numbers that an officer looks at first, on every page. What is not known says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.peers import Asked
from console.settings import SERVICES
from console.told import Part

ENDED_ORDERS = frozenset({"lifted", "revoked"})
WAITING_ORDERS = frozenset({"awaiting_signature", "proposed"})
STALE = frozenset({"silent", "never"})


@dataclass(frozen=True)
class Strip:
    """总览: the numbers that an officer looks at first; None where the service did not answer."""

    open_orders: int | None = None
    waiting_signature: int | None = None
    unanswered: int | None = None
    oldest_at: str | None = None
    stale: int | None = None
    waiting: int | None = None
    parked: int | None = None
    help_unverified: int | None = None
    sees_help: bool = True  # who may not read check-ins has no such number
    wrong: Sequence[tuple[str, str]] = ()
    notes: Sequence[tuple[str, str]] = ()


def strip_of(answers: Mapping[str, Asked], realm_wrong: str | None = None) -> Strip:
    """The status strip."""
    wrong: list[tuple[str, str]] = [("warning", realm_wrong)] if realm_wrong else []
    notes: list[tuple[str, str]] = []
    told: dict[str, Mapping[str, Any]] = {}
    for service in SERVICES:
        asked = answers[service]
        if asked.wrong or not isinstance(asked.body, dict):
            wrong.append((service, asked.wrong or "?"))
            continue
        told[service] = asked.body
        wrong += [(service, f"{name}: {text}") for name, text in asked.body["wrong"].items()]
        notes += [(service, f"{name}: {text}") for name, text in asked.body["notes"].items()]
    dispatch = told.get("dispatch", {}).get("numbers")
    by_state, calls, helps = ((dispatch or {}).get(name) for name in ("orders", "callouts", "checkins"))
    stations = told.get("warning", {}).get("numbers", {}).get("stations")
    return Strip(
        open_orders=_sum(by_state, lambda state: state not in ENDED_ORDERS),
        waiting_signature=_sum(by_state, lambda state: state in WAITING_ORDERS),
        unanswered=calls["unanswered"] if calls else None,
        oldest_at=calls["oldest_unanswered_at"] if calls else None,
        stale=_sum(stations, lambda state: state in STALE),
        waiting=_of_all(told, "waiting"),
        parked=_of_all(told, "parked"),
        help_unverified=helps["need_help"]["unverified"] if helps else None,
        sees_help=dispatch is None or "checkins" in dispatch,
        wrong=wrong,
        notes=notes,
    )


STRIP = Part(
    "strip",
    "parts/strip.html",
    {"warning": ("stations",), "dispatch": ("orders", "callouts", "checkins"), "resources": ()},
    lambda told: {"strip": strip_of(told)},
)


def _sum(by_state: Mapping[str, int] | None, takes: Callable[[str], bool]) -> int | None:
    return None if by_state is None else sum(number for state, number in by_state.items() if takes(state))


def _of_all(told: Mapping[str, Mapping[str, Any]], name: str) -> int | None:
    """The sum over the services; None where one of them did not answer or does not know."""
    numbers = [told[service].get(name) if service in told else None for service in SERVICES]
    return None if None in numbers else sum(number for number in numbers if number is not None)
