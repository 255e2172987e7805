"""全区危险区 Flood zones by step along the drawn rivers, slopes, and the surroundings of gas works."""

from __future__ import annotations

from typing import Any

from deploy.districts.places import SOURCE, LonLat
from deploy.districts.whole.geometry import square, towards
from deploy.districts.whole.places import Land
from deploy.districts.whole.points import Point, slope_zones
from deploy.districts.whole.tables import Row, rows_of

FLOOD_HALF_M = {"yellow": 40.0, "orange": 90.0, "red": 160.0}
GAS_M = 150.0
GAS_KINDS = ("gallery", "gas_station", "pipeline")
PEOPLE = 260  # live in each drawn riverside quarter


def make_zones(land: Land, points: list[Point], works: list[Row]) -> list[dict[str, Any]]:
    """危险区 as features, after the sample's own."""
    about: list[Row] = []
    for row in rows_of("stages.csv"):
        if row["warning_m"]:
            about += _flood(land, row)
    about += slope_zones(points)
    for site in works:
        if site["kind"] in GAS_KINDS:
            middle = (site["lon"], site["lat"])
            ring = [towards(middle, 45.0 * n, GAS_M) for n in range(8)]
            about.append(
                {
                    "zone_id": f"zone-{site['site_id']}",
                    "name": f"{site['name']}疏散区",
                    "hazard": "QJ-GAS",
                    "step": "orange",
                    "region": site["site_id"],
                    "ring": [*ring, ring[0]],
                }
            )
    return [_feature(row) for row in about]


def _flood(land: Land, row: dict[str, str]) -> list[Row]:
    area, river = land.area(row["short"]), land.rivers[row["station_id"]]
    found: list[Row] = [
        {
            "zone_id": f"zone-{area.short}-{step}",
            "name": f"{area.name}{row['river']}沿岸淹没危险区",
            "hazard": "11A01",
            "step": step,
            "region": area.code,
            "ring": river.band(half),
        }
        for step, half in FLOOD_HALF_M.items()
    ]
    quarter = square(river.at(river.length_m / 2), 200.0)
    name = f"{area.name}沿河居住区"
    about = {"zone_id": f"people-{area.short}-01", "name": name, "kind": "population", "region": area.code}
    return [*found, {**about, "people": PEOPLE, "ring": quarter}]


def _feature(row: Row) -> dict[str, Any]:
    properties = {"zone_id": row["zone_id"], "name": row["name"], "kind": "danger", **row, "source": SOURCE}
    ring = properties.pop("ring")
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties}


def rings(features: list[dict[str, Any]], *, wet: bool) -> list[list[LonLat]]:
    """The outer rings of danger areas: of the floods', or of all others."""
    return [
        [tuple(position) for position in feature["geometry"]["coordinates"][0]]
        for feature in features
        if feature["properties"]["kind"] == "danger" and (feature["properties"]["hazard"] == "11A01") == wet
    ]
