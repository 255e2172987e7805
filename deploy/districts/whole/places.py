"""全区地方 31 territorial units, 220 villages and communities with real names and codes, and drawn rivers.

Seats are GeoNames points (three streets that share the seat are spread); villages, rivers and all else are 演示数据.
The park (正阳工业园区) stands beside the townships in the district's own notices but has no statistical code: it gets
``500114X01``, which no authority can have given to anything else.
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, field
from pathlib import Path

from deploy.districts import places as small
from deploy.districts.places import DISTRICT, LonLat, Place, metres
from deploy.districts.whole.geometry import Course, towards
from deploy.districts.whole.tables import rows_of

PARK = "500114X01"
SMALL = frozenset(township.code for township in small.TOWNSHIPS)
APART_M = 420.0  # between villages
DRY_M = 330.0  # a new village lies at least so far from a river
RIVER_HALF_M = 1_700.0


@dataclass(frozen=True)
class Area:
    """镇街园区 One territorial unit."""

    code: str
    short: str
    level: str
    name: str
    seat: LonLat

    @property
    def is_small(self) -> bool:
        return self.code in SMALL


@dataclass
class Land:
    """全区 Regions in the officials' order, the 31 units, and the rivers by the gauge that stands at each."""

    regions: list[Place] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    rivers: dict[str, Course] = field(default_factory=dict)

    def area(self, short: str) -> Area:
        return next(area for area in self.areas if area.short == short)

    def villages(self, township: str) -> list[Place]:
        return [place for place in self.regions if place.parent == township]

    def place(self, code: str) -> Place:
        return next(place for place in self.regions if place.code == code)


def names_of() -> dict[str, tuple[str, str]]:
    """Code → (name, parent) of all real divisions."""
    with (Path(small.__file__).parent / "divisions.csv").open(encoding="utf-8", newline="") as stream:
        return {row["code"]: (row["name"], row["parent"]) for row in csv.DictReader(stream)}


def make_land(sample: small.Places, grouped: dict[str, int], rng: random.Random) -> Land:
    """全区 The sample's regions as they are, and all others. ``grouped``: new villages with groups of their own."""
    names = names_of()
    land = Land()
    for row in rows_of("townships.csv"):
        name = "正阳工业园区" if row["code"] == PARK else names[row["code"]][0]
        seat = (float(row["lon"]), float(row["lat"]))
        land.areas.append(Area(row["code"], row["short"], row["level"], name, seat))
        place = Place(row["code"], name, DISTRICT, row["level"], seat, int(row["population"]), row["downstream"])
        land.regions.append(place)
    land.regions.insert(0, sample.regions[0])
    land.rivers = _rivers(land)
    taken = [place.lonlat for place in sample.regions if place.level == "village"]
    for area in land.areas:
        if area.is_small:
            inside = [place for place in sample.regions if place.level in ("village", "group")]
            land.regions += [place for place in inside if place.code.startswith(area.code)]
            continue
        listed = [(code, name) for code, (name, parent) in names.items() if parent == area.code]
        for at, (code, name) in enumerate(listed):
            where = _spot(area, at, len(listed), taken, land, rng)
            taken.append(where)
            short = name.removesuffix("居民委员会").removesuffix("村民委员会")
            land.regions.append(Place(code, short, area.code, "village", where, 700 + round(1_500 * rng.random())))
            land.regions += _groups(code, short, where, grouped.get(code, 0), rng)
    return land


def _spot(area: Area, at: int, count: int, taken: list[LonLat], land: Land, rng: random.Random) -> LonLat:
    """The first village beside the seat, the others around it, dry and apart from each other."""
    near, far = (450.0, 700.0) if at == 0 else (600.0, 1_500.0) if area.level == "street" else (1_100.0, 3_900.0)
    for attempt in range(200):
        bearing = 360 * (at + rng.random()) / count + 7 * attempt
        where = towards(area.seat, bearing, rng.uniform(near, far + 15 * attempt))
        apart = APART_M if at else 150.0
        if all(metres(where, other) > apart for other in taken) and all(
            river.distance_m(where) > DRY_M for river in land.rivers.values()
        ):
            return where
    raise AssertionError(f"no room for a village in {area.name}")


def _groups(code: str, name: str, where: LonLat, count: int, rng: random.Random) -> list[Place]:
    return [
        Place(
            f"{code}{n:02d}",
            f"{name}{n}组",
            code,
            "group",
            towards(where, 360 * rng.random(), 90 + 160 * rng.random()),
            60 + round(80 * rng.random()),
        )
        for n in range(1, count + 1)
    ]


def _rivers(land: Land) -> dict[str, Course]:
    """A stretch of each new gauge's river past the seat, gently bent."""
    rivers: dict[str, Course] = {}
    for row in rows_of("stages.csv"):
        bearing = float(row["bearing"])
        middle = towards(land.area(row["short"]).seat, bearing + 90, float(row["offset_m"]))
        upper, lower = towards(middle, bearing + 172, RIVER_HALF_M), towards(middle, bearing + 9, RIVER_HALF_M)
        rivers[row["station_id"]] = Course((upper, middle, lower))
    return rivers
