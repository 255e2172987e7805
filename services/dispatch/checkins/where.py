"""报到地点 Which region a check-in belongs to: the place that was named, else the nearest point to the position.

A position gives the region of the nearest village or township seat, as the crow flies: no boundaries are open data. It
is a guess and says so (``position``); who is placed nowhere is seen by the whole district's officers.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.dispatch.incidents.grouping import Incident
from shared.pack.model import Pack

NEAREST_M_MAX = 10_000.0
BY_PLACE, BY_POSITION = "place", "position"


def region_of(pack: Pack, place: str | None, lat: float | None, lon: float | None) -> tuple[str | None, str | None]:
    """(region, what it was told by); (None, None) where neither tells."""
    named = pack.region_of(place) if place else None
    if named is not None:
        return named, BY_PLACE
    near = pack.region_near(lat, lon, NEAREST_M_MAX) if lat is not None and lon is not None else None
    return (near, BY_POSITION) if near is not None else (None, None)


def name_of(pack: Pack, place: str | None, region: str | None) -> str:
    """The place as an officer reads it: township first; empty where nothing is known."""
    town = pack.township_of(region) if region else None
    names = [pack.regions[code].name for code in (town, region) if code is not None and code in pack.regions]
    for table in (pack.units, pack.sites, pack.shelters):
        if place is not None and place in table:
            names.append(table[place].name)
    return " ".join(dict.fromkeys(names))


def incident_of(pack: Pack, region: str | None, live: Iterable[Incident]) -> str | None:
    """The incident that a check-in is told in: the worst that is here, else the only one there is."""
    known = list(live)
    chain = set(pack.ancestors(region)) if region else set()
    here = [
        incident
        for incident in known
        if any(area in chain or (region is not None and region in pack.ancestors(area)) for area in incident.areas)
    ]
    if not here:
        return known[0].incident_id if len(known) == 1 else None
    here.sort(key=lambda incident: (-incident.level.rank, incident.opened_at, incident.incident_id))
    return here[0].incident_id
