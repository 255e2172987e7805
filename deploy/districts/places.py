"""地方 The three townships of the sample pack: regions, the river, who lives where. Names and codes are real
(divisions.csv), seats are GeoNames points; everything else is made up (演示数据) from a seed.
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

DISTRICT = "500114"
SOURCE = "演示数据"
M_PER_LAT = 111_195.0
M_PER_LON = 96_880.0  # at 29.4° N

LonLat = tuple[float, float]

# 阿蓬江, drawn by hand from 舟白 down to 濯水: a plausible line, not a survey
RIVER: tuple[LonLat, ...] = (
    (108.8350, 29.5600),
    (108.8290, 29.5450),
    (108.8265, 29.5300),
    (108.8200, 29.5150),
    (108.8120, 29.5000),
    (108.8060, 29.4800),
    (108.8010, 29.4600),
    (108.7960, 29.4400),
    (108.7930, 29.4200),
    (108.7890, 29.4050),
    (108.7865, 29.3930),
    (108.7830, 29.3750),
    (108.7800, 29.3550),
    (108.7770, 29.3350),
    (108.7735, 29.3180),
    (108.7720, 29.3080),
    (108.7700, 29.2990),
    (108.7650, 29.2880),
    (108.7620, 29.2750),
)


@dataclass(frozen=True)
class Township:
    """乡镇街道 ``reach`` is its stretch of the river in metres from the upper end."""

    code: str
    short: str
    level: str
    seat: LonLat
    population: int
    downstream: str
    reach: tuple[float, float]


TOWNSHIPS: tuple[Township, ...] = (
    Township("500114005", "zb", "street", (108.82267, 29.52949), 31_000, "500114006", (700, 8_200)),
    Township("500114006", "fj", "street", (108.78459, 29.39313), 18_000, "500114112", (14_500, 22_500)),
    Township("500114112", "zs", "township", (108.77020, 29.30309), 16_000, "", (26_200, 31_600)),
)


@dataclass(frozen=True)
class Place:
    """一个区划"""

    code: str
    name: str
    parent: str
    level: str
    lonlat: LonLat
    population: int
    downstream: str = ""


@dataclass
class Places:
    """区划表: the regions in the officials' order, and where the villages lie beside the river."""

    regions: list[Place] = field(default_factory=list)
    along_m: dict[str, float] = field(default_factory=dict)
    offset_m: dict[str, float] = field(default_factory=dict)

    def at(self, code: str) -> LonLat:
        return next(place.lonlat for place in self.regions if place.code == code)

    def name(self, code: str) -> str:
        return next(place.name for place in self.regions if place.code == code)

    def villages(self, township: str) -> list[Place]:
        return [place for place in self.regions if place.parent == township]


def rounded(lon: float, lat: float) -> LonLat:
    """Six decimals: a decimetre, and the same digits on every machine."""
    return (round(lon, 6), round(lat, 6))


def metres(a: LonLat, b: LonLat) -> float:
    return math.hypot((a[0] - b[0]) * M_PER_LON, (a[1] - b[1]) * M_PER_LAT)


def moved(point: LonLat, east_m: float, north_m: float) -> LonLat:
    return rounded(point[0] + east_m / M_PER_LON, point[1] + north_m / M_PER_LAT)


def on_river(along_m: float, offset_m: float = 0.0) -> LonLat:
    """The point so far down the river and so far beside it (east is positive)."""
    left = along_m
    for start, end in pairwise(RIVER):
        length = metres(start, end)
        if left <= length or end == RIVER[-1]:
            t = left / length
            lon, lat = start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t
            east, north = (end[0] - start[0]) * M_PER_LON / length, (end[1] - start[1]) * M_PER_LAT / length
            return moved((lon, lat), -north * offset_m, east * offset_m)
        left -= length
    raise AssertionError("a river has an end")


@cache
def nearest_along(point: LonLat) -> float:
    """How far down the river a point lies, to 50 m."""
    steps = range(0, int(river_m()), 50)
    return float(min(steps, key=lambda along: metres(point, on_river(along))))


def river_m() -> float:
    return sum(metres(start, end) for start, end in pairwise(RIVER))


GROUPED = {"500114112001": 3, "500114112003": 3, "500114006005": 3, "500114005003": 2}  # villages with own groups
_BY_HAND = {  # villages whose place the scenario needs: metres down the river, metres beside it
    "500114112001": (28_700.0, -420.0),
    "500114112003": (29_900.0, 700.0),
    "500114006005": (21_600.0, 780.0),
    "500114005003": (3_300.0, -650.0),
}


def make_places(rng: random.Random) -> Places:
    """区划 The district, three townships, their villages, and groups where households are listed."""
    places = Places()
    add = places.regions.append
    add(Place(DISTRICT, "黔江区", "", "district", (108.776, 29.531), 487_281))
    with (Path(__file__).parent / "divisions.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = {row["code"]: row["name"] for row in rows}
    for township in TOWNSHIPS:
        add(
            Place(
                township.code,
                names[township.code],
                DISTRICT,
                township.level,
                township.seat,
                township.population,
                township.downstream,
            )
        )
    for township in TOWNSHIPS:
        villages = [row for row in rows if row["parent"] == township.code]
        low, high = township.reach
        for at, row in enumerate(villages):
            code = row["code"]
            along = low + (high - low) * (at + 0.2 + 0.6 * rng.random()) / len(villages)
            offset = (900 + 1_700 * rng.random()) * (1 if at % 2 else -1)
            along, offset = _BY_HAND.get(code, (round(along), round(offset)))
            places.along_m[code], places.offset_m[code] = along, offset
            name = row["name"].removesuffix("居民委员会").removesuffix("村民委员会")
            people = 900 + round(1_400 * rng.random())
            add(Place(code, name, township.code, "village", on_river(along, offset), people))
            for group in range(1, GROUPED.get(code, 0) + 1):
                where = moved(on_river(along, offset), 400 * rng.random() - 200, 400 * rng.random() - 200)
                add(
                    Place(f"{code}{group:02d}", f"{name}{group}组", code, "group", where, 60 + round(80 * rng.random()))
                )
    return places


def region_rows(regions: Iterable[Place]) -> list[dict[str, Any]]:
    """regions.csv"""
    return [
        {
            "code": place.code,
            "name": place.name,
            "parent": place.parent,
            "level": place.level,
            "lat": place.lonlat[1],
            "lon": place.lonlat[0],
            "population": place.population,
            "downstream": place.downstream,
            "source": SOURCE if place.level in ("village", "group") else "名称代码真实;人口为演示数据",
        }
        for place in regions
    ]
