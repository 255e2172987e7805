"""熔断页视图 What the page of one fuse says, made of what the services answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.fuse.plot import Plot, plots_of
from console.names import Names
from console.peers import Asked

LEVELS = ("red", "orange", "yellow", "blue")


@dataclass(frozen=True)
class FuseView:
    """熔断: ``why`` the grounds given last, ``orders`` and ``cases`` what it caused (None: dispatch did not answer)"""

    fuse: Mapping[str, Any]
    names: Names
    records: Sequence[Mapping[str, Any]]
    why: Sequence[Mapping[str, Any]]
    evidence: int
    plots: Sequence[Plot]
    trend_wrong: str | None
    orders: Sequence[Mapping[str, Any]] | None
    cases: Sequence[Mapping[str, Any]] | None
    stations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def in_force(self) -> bool:
        """已熔断: mandatory measures of this trip stand, whatever the level is by now"""
        return any(order["held"] for order in self.orders or ())

    def station(self, identity: str) -> str:
        found = self.stations.get(identity)
        return str(found["name"]) if found else identity


def fuse_view(
    fuse: Mapping[str, Any], names: Names, trend: Asked, stations: Asked, orders: Asked, incidents: Asked, cases: Asked
) -> FuseView:
    records = sorted(fuse["records"], key=lambda record: -record["n"])
    grounded = [record for record in records if record["because"]]
    of_level = (r for r in grounded if any(ground["level"] == fuse["level"] for ground in r["because"]))
    told = next(of_level, grounded[0] if grounded else None)  # what confirmed a red may be an orange elsewhere
    because = told["because"] if told else []
    trip = fuse["trip_id"]
    mine = (row for row in incidents.items if any(each["trip_id"] == trip for each in row["trips"]))
    incident = {row["incident_id"] for row in mine}
    known = {row["station_id"]: row for row in stations.items}
    return FuseView(
        fuse,
        names,
        records,
        because,
        len(told["evidence"]) if told else 0,
        plots_of(trend.body, because) if not trend.wrong else (),
        trend.wrong,
        None if orders.wrong or orders.cut else [order for order in orders.items if trip and trip in order["trip_ids"]],
        None if cases.wrong else [case for case in cases.items if case["incident_id"] in incident],
        known,
    )
