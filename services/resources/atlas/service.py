"""一图 The pack's places as features: what and where, never who (no post, no person, no number)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from services.resources.atlas.outlines import outlines
from shared.ogc import Feature, point
from shared.pack.model import Pack

SCHEMATIC = "示意范围，按村（社区）驻地划分，不是行政区域界线 / schematic, made of where villages are: not a boundary"
PACKS_KEPT = 4


class Regions:
    """区划: townships with their schematic outlines, which are made once a pack version; villages as points."""

    def __init__(self) -> None:
        self._made: dict[str, list[Feature]] = {}
        self._lock = threading.Lock()

    def of(self, pack: Pack, realm: str) -> list[Feature]:
        with self._lock:
            if pack.version not in self._made:
                while len(self._made) >= PACKS_KEPT:
                    del self._made[next(iter(self._made))]
                self._made[pack.version] = _regions(pack)
            made = self._made[pack.version]
        return [Feature(f.feature_id, f.geometry, {**f.properties, "realm": realm}) for f in made]


def _regions(pack: Pack) -> list[Feature]:
    drawn = outlines(pack)
    found = []
    for region in pack.regions.values():
        outline = drawn.get(region.code)
        properties = {
            "district": pack.district.code,
            "name": region.name,
            "level": region.level.value,
            "parent": region.parent,
            "population": region.population,
            "lat": region.lat,
            "lon": region.lon,
            "outline": SCHEMATIC if outline else None,
            "pack": pack.version,
        }
        found.append(Feature(region.code, outline or point(region.lat, region.lon), properties))
    return found


def roads(pack: Pack, realm: str) -> list[Feature]:
    """道路: the network as the pack draws it; whether a road is open is the network's to say."""
    features = (pack.geojson.get("roads.geojson") or {}).get("features", ())
    found = []
    for feature in features:
        given = feature["properties"]
        about = {name: given.get(name) for name in ("name", "kind", "bridge", "source")}
        properties = {"district": pack.district.code, "realm": realm, **about, "pack": pack.version}
        found.append(Feature(str(given["edge_id"]), feature["geometry"], properties))
    return found


def zones(pack: Pack, realm: str, in_force: Iterable[Any]) -> list[Feature]:
    """危险区: those that the pack draws, and those in force now, which an officer may have drawn by hand."""
    found: dict[str, Feature] = {}
    features = (pack.geojson.get("zones.geojson") or {}).get("features", ())
    for number, feature in enumerate(features, 1):
        given = feature["properties"]
        if given.get("kind") == "population":  # where people live is no danger
            continue
        zone_id = str(given.get("zone_id") or f"zone-{number}")
        properties = _about_zone(pack, realm, given) | {"in_force": False, "since": None}
        found[zone_id] = Feature(zone_id, feature["geometry"], properties)
    for row in in_force:
        known = found.get(row.zone_id)
        given = {"hazard": row.hazard, "region": row.region, "kind": row.kind, "source": row.source}
        properties = dict(known.properties) if known else _about_zone(pack, realm, given)
        properties |= {"in_force": True, "since": row.since.isoformat()}
        found[row.zone_id] = Feature(row.zone_id, row.geometry, properties)
    return list(found.values())


def _about_zone(pack: Pack, realm: str, given: Mapping[str, Any]) -> dict[str, Any]:
    region = str(given.get("region") or "")
    if region in pack.sites:
        region = pack.sites[region].region
    about = {name: given.get(name) for name in ("name", "kind", "hazard", "step", "source")}
    hazard = pack.hazards.get(str(given.get("hazard")))
    return _about(pack, realm, region, **about, hazard_name=hazard.name_zh if hazard else None)


def units(pack: Pack, realm: str) -> list[Feature]:
    """单位: with how many people are in them by day and by night, which is not for everybody."""
    return [
        Feature(
            u.unit_id,
            point(u.lat, u.lon),
            _about(
                pack,
                realm,
                u.region,
                name=u.name,
                industry=u.industry,
                people_day=u.people_day,
                people_night=u.people_night,
                people_holiday=u.people_holiday,
                boarders=u.boarders,
            ),
        )
        for u in pack.units.values()
    ]


def sites(pack: Pack, realm: str) -> list[Feature]:
    """部位"""
    return [
        Feature(
            s.site_id,
            point(s.lat, s.lon),
            _about(pack, realm, s.region, name=s.name, kind=s.kind, households=s.households, people=s.people),
        )
        for s in pack.sites.values()
    ]


def shelters(pack: Pack, realm: str, states: Mapping[str, Mapping[str, Any]]) -> list[Feature]:
    """避难场所: ``states`` is what is known now; a shelter that nobody reported is unknown, not closed."""
    found: list[Feature] = []
    for s in pack.shelters.values():
        now = states.get(s.shelter_id, {"state": "unknown", "occupied": None})
        properties = _about(
            pack,
            realm,
            s.region,
            name=s.name,
            shelter_class=s.shelter_class,
            floor_m2=s.floor_m2,
            m2_per_person=s.m2_per_person,
            day=s.day,
            night=s.night,
            accessible=s.accessible,
            hazards_ok=list(s.hazards_ok),
            confirmed_on=s.confirmed_on,
            state=now["state"],
            occupied=now["occupied"],
        )
        found.append(Feature(s.shelter_id, point(s.lat, s.lon), properties))
    return found


def warehouses(pack: Pack, realm: str) -> list[Feature]:
    """仓库: where, not what is in it."""
    return [
        Feature(w.warehouse_id, point(w.lat, w.lon), _about(pack, realm, w.region, name=w.name))
        for w in pack.warehouses.values()
    ]


def teams(pack: Pack, realm: str) -> list[Feature]:
    """队伍"""
    return [
        Feature(
            t.team_id,
            point(t.lat, t.lon),
            _about(pack, realm, t.region, name=t.name, kind=t.kind, strength=t.strength, skills=list(t.skills)),
        )
        for t in pack.teams.values()
    ]


def _about(pack: Pack, realm: str, region: str, **more: Any) -> dict[str, Any]:
    named = pack.regions.get(region)
    where = {"region": region, "region_name": named.name if named else None}
    return {"district": pack.district.code, "realm": realm, **more, **where, "pack": pack.version}
