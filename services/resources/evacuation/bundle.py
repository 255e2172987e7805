"""离线包 Bundle: what a phone keeps of one township for when the network is gone: shelters, routes, areas, numbers.

It holds no household, no name and no number of a person. What is not known (a plan that is being made or overdue)
leaves ``usable`` and ``holds`` empty: never read as usable, never as safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.resources.evacuation.answer import can_be_walked
from services.resources.evacuation.ask import approved_of_place
from services.resources.evacuation.plan import ShelterNow, Snapshot, usable_shelters
from shared.geo import distance_m, encode_polyline
from shared.pack.model import Pack
from shared.realm import format_time
from shared.vocabulary import RegionLevel

NEAR_M_MAX = 10_000.0  # a position farther than this from every seat belongs nowhere
SHELTERS_MIN = 5  # a township with fewer is told its neighbours' too
PLACES_MAX = 500
POINT_DECIMALS = 5  # a metre


class PlanState(StrEnum):
    """方案状态"""

    CURRENT = "current"
    NONE = "none"  # no plan yet
    PENDING = "pending"  # a newer one is being made
    FAILED = "failed"  # it failed its proof
    OVERDUE = "overdue"  # past its review time


@dataclass(frozen=True)
class ZoneNow:
    """生效区域: one area in force, as the store has it now (newer than the snapshot, if they differ)."""

    zone_id: str
    hazard: str | None
    kind: str
    region: str | None
    review_at: datetime | None
    geometry: Mapping[str, Any]


@dataclass(frozen=True)
class Moment:
    """此刻: what a bundle is made of. Without a current plan ``snapshot`` is None."""

    state: PlanState
    version: Mapping[str, Any]
    snapshot: Snapshot | None
    zones: Sequence[ZoneNow]
    shelters: Sequence[ShelterNow]
    undrawn: bool = False  # an evacuation order has no drawn area: the zones are not all there is


def district_bundle(pack: Pack, realm: str, phone: str) -> dict[str, Any]:
    """The townships to choose from (区县目录)."""
    towns = [
        region
        for region in pack.regions.values()
        if region.level in (RegionLevel.TOWNSHIP, RegionLevel.STREET, RegionLevel.PARK)
    ]
    return {
        **_head(pack, realm, pack.district.code, phone),
        "place": None,
        "places": [{"id": town.code, "name": town.name, "kind": "township"} for town in towns],
    }


def township_bundle(
    pack: Pack, realm: str, region: str, place: str | None, moment: Moment, phone: str
) -> dict[str, Any]:
    """One township (离线包), asked for by any place in it."""
    town = pack.township_of(region) or region
    shelters = _shelters_for(pack, town, moment.shelters)
    reviews = [zone.review_at for zone in moment.zones if zone.review_at is not None]
    return {
        **_head(pack, realm, town, phone),
        "place": _place(pack, place),
        "places": _places(pack, town),
        "plan": moment.state.value,
        "version": dict(moment.version),
        "review_at": format_time(min(reviews)) if reviews else None,
        "undrawn_orders": moment.undrawn,
        "zones": [_zone(pack, zone) for zone in moment.zones if _concerns(pack, zone.region, town)],
        "shelters": [_shelter(shelter, moment) for shelter in shelters],
        "routes": list(_routes(pack, town, moment)),
    }


def _head(pack: Pack, realm: str, region: str, phone: str) -> dict[str, Any]:
    district = pack.district
    named = pack.regions.get(region)
    return {
        "district": district.code,
        "district_name": {"zh": district.name_zh, "en": district.name_en},
        "exercise": district.is_exercise,
        "default_realm": district.default_realm,
        "realm": realm,
        "pack": pack.version,
        "region": {"id": region, "name": named.name if named else district.name_zh},
        "phone": phone,
    }


def _place(pack: Pack, place: str | None) -> dict[str, Any] | None:
    if place is None:
        return None
    if place in pack.regions:
        return {"id": place, "name": pack.regions[place].name, "kind": pack.regions[place].level.value}
    for kind, table in (("unit", pack.units), ("site", pack.sites), ("shelter", pack.shelters)):
        if place in table:
            return {"id": place, "name": table[place].name, "kind": kind}
    return None


def _places(pack: Pack, town: str) -> list[dict[str, Any]]:
    """Villages, then what stands in them under a name of its own."""
    found = [
        {"id": region.code, "name": region.name, "kind": "village"}
        for region in pack.regions.values()
        if region.level is RegionLevel.VILLAGE and town in pack.ancestors(region.code)
    ]
    for unit in pack.units.values():
        if town in pack.ancestors(unit.region):
            found.append({"id": unit.unit_id, "name": unit.name, "kind": unit.industry})
    for site in pack.sites.values():
        if site.kind == "danger_point" and town in pack.ancestors(site.region):
            found.append({"id": site.site_id, "name": site.name, "kind": site.kind})
    return found[:PLACES_MAX]


def _concerns(pack: Pack, region: str | None, town: str) -> bool:
    """An area without a region may be anywhere; a district's is everywhere."""
    return region is None or town in pack.ancestors(region) or region in pack.ancestors(town)


def _zone(pack: Pack, zone: ZoneNow) -> dict[str, Any]:
    hazard = pack.hazards.get(zone.hazard or "")
    return {
        "zone_id": zone.zone_id,
        "kind": zone.kind,
        "hazard": zone.hazard,
        "hazard_name": {"zh": hazard.name_zh, "en": hazard.name_en} if hazard else None,
        "geometry": {"type": zone.geometry["type"], "coordinates": _rounded(zone.geometry["coordinates"])},
    }


def _rounded(value: Any) -> Any:
    return round(value, POINT_DECIMALS) if isinstance(value, int | float) else [_rounded(each) for each in value]


def _shelters_for(pack: Pack, town: str, shelters: Sequence[ShelterNow]) -> list[ShelterNow]:
    """Those of the township, and the nearest others where there are few."""
    own = [s for s in shelters if town in pack.ancestors(s.region)]
    seat = pack.regions.get(town)
    if seat is None or seat.lat is None or seat.lon is None or len(own) >= SHELTERS_MIN:
        return own
    lat, lon = seat.lat, seat.lon
    others = sorted((s for s in shelters if s not in own), key=lambda s: distance_m(lat, lon, s.lat, s.lon))
    return own + others[: SHELTERS_MIN - len(own)]


def _shelter(shelter: ShelterNow, moment: Moment) -> dict[str, Any]:
    snapshot, usable = moment.snapshot, None
    if snapshot is not None:
        dry = not snapshot.danger.lies_in(shelter.lon, shelter.lat)
        usable = dry and shelter.shelter_id in usable_shelters(snapshot.plan)
    return {
        "shelter_id": shelter.shelter_id,
        "name": shelter.name,
        "lat": round(shelter.lat, POINT_DECIMALS),
        "lon": round(shelter.lon, POINT_DECIMALS),
        "state": shelter.state.value,
        "accessible": shelter.accessible,
        "usable": usable,
    }


def _routes(pack: Pack, town: str, moment: Moment) -> Iterable[dict[str, Any]]:
    """The approved routes of the township's listed sites, without whose they are."""
    for site in pack.sites.values():
        route = approved_of_place(pack, site.site_id) if town in pack.ancestors(site.region) else None
        if route is None:
            continue
        walked = None if moment.snapshot is None else can_be_walked(moment.snapshot, route.shelter, route.lonlat)
        yield {
            "route_id": route.route_id,
            "site": {"id": site.site_id, "name": site.name},
            "shelter": route.shelter,
            "polyline": encode_polyline([(lat, lon) for lon, lat in route.lonlat]),
            "holds": walked,
        }
