"""扩成全区 The valley's tables and layers become those of the whole district, in place.

Everything is added behind what the valley has; changed are only rows that the whole district must say differently: the
river goes on below 濯水, and rain gauges also serve the villages around them.
"""

from __future__ import annotations

import random
from typing import Any

from deploy.districts import assets as small_assets
from deploy.districts import places as small_places
from deploy.districts.people import People
from deploy.districts.places import LonLat, region_rows, rounded
from deploy.districts.ways import Roads, route
from deploy.districts.whole import assets, people
from deploy.districts.whole.escape import way_out
from deploy.districts.whole.network import make_net
from deploy.districts.whole.places import Land, make_land, names_of
from deploy.districts.whole.points import (
    Point,
    chosen_villages,
    households,
    listed_villages,
    make_points,
    sites,
)
from deploy.districts.whole.stations import make_stations
from deploy.districts.whole.tables import Row, rows_of
from deploy.districts.whole.zones import GAS_KINDS, make_zones, rings

GROUPS = 3  # in a village whose households are listed


def enlarge(
    tables: dict[str, list[Row]],
    layers: dict[str, list[dict[str, Any]]],
    posts: People,
    places: small_places.Places,
    roads: Roads,
    seed: int,
) -> None:
    """扩成全区"""
    rng = random.Random(seed + 1)
    chosen = chosen_villages(_villages_by_short())
    listed = listed_villages(chosen)
    land = make_land(places, dict.fromkeys(listed, GROUPS), rng)
    points = make_points(land, chosen, listed, rng)
    works, units = assets.works(land), assets.units(land)
    homes = households(points, rng)
    gas = [(row["lon"], row["lat"]) for row in works if row["kind"] in GAS_KINDS]
    shelters = assets.shelters(land, points, gas)

    tables["regions.csv"] = region_rows(land.regions)
    tables["stations.csv"] = make_stations(tables["stations.csv"], land, points, works, rng)
    tables["sites.csv"] += [*sites(points, homes, rng), *works]
    tables["units.csv"] += units
    tables["shelters.csv"] += shelters
    tables["warehouses.csv"] += assets.warehouses(land)
    tables["stock.csv"] += assets.stock()
    tables["teams.csv"] += assets.teams(land)
    _people(tables, posts, land, points, shelters)
    _geography(tables, layers, land, points, works, homes, roads, rng)
    tables["households.csv"] += homes


def _villages_by_short() -> dict[str, list[str]]:
    names = names_of()
    return {
        row["short"]: [code for code, (_, parent) in names.items() if parent == row["code"]]
        for row in rows_of("townships.csv")
    }


def _people(
    tables: dict[str, list[Row]],
    posts: People,
    land: Land,
    points: list[Point],
    shelters: list[Row],
) -> None:
    works = [row for row in tables["sites.csv"] if row["kind"] != "danger_point"]
    people.enlarge(posts, land, points, works, tables["units.csv"])
    people.verify_stations(posts, tables["stations.csv"], points)
    for row in shelters:
        posts.duty(row["key_post"], "key", row["shelter_id"])
    for row in tables["warehouses.csv"][len(small_assets.WAREHOUSES) :]:
        if row["key_post"] != "qj-keeper-2":
            posts.duty(row["key_post"], "key", row["warehouse_id"])


def _geography(
    tables: dict[str, list[Row]],
    layers: dict[str, list[dict[str, Any]]],
    land: Land,
    points: list[Point],
    works: list[Row],
    homes: list[Row],
    roads: Roads,
    rng: random.Random,
) -> None:
    layers["zones.geojson"] += make_zones(land, points, works)
    wet, dry = (rings(layers["zones.geojson"], wet=flood) for flood in (True, False))
    doors = {row["shelter_id"]: (row["lon"], row["lat"]) for row in tables["shelters.csv"]}
    known = small_assets.SHELTERS.keys() | small_assets.POINTS.keys()
    ends = {point.site: point.lonlat for point in points} | doors
    ends |= {row["site_id"]: (row["lon"], row["lat"]) for row in works if row["kind"] in GAS_KINDS}
    net = make_net(roads, land, {name: where for name, where in ends.items() if name not in known}, wet, dry, rng)
    layers["roads.geojson"] = net.features
    for point in points:
        if point.is_new and point.listed:
            goals = _goals(tables["shelters.csv"], point.township)
            shelter, line = way_out(net, point.lonlat, goals, [*wet, *dry])
            layers["routes.geojson"].append(route(point.site, point.name, shelter, line))
            for home in homes:
                if home["site"] == point.site:
                    home["shelter"] = shelter


def _goals(shelters: list[Row], township: str) -> dict[LonLat, str]:
    """The township's shelters that are fit for slides and rain."""
    return {
        rounded(row["lon"], row["lat"]): row["shelter_id"]
        for row in shelters
        if str(row["region"]).startswith(township) and "11D01" in row["hazards_ok"]
    }
