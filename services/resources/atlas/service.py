"""一图 The pack's places as features: what and where, never who (no post, no person, no number)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.ogc import Feature, point
from shared.pack.model import Pack


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
