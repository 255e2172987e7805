"""隐患点 Sixty hazard points: the sample's three and 57 more, two a township, each with a slope zone; twenty have
lists of households. Where a name does not say otherwise, all of it is 演示数据.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from deploy.districts import assets
from deploy.districts.people import WARDENS
from deploy.districts.places import SOURCE, LonLat, metres
from deploy.districts.whole.geometry import square, towards
from deploy.districts.whole.places import SMALL, Land
from deploy.districts.whole.tables import Row, lat_lon

KINDS = ("后山滑坡", "危岩崩塌", "不稳定斜坡", "沟口泥石流", "公路边坡")
SLOPE_HALF_M = 110.0
SLOPE_HAZARDS = ("11D01", "11B03", "11C02")  # a slope is left for a slide, for rain and after a quake
LISTED = 20  # points with a household list, the sample's three among them
CHOSEN = {  # villages that the region's history names, and those that the sample's three townships still need
    "xnh": ("500114117206", "500114117001"),
    "cx": ("500114003004", "500114003007"),
    "zb": ("500114005003", "500114005007"),
    "fj": ("500114006001",),
    "zs": (),
}
OF_SAMPLE = {  # what the sample has not drawn: its slope has a zone for rain, its two courtyards lie by the river
    "dp-fj-01": ("11D01", "11C02"),
    "dp-zs-01": ("11C02",),
    "dp-zs-02": ("11C02",),
}
FIRST = {"fj": 2}  # the sample has dp-fj-01 already


@dataclass(frozen=True)
class Point:
    """隐患点"""

    site: str
    name: str
    village: str
    township: str
    short: str
    lonlat: LonLat
    listed: bool
    is_new: bool = True


def chosen_villages(land_villages: dict[str, list[str]]) -> list[tuple[str, str]]:
    """(short, village) of each new point; ``land_villages`` by township short, in the officials' order."""
    found: list[tuple[str, str]] = []
    for short, codes in land_villages.items():
        picked = CHOSEN.get(short, (codes[-1], codes[len(codes) // 2]) if codes else ())
        found += [(short, code) for code in picked]
    return found


def listed_villages(chosen: list[tuple[str, str]]) -> list[str]:
    """The first new point of each township gets its households listed, until there are twenty lists."""
    first: dict[str, str] = {}
    for short, code in chosen:
        if short not in ("fj", "zb"):
            first.setdefault(short, code)
    order = sorted(first, key=lambda short: (short not in CHOSEN, short))
    return [first[short] for short in order][: LISTED - len(assets.POINTS)]


def make_points(land: Land, chosen: list[tuple[str, str]], listed: list[str], rng: random.Random) -> list[Point]:
    """隐患点 The sample's first, then the new ones."""
    points = [
        Point(site, name, village, village[:9], site.split("-")[1], where, True, False)
        for site, (name, village, where, _, _, _) in assets.POINTS.items()
    ]
    count: dict[str, int] = {}
    for short, village in chosen:
        count[short] = count.get(short, FIRST.get(short, 1) - 1) + 1
        place = land.place(village)
        name = f"{place.name}{rng.choice(KINDS)}隐患点"
        where = _slope(land, village, points, rng)
        site = f"dp-{short}-{count[short]:02d}"
        points.append(Point(site, name, village, village[:9], short, where, village in listed))
    return points


def _slope(land: Land, village: str, points: list[Point], rng: random.Random) -> LonLat:
    """A slope near the village, off the rivers, the villages and the other slopes."""
    here = land.place(village).lonlat
    hamlets = [place.lonlat for place in land.regions if place.level == "village"]
    seat = land.place(village[:9]).lonlat
    for _ in range(300):
        where = towards(here, 360 * rng.random(), rng.uniform(260, 480))
        clear = metres(where, seat) > 420 and all(metres(where, other) > 230 for other in hamlets)
        dry = all(river.distance_m(where) > 380 for river in land.rivers.values())
        if clear and dry and all(metres(where, point.lonlat) > 500 for point in points):
            return where
    raise AssertionError(f"no slope for {village}")


def households(points: list[Point], rng: random.Random) -> list[Row]:
    """住户 of the new listed points; shelters are filled in when the roads are known (一户一人)."""
    rows: list[Row] = []
    for point in points:
        if not (point.is_new and point.listed):
            continue
        for n in range(1, 5 + int(4 * rng.random())):
            people = 2 + int(4 * rng.random())
            rows.append(
                {
                    "household_id": f"{point.site}-h{n:02d}",
                    "site": point.site,
                    "group": f"{point.village}{1 + (n - 1) % 3:02d}",
                    "people": people,
                    "vulnerable": min(people, int(2.4 * rng.random())),
                    "responsible_post": village_post(point.village, "head" if n % 3 == 0 else "warden"),
                    "approved_route": f"route-{point.site}",
                    "source": SOURCE,
                }
            )
    return rows


def village_post(code: str, role: str) -> str:
    return f"v{code[6:12]}-{role}"


def leader(code: str) -> str:
    """Who leads the village's people out: its warden; in the sample's villages without one, its head."""
    return village_post(code, "head" if code[:9] in SMALL and code not in WARDENS else "warden")


def sites(points: list[Point], listed: list[Row], rng: random.Random) -> list[Row]:
    """部位 the new points, with the sums of their households where these are listed."""
    rows: list[Row] = []
    for point in points:
        if not point.is_new:
            continue
        own = [row["people"] for row in listed if row["site"] == point.site]
        homes = len(own) or 3 + int(5 * rng.random())
        rows.append(
            {
                "site_id": point.site,
                "name": point.name,
                "kind": "danger_point",
                "region": point.village,
                **lat_lon(point.lonlat),
                "households": homes,
                "people": sum(own) or round(homes * rng.uniform(2.6, 3.9)),
                "post": leader(point.village),
                "source": SOURCE,
            }
        )
    return rows


def slope_zones(points: list[Point]) -> list[Row]:
    """滑坡影响区 One ring a point, once for each hazard that it is left for."""
    return [
        {
            "zone_id": f"zone-{point.site}-{hazard.lower()}",
            "name": f"{point.name}影响区",
            "hazard": hazard,
            "step": "orange",
            "region": point.site,
            "ring": square(point.lonlat, SLOPE_HALF_M),
        }
        for point in points
        for hazard in SLOPE_HAZARDS
        if point.is_new or hazard in OF_SAMPLE.get(point.site, ())
    ]
