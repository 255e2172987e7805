"""提问解析 Turns what a phone sends (position, group, QR place, household) into a `Question`, from the pack alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.resources.evacuation.answer import ApprovedRoute, Question, RouteAnswer
from services.resources.evacuation.datum import Crs, from_crs, to_crs
from shared.errors import Invalid, NotFound
from shared.geo import encode_polyline
from shared.pack.model import Household, Pack


@dataclass(frozen=True, kw_only=True)
class Asked:
    """请求参数: as it came; coordinates in the asker's own datum."""

    lat: float | None = None
    lon: float | None = None
    group: str | None = None
    at: str | None = None
    household: str | None = None
    crs: Crs = Crs.WGS84


def question_of(pack: Pack, asked: Asked) -> Question:
    """The question behind a request (解析提问); what cannot be placed is refused with what would be right."""
    household = _household(pack, asked.household)
    place = asked.at or (household.site if household else None) or asked.group
    areas = _areas(pack, *(area for area in (asked.at, asked.group) if area))
    if household is not None:
        areas += (*_areas(pack, household.site), *((household.group,) if household.group else ()))
    if (asked.lat is None) != (asked.lon is None):
        raise Invalid("lat and lon come together", "lat 与 lon 须同时给出", field="lat")
    if asked.lat is not None and asked.lon is not None:
        lat, lon = from_crs(asked.lat, asked.lon, asked.crs)
    elif place is not None:
        lat, lon = _position(pack, place)
    else:
        raise Invalid(
            "say where: lat and lon, or group, or at, or household",
            "请给出位置：lat 和 lon，或 group，或 at，或 household",
            field="lat",
        )
    return Question(
        lat=lat,
        lon=lon,
        areas=tuple(dict.fromkeys(areas)),
        approved=_approved(pack, household) if household is not None else approved_of_place(pack, place),
        slow=household is not None and household.vulnerable > 0,
        named_place=asked.lat is None,
    )


def _household(pack: Pack, household_id: str | None) -> Household | None:
    if household_id is None:
        return None
    found = pack.households.get(household_id)
    if found is None:
        raise NotFound(f"there is no household '{household_id}'", "没有该户编号", field="household")
    return found


def _areas(pack: Pack, *places: str) -> tuple[str, ...]:
    """The place itself, the site or unit it is, and the villages and groups above it up to the township."""
    areas: list[str] = []
    for place in places:
        areas.append(place)
        region: str | None = place
        if place in pack.sites:
            region = pack.sites[place].region
        elif place in pack.units:
            region = pack.units[place].region
        if region is not None:
            areas += [code for code in pack.ancestors(region) if code != pack.district.code]
    return tuple(areas)


def _position(pack: Pack, place: str) -> tuple[float, float]:
    """Where a named place is: a site, unit, shelter, or a region (its nearest ancestor that has a point)."""
    tables: tuple[Any, ...] = (pack.sites, pack.units, pack.shelters)
    for table in tables:
        if place in table and table[place].lat is not None:
            return table[place].lat, table[place].lon
    region = place
    for table in (pack.sites, pack.units):
        region = table[place].region if place in table else region
    if region not in pack.regions:
        raise NotFound(f"there is no place '{place}' in the district pack", f"区县包中没有 {place}", field="at")
    found = pack.regions[region]
    if found.lat is None or found.lon is None:
        raise NotFound(
            f"the position of '{place}' is not known; send lat and lon",
            f"{place} 没有坐标，请发送 lat 和 lon",
            field="lat",
            code="position_unknown",
        )
    return found.lat, found.lon


def approved_of_place(pack: Pack, place: str | None) -> ApprovedRoute | None:
    """The approved route of a site or group (QR 牌上的明白卡路线), where all its households have the same one."""
    if place is None:
        return None
    homes = [home for home in pack.households.values() if place in (home.site, home.group)]
    ways = {(home.shelter, home.approved_route) for home in homes}
    return _approved(pack, homes[0]) if len(ways) == 1 else None


def _approved(pack: Pack, household: Household) -> ApprovedRoute | None:
    if household.approved_route is None or household.shelter is None:
        return None
    for feature in (pack.geojson.get("routes.geojson") or {}).get("features", ()):
        if feature["properties"]["route_id"] == household.approved_route:
            line = tuple((float(p[0]), float(p[1])) for p in feature["geometry"]["coordinates"])
            return ApprovedRoute(household.approved_route, household.shelter, line)
    return None


def answer_out(answer: RouteAnswer, district: str, realm: str, crs: Crs) -> dict[str, Any]:
    """Contract §6 ``route`` as JSON, coordinates in the asked datum."""
    points = [to_crs(lat, lon, crs) for lon, lat in answer.lonlat]
    shelter, refuge = answer.shelter, answer.refuge
    return {
        "district": district,
        "realm": realm,
        "status": answer.status.value,
        "basis": answer.basis.value if answer.basis else None,
        "version": dict(answer.version),
        "shelter": None
        if shelter is None
        else {
            "shelter_id": shelter.shelter_id,
            "name": shelter.name,
            "accessible": shelter.accessible,
            **_point(shelter.lat, shelter.lon, crs),
        },
        "shelter_state": shelter.state.value if shelter else None,
        "distance_m": answer.distance_m,
        "minutes": answer.minutes,
        "polyline": encode_polyline(points) if points else None,
        "steps": list(answer.steps),
        "refuge": None
        if refuge is None
        else {
            "refuge_id": refuge.refuge_id,
            "name": refuge.name,
            "kind": refuge.kind,
            "distance_m": answer.refuge_m,
            **_point(refuge.lat, refuge.lon, crs),
        },
        "phone": answer.phone,
        "warnings": list(answer.warnings),
        "crs": crs.value,
    }


def geojson_out(body: dict[str, Any], answer: RouteAnswer, crs: Crs) -> dict[str, Any]:
    """The same as one GeoJSON feature; without a way its geometry is null, never an empty line."""
    line = [[round(x, 6), round(y, 6)] for y, x in (to_crs(lat, lon, crs) for lon, lat in answer.lonlat)]
    geometry = {"type": "LineString", "coordinates": line} if len(line) > 1 else None
    properties = {key: value for key, value in body.items() if key != "polyline"}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _point(lat: float, lon: float, crs: Crs) -> dict[str, float]:
    lat, lon = to_crs(lat, lon, crs)
    return {"lat": round(lat, 6), "lon": round(lon, 6)}
