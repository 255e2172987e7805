"""在办管控 Which measures of a trip are still held: what dispatch answers to warning for every transition.

The answer goes out also when there is none, so that a release can tell "nothing is held" from "not asked yet".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.dispatch.orders.model import Order, OrderState
from shared.vocabulary import Level, Measure


@dataclass(frozen=True, kw_only=True)
class Hold:
    """在办管控: one order in force, with the units that it still binds"""

    order_id: str
    kind: Measure
    level: Level
    state: OrderState
    units: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "order_id": self.order_id,
            "kind": self.kind.value,
            "level": self.level.value,
            "state": self.state.value,
            "units": list(self.units),
        }


@dataclass(frozen=True, kw_only=True)
class HoldReport:
    """在办管控报告: as of transition ``n`` of the trip"""

    trip_id: str
    n: int
    holds: tuple[Hold, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"trip_id": self.trip_id, "n": self.n, "holds": [hold.as_dict() for hold in self.holds]}


def holds_of(trip_id: str, n: int, orders: Iterable[Order]) -> HoldReport:
    """The held orders of the trip, oldest first."""
    held = [
        Hold(
            order_id=order.order_id,
            kind=order.kind,
            level=order.level,
            state=order.state,
            units=tuple(unit.unit_id for unit in order.units if unit.held),
        )
        for order in orders
        if trip_id in order.trip_ids and order.is_held
    ]
    return HoldReport(trip_id=trip_id, n=n, holds=tuple(sorted(held, key=lambda hold: hold.order_id)))


def held_areas(order: Order) -> list[str]:
    """Where people are under the order: of what it still binds, else of all that it was about."""
    units = [unit for unit in order.units if unit.held] or order.units
    return sorted({unit.region for unit in units})


def trips_to_tell(before: Order | None, after: Order) -> set[str]:
    """Trips whose list of holds reads otherwise now."""
    return {
        trip_id
        for trip_id in after.trip_ids
        if holds_of(trip_id, 0, [after]) != holds_of(trip_id, 0, [before] if before else [])
    }
