"""图层 What map and lists show, one kind of thing each: fuses, stations, units, shelters, sites, danger zones. Pure.

Everything becomes an `Item`, so that a row of a list, a mark on the map and the card of what is selected say the same.
What is not known is grey and says so: a station that is silent has a last value and its age, never a present one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.names import Names
from console.peers import Asked

RANK = {"red": 4, "orange": 3, "yellow": 2, "blue": 1, "normal": 0}
UNKNOWN = frozenset({"silent", "never", "blind", "unknown", "maintenance"})  # states that say that nothing is known
ENDED = frozenset({"lifted", "revoked"})
ORDER_STATES = (  # what wants an eye first
    "awaiting_signature",
    "expired_not_lifted",
    "proposed",
    "in_force",
    "acknowledged",
    "in_progress",
    "complete",
)
BECAUSE_SHOWN = 2
Feature = Mapping[str, Any]


@dataclass(frozen=True)
class Item:
    """一项: ``level`` None where none is meant; ``at`` when it was last heard of, or since when it stands so."""

    layer: str
    id: str
    name: str
    region: str
    township: str
    state: str
    level: str | None = None
    what: Sequence[Mapping[str, Any]] = ()  # parts of the value in words, see `_what`
    at: str | None = None
    lon: float | None = None
    lat: float | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    open: bool = False  # its level is confirmed by nobody and nothing yet

    @property
    def sel(self) -> str:
        return f"{self.layer}:{self.id}"

    @property
    def unknown(self) -> bool:
        return self.state in UNKNOWN

    @property
    def rank(self) -> int:
        return RANK.get(self.level or "", 0)


@dataclass(frozen=True)
class Seen:
    """所见: what the services answered, ready to be made into items"""

    names: Names
    townships: Mapping[str, str]  # region → township
    held: Mapping[str, Mapping[str, Any]]  # unit, site or region → the order that wants an eye first
    alarmed: Mapping[str, str]  # station → the worst level that a fuse reads off it
    open: frozenset[str] = frozenset()  # of these, the stations whose level nobody and nothing has confirmed

    def township(self, region: Any) -> str:
        return self.townships.get(str(region), str(region))


def seen_of(names: Names, fuses: Asked, orders: Asked) -> Seen:
    """What several layers look things up in."""
    held: dict[str, Mapping[str, Any]] = {}
    open_orders = [order for order in orders.items if order["state"] not in ENDED]
    for order in sorted(open_orders, key=lambda o: (-RANK.get(o["level"], 0), _wants_eye(o["state"]))):
        for unit in order["units"]:
            if unit["state"] not in ENDED:
                held.setdefault(str(unit["unit_id"]), {**order, "unit": unit})
    alarmed: dict[str, str] = {}
    unconfirmed: set[str] = set()
    for fuse in fuses.items:
        told = [(why["station"], why["level"]) for why in (fuse.get("why") or {}).get("because", ())]
        for station_id, level in [*([(fuse["scope"], fuse["level"])] if fuse["per"] == "station" else []), *told]:
            if RANK[level] > RANK.get(alarmed.get(station_id, ""), -1):
                alarmed[station_id] = level
                sure = fuse["verification"] == "confirmed" or RANK[level] <= RANK[fuse["confirmed_level"]]
                (unconfirmed.discard if sure else unconfirmed.add)(station_id)
    townships = {code: _township_of(code, names) for code in names.regions}
    return Seen(names, townships, held, alarmed, frozenset(unconfirmed))


def _wants_eye(state: str) -> int:
    return ORDER_STATES.index(state) if state in ORDER_STATES else len(ORDER_STATES)


def _township_of(code: str, names: Names) -> str:
    at: str | None = code
    while at is not None and (row := names.regions.get(at)) is not None:
        if row["level"] in ("township", "street", "park", "district"):
            return at
        at = row["parent"]
    return code


def _lon_lat(feature: Feature) -> tuple[float | None, float | None]:
    geometry = feature.get("geometry") or {}
    if geometry.get("type") != "Point":
        return None, None
    lon, lat = geometry["coordinates"][:2]
    return lon, lat


def fuse(row: Mapping[str, Any], seen: Seen) -> Item:
    """监测告警"""
    why = row.get("why") or {}
    state = "blind" if row["blind"] and row["level"] == "normal" else str(row["verification"])
    if row["silent"]:
        state = "silent"
    return Item(
        "fuses",
        f"{row['fuse']}/{row['scope']}",
        str(row["name"] or row["scope"]),
        str(row["region"]),
        seen.township(row["region"]),
        state,
        str(row["level"]),
        [{"because": each} for each in list(why.get("because", ()))[:BECAUSE_SHOWN]],
        why.get("since"),
        about={**row, "why": why},
        open=row["level"] != row["confirmed_level"] and row["verification"] != "confirmed",
    )


def station(feature: Feature, seen: Seen) -> Item:
    """监测站"""
    row = feature["properties"]
    lon, lat = _lon_lat(feature)
    return Item(
        "stations",
        str(feature["id"]),
        str(row["name"]),
        str(row["region"]),
        seen.township(row["region"]),
        str(row["state"]),
        seen.alarmed.get(str(feature["id"])),
        [{"metric": metric, **value} for metric, value in row["latest"].items()],
        row["observed_at"],
        lon,
        lat,
        row,
        str(feature["id"]) in seen.open,
    )


def _bound(layer: str, feature: Feature, seen: Seen, what: Sequence[Mapping[str, Any]]) -> Item:
    """A unit or site, with the order on it that wants an eye first."""
    row = feature["properties"]
    lon, lat = _lon_lat(feature)
    order = seen.held.get(str(feature["id"]))
    return Item(
        layer,
        str(feature["id"]),
        str(row["name"]),
        str(row["region"]),
        seen.township(row["region"]),
        str(order["unit"]["state"]) if order else "free",
        str(order["level"]) if order else None,
        [*([{"order": order}] if order else []), *what],
        order["unit"]["changed_at"] if order else None,
        lon,
        lat,
        row,
    )


def unit(feature: Feature, seen: Seen) -> Item:
    """单位"""
    row = feature["properties"]
    return _bound("units", feature, seen, [{"kind": row["industry"]}, {"people": row["people_night"], "when": "night"}])


def site(feature: Feature, seen: Seen) -> Item:
    """部位、隐患点"""
    row = feature["properties"]
    return _bound("sites", feature, seen, [{"kind": row["kind"]}, {"people": row["people"], "when": "list"}])


def shelter(feature: Feature, seen: Seen) -> Item:
    """避难场所"""
    row = feature["properties"]
    lon, lat = _lon_lat(feature)
    return Item(
        "shelters",
        str(feature["id"]),
        str(row["name"]),
        str(row["region"]),
        seen.township(row["region"]),
        str(row["state"]),
        None,
        [{"room": row["night"], "occupied": row["occupied"]}],
        None,
        lon,
        lat,
        row,
    )


def zone(feature: Feature, seen: Seen) -> Item:
    """危险区: its step is its level once it is in force"""
    row = feature["properties"]
    name = row["name"] or seen.names.region(row["region"])
    return Item(
        "zones",
        str(feature["id"]),
        str(name),
        str(row["region"]),
        seen.township(row["region"]),
        "in_force" if row["in_force"] else "drawn",
        (row["step"] or "red") if row["in_force"] else None,
        [{"hazard": seen.names.hazard(row["hazard"])}, {"step": row["step"]}],
        row["since"],
        about=row,
    )


@dataclass(frozen=True)
class Layer:
    """图层: where it is asked for, and how an answer's row becomes an item; ``key`` is its key on the keyboard.

    ``pace_ms`` is the least time between two loads of its list, ``after_ms`` how long the first of them waits after an
    event: alarms can rest, since each comes with its event, and all of a burst are shown before the list is made anew.
    """

    name: str
    key: str
    service: str
    path: str
    make: Callable[[Mapping[str, Any], Seen], Item]
    on: str  # the events that may change it
    pace_ms: int = 500
    after_ms: int = 20

    @property
    def is_features(self) -> bool:
        return self.path.startswith("/collections/")


def _layer(name: str, key: str, service: str, make: Callable[[Mapping[str, Any], Seen], Item], on: str) -> Layer:
    return Layer(name, key, service, f"/collections/{name}/items", make, on)


FUSES = Layer("fuses", "1", "warning", "/v1/fuses", fuse, "warning:transition", pace_ms=1500, after_ms=1000)
LAYERS = (
    FUSES,
    _layer("stations", "2", "warning", station, "warning:transition warning:station"),
    _layer("units", "3", "resources", unit, "dispatch:order"),
    _layer("sites", "4", "resources", site, "dispatch:order"),
    _layer("shelters", "5", "resources", shelter, "resources:shelter"),
    _layer("zones", "6", "resources", zone, "resources:evacuation dispatch:order"),
)
BY_NAME = {layer.name: layer for layer in LAYERS}


def rows_of(asked: Asked) -> list[Any]:
    """The rows of a list or a feature collection."""
    found = asked.body.get("features") if isinstance(asked.body, dict) else None
    return found if isinstance(found, list) else asked.items


def items_of(layer: Layer, asked: Asked, seen: Seen) -> list[Item]:
    """The layer's items: the worst first, then what is not known, then by name."""
    made = [layer.make(row, seen) for row in rows_of(asked)]
    return sorted(made, key=lambda item: (-item.rank, not item.unknown, item.township, item.name, item.id))
