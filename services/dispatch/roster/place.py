"""地点 A fuse's scope read as a place: its own ids, the region it lies in, and everything below it."""

from __future__ import annotations

from dataclasses import dataclass

from services.dispatch.roster.register import register_of
from shared.pack.model import Pack, Station, Unit
from shared.vocabulary import TOWNSHIP_LIKE, RegionLevel


@dataclass(frozen=True, kw_only=True)
class Place:
    """地点: ``scope`` = its ids (scope, region, stations that serve it), ``down`` = what lies inside: a unit or site is
    its own inside (the warden of a danger point is called for it), a station's is all that it serves, as for orders"""

    kind: str
    scope: frozenset[str]
    region: str | None
    down: frozenset[str] = frozenset()
    industry: str | None = None


def kind_of(pack: Pack, scope: str) -> str:
    """The scope kind of contract §4 (``per``) that an id belongs to; ``unknown`` if the pack has no such id."""
    if "@" in scope:
        return "industry"
    region = pack.regions.get(scope)
    if region is not None:
        return "township" if region.level in TOWNSHIP_LIKE else str(region.level)
    if scope in pack.units:
        return "unit"
    if scope in pack.sites:
        return "site"
    return "station" if scope in pack.stations else "unknown"


def place_of(pack: Pack, scope_kind: str | None, scope: str) -> Place:
    """Read ``scope`` as a place. Unknown ids give a place with nothing in it, which who.py reports as a gap."""
    kind = scope_kind or kind_of(pack, scope)
    if kind in {RegionLevel.STREET, RegionLevel.PARK}:
        kind = RegionLevel.TOWNSHIP
    industry: str | None = None
    region: str | None = None
    ids = {scope}
    down: set[str] = set()
    if kind == "industry":
        industry, _, region = scope.partition("@")
        down = {unit.unit_id for unit in _units_in(pack, region) if unit.industry == industry}
    elif kind == "unit" and scope in pack.units:
        region = pack.units[scope].region
    elif kind == "site" and scope in pack.sites:
        region = pack.sites[scope].region
    elif kind == "station" and scope in pack.stations:
        station = pack.stations[scope]
        region = station.region
        ids.update(station.serves)
        down = _served(pack, station)
    elif scope in pack.regions:
        region = scope
        down = _everything_in(pack, region)
    if region:
        ids.add(region)
    ids.update(s.station_id for s in pack.stations.values() if scope in s.serves)
    if kind in ("unit", "site"):
        down = {scope}
    elif kind != "station":
        down = down - ids
    return Place(kind=str(kind), scope=frozenset(ids), region=region, down=frozenset(down), industry=industry)


def regions_below(pack: Pack, region: str) -> frozenset[str]:
    """All regions under ``region``, itself not included."""
    return register_of(pack).below.get(region, frozenset())


def _everything_in(pack: Pack, region: str) -> set[str]:
    regions = regions_below(pack, region) | {region}
    return {
        *regions,
        *(site.site_id for site in pack.sites.values() if site.region in regions),
        *(unit.unit_id for unit in pack.units.values() if unit.region in regions),
        *(shelter.shelter_id for shelter in pack.shelters.values() if shelter.region in regions),
        *(station.station_id for station in pack.stations.values() if station.region in regions),
    }


def _served(pack: Pack, station: Station) -> set[str]:
    """The sites and units that a station serves, and everything inside the regions that it serves (else its own)."""
    found = {station.station_id}
    for served in station.serves or (station.region,):
        if served in pack.regions:
            found |= _everything_in(pack, served) - {served}
        else:
            found.add(served)
    return found


def _units_in(pack: Pack, region: str) -> list[Unit]:
    regions = regions_below(pack, region) | {region}
    return [unit for unit in pack.units.values() if unit.region in regions]
