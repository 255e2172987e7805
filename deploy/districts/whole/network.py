"""全区路网 The sample's network as it is, roads between the seats, town streets, and tracks to every village, danger
point and shelter. A drawing (演示数据): every vertex is a junction, lines that cross elsewhere do not meet.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import shapely

from deploy.districts.places import M_PER_LON, SOURCE, LonLat, metres, moved, rounded
from deploy.districts.ways import WALK_M_PER_MIN, Roads
from deploy.districts.whole.geometry import Course, winding
from deploy.districts.whole.places import Area, Land
from deploy.districts.whole.tables import rows_of

VERTICES_OF_FEATURE = 10
LINES_TRIED = 18
CELL = 0.01  # degrees: of the grid in which near vertices are looked for
LINK_M, TRACK_M, LANE_M = 380.0, 300.0, 150.0
STREET_M = 130.0
SAMPLE_WITHIN_M = 4_200.0  # a road from elsewhere meets the sample's network so near to the township's seat
HAMLETS = 3  # lanes tried at each village
EVERY_LOOP = 2  # every so many villages have a second way
LOOP_M_MAX = 2_600.0
_WAYS = {"sh": "避难点", "dp": "隐患点"}
BANK_M, BANK_HALF_M = 60.0, 320.0  # a lane along the water where people live


@dataclass
class Net:
    """路网: lines as features; vertices in a grid."""

    features: list[dict[str, Any]] = field(default_factory=list)
    beside: dict[LonLat, set[LonLat]] = field(default_factory=dict)
    grid: dict[tuple[int, int], list[LonLat]] = field(default_factory=dict)
    rivers: Any = None
    dry: Any = None  # danger areas that no track is led through: slopes and gas works
    shut: Any = None  # all of them, rivers too: a village track may cross a river, the way to a shelter may not

    def add(self, line: Sequence[LonLat], name: str, kind: str) -> None:
        """A line in features of a few vertices each; where it crosses a river, a bridge of its own."""
        piece: list[LonLat] = [line[0]]
        for here, there in pairwise(line):
            is_bridge = self.rivers is not None and self.rivers.intersects(shapely.LineString([here, there]))
            if is_bridge or len(piece) > VERTICES_OF_FEATURE:
                self._feature(piece, name, kind)
                piece = [here]
            if is_bridge:
                self._feature([here, there], f"{name}桥", kind, bridge=True)
                piece = [there]
            else:
                piece.append(there)
        self._feature(piece, name, kind)

    def _feature(self, line: Sequence[LonLat], name: str, kind: str, *, bridge: bool = False) -> None:
        if len(line) < 2:
            return
        length = sum(metres(a, b) for a, b in pairwise(line))
        properties = {
            "edge_id": f"e{len(self.features) + 1:04d}",
            "name": name,
            "kind": kind,
            "bridge": "yes" if bridge else "no",
            "minutes": round(length / WALK_M_PER_MIN, 1),
            "source": SOURCE,
        }
        geometry = {"type": "LineString", "coordinates": list(line)}
        self.features.append({"type": "Feature", "geometry": geometry, "properties": properties})
        self.know(line)

    def know(self, line: Iterable[LonLat]) -> None:
        for a, b in pairwise(line):
            for here, there in ((a, b), (b, a)):
                if here not in self.beside:
                    self.beside[here] = set()
                    self.grid.setdefault(_cell(here), []).append(here)
                self.beside[here].add(there)

    def near(self, point: LonLat, shut: Any, fits: Callable[[LonLat], bool] = lambda _: True) -> LonLat:
        """The nearest vertex outside all danger that fits and is reached without crossing what is ``shut``."""
        for reach in range(1, 40):
            x, y = _cell(point)
            found = [
                vertex
                for column in range(x - reach, x + reach + 1)
                for row in range(y - reach, y + reach + 1)
                for vertex in self.grid.get((column, row), ())
                if metres(point, vertex) < (reach - 0.5) * CELL * M_PER_LON
            ]
            for vertex in sorted(found, key=lambda vertex: (metres(point, vertex), vertex)):
                if fits(vertex) and self.is_clear([vertex, vertex]) and not _crosses(shut, point, vertex):
                    return vertex
        raise AssertionError(f"no road near {point}")

    def road(self, start: LonLat, end: LonLat, step_m: float, sway_m: float, rng: random.Random) -> list[LonLat]:
        """The best of some winding lines: off the slopes, and across a river rather once than twice."""
        lines = [winding(start, end, step_m, sway_m / (1 + n // 3), rng) for n in range(LINES_TRIED)]
        return min(lines, key=self._trouble)

    def _trouble(self, line: list[LonLat]) -> tuple[int, int]:
        whole = shapely.LineString(line)
        own = self.dry.geometries[self.dry.query(shapely.Point(line[0]), predicate="intersects")]
        met = self.dry.geometries[self.dry.query(whole, predicate="intersects")]
        return len(met) - len(own), self._steps_in_water(line)

    def _steps_in_water(self, line: list[LonLat]) -> int:
        steps = [shapely.LineString(pair) for pair in pairwise(line)]
        return len(set(self.shut.query(steps, predicate="intersects")[0].tolist()))

    def is_clear(self, line: list[LonLat]) -> bool:
        """Whether a line stays out of every danger area."""
        return not len(self.shut.query(shapely.LineString(line), predicate="intersects"))


def _crosses(shut: Any, point: LonLat, vertex: LonLat) -> bool:
    """Whether the straight way goes through a danger area other than the one that the point lies in."""
    met = shut.geometries[shut.query(shapely.LineString([point, vertex]), predicate="intersects")]
    return any(not area.covers(shapely.Point(point)) for area in met)


def _cell(point: LonLat) -> tuple[int, int]:
    return (int(point[0] // CELL), int(point[1] // CELL))


def make_net(
    sample: Roads,
    land: Land,
    ends: dict[str, LonLat],
    wet: list[list[LonLat]],
    dry: list[list[LonLat]],
    rng: random.Random,
) -> Net:
    """路网 ``ends`` are danger points, works and shelters by name; ``wet`` and ``dry`` the rings of danger areas."""
    net = Net(features=list(sample.edges))
    for edge in sample.edges:
        net.know([tuple(position) for position in edge["geometry"]["coordinates"]])
    net.rivers = shapely.MultiLineString([river.points for river in land.rivers.values()])
    net.dry = shapely.STRtree([shapely.Polygon(ring) for ring in dry])
    net.shut = shapely.STRtree([shapely.Polygon(ring) for ring in (*wet, *dry)])
    main = [point for name, point in sample.nodes.items() if name[0] in "WE" and name[1:].isdigit()]
    for area in land.areas:
        if not area.is_small:
            _streets(net, area)
    for row in rows_of("links.csv"):
        start, end = land.area(row["from"]), land.area(row["to"])
        line = net.road(_meets(start, end, main), _meets(end, start, main), LINK_M, 700.0, rng)
        net.add(line, row["name"], row["kind"])
    for gauge, river in land.rivers.items():
        _bank(net, next(area for area in land.areas if area.short == gauge.split("-")[1]), river, rng)
    _villages(net, land, rng)
    for name, point in ends.items():
        here = rounded(*point)
        if here not in net.beside:
            line = net.road(here, net.near(here, net.shut), LANE_M, 8.0, rng)
            net.add(line, f"{_WAYS.get(name.split('-')[0], '部位')}支路", "path")
    return net


def _meets(area: Area, other: Area, main: list[LonLat]) -> LonLat:
    if not area.is_small:
        return rounded(*area.seat)
    near = [vertex for vertex in main if metres(vertex, area.seat) <= SAMPLE_WITHIN_M]
    return min(near, key=lambda vertex: (metres(vertex, other.seat), vertex))


def _streets(net: Net, area: Area) -> None:
    """A few streets around the seat; the seat itself is their middle."""
    place = {(x, y): moved(area.seat, x * STREET_M, y * STREET_M) for x in (-1, 0, 1) for y in (-1, 0, 1)}
    name = area.name.removesuffix("街道").removesuffix("镇").removesuffix("乡")
    for n, way in enumerate((-1, 0, 1), 1):
        net.add([place[(x, way)] for x in (-1, 0, 1)], f"{name}{n}横街", "street")
        net.add([place[(way, y)] for y in (-1, 0, 1)], f"{name}{n}纵街", "street")


def _bank(net: Net, area: Area, river: Course, rng: random.Random) -> None:
    """A lane on the town's bank of the river, tied to dry ground at its ends and in its middle."""
    middle = river.length_m / 2
    side = min((-BANK_M, BANK_M), key=lambda off: metres(river.at(middle, off), area.seat))
    stops = [
        river.at(middle + along, side) for along in (-BANK_HALF_M, -BANK_HALF_M / 2, 0.0, BANK_HALF_M / 2, BANK_HALF_M)
    ]
    if net.is_clear(stops):
        return  # no danger drawn here
    net.add(stops, f"{area.name}沿河巷", "footway")
    for stop in (stop for stop in stops[::2] if not net.is_clear([stop, stop])):
        net.add([stop, *winding(stop, net.near(stop, net.dry), LANE_M, 5.0, rng)[1:]], f"{area.name}沿河梯道", "steps")


def _villages(net: Net, land: Land, rng: random.Random) -> None:
    """A track from every village that has none, lanes to its hamlets, and for some a second way out."""
    small = {area.code for area in land.areas if area.is_small}
    villages = [place for place in land.regions if place.level == "village" and place.parent not in small]
    villages.sort(key=lambda place: (metres(place.lonlat, land.place(place.parent).lonlat), place.code))
    for place in villages:
        here = rounded(*place.lonlat)
        if here not in net.beside:
            net.add(net.road(here, net.near(here, net.dry), TRACK_M, 90.0, rng), f"{place.name}村道", "track")
    for n, place in enumerate(villages):
        here = rounded(*place.lonlat)
        for _ in range(HAMLETS):
            hamlet = moved(here, rng.uniform(-420, 420), rng.uniform(-420, 420))
            lane = winding(here, hamlet, LANE_M, 20.0, rng)
            if net.is_clear(lane):
                net.add(lane, f"{place.name}组道", "path")
        if n % EVERY_LOOP == 0:
            own = _around(net, here, 1_100.0)
            other = net.near(here, net.dry, lambda vertex, own=own: vertex not in own)  # type: ignore[misc]
            line = net.road(here, other, TRACK_M, 60.0, rng)
            if metres(here, other) < LOOP_M_MAX and net.is_clear(line):
                net.add(line, f"{place.name}连接道", "track")


def _around(net: Net, start: LonLat, walk_m: float) -> set[LonLat]:
    """The vertices that are near on foot already."""
    found, queue = {start: 0.0}, [(0.0, start)]
    while queue:
        far, here = heapq.heappop(queue)
        for other in net.beside[here]:
            more = far + metres(here, other)
            if more <= walk_m and more < found.get(other, walk_m + 1):
                found[other] = more
                heapq.heappush(queue, (more, other))
    return set(found)
