"""路网与危险区 A small walkable network along the river, the danger zones drawn beside it, and approved ways out.

The network is a drawing (演示数据): a road on each bank, bridges, lanes to villages, in 濯水 a lower riverside lane
that the flood takes. Edges meet in exactly equal coordinates.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from deploy.districts.places import (
    SOURCE,
    TOWNSHIPS,
    LonLat,
    Places,
    metres,
    moved,
    nearest_along,
    on_river,
    river_m,
    rounded,
)

STEP_M = 750.0
WEST_M, EAST_M, LANE_M = -620.0, 520.0, -190.0
BRIDGES_EVERY = 6  # road nodes
LANE_STRETCH = (26_700.0, 31_000.0)  # the riverside lane of 濯水
WALK_M_PER_MIN = 50.0  # 3 km/h
# half width of the danger zone of 濯水 beside the river, by step
ZONE_M = {"yellow": 110.0, "orange": 210.0, "red": 330.0}
ZONE_STRETCH = (26_900.0, 30_800.0)
SLOPE_M = (21_750.0, 1_050.0)  # the slope above 渔滩: metres down the river and beside it
SLOPE_HALF_M = 140.0


@dataclass
class Roads:
    """路网: nodes by name, edges as drawn."""

    nodes: dict[str, LonLat] = field(default_factory=dict)
    edges: list[dict[str, Any]] = field(default_factory=list)
    joined: list[tuple[str, str]] = field(default_factory=list)

    def node(self, name: str, point: LonLat) -> str:
        self.nodes[name] = rounded(*point)
        return name

    def join(
        self, start: str, end: str, name: str, kind: str, via: tuple[LonLat, ...] = (), bridge: bool = False
    ) -> None:
        line = [self.nodes[start], *(rounded(*point) for point in via), self.nodes[end]]
        length = sum(metres(a, b) for a, b in pairwise(line))
        properties: dict[str, Any] = {"edge_id": f"e{len(self.edges) + 1:04d}", "name": name, "kind": kind}
        properties["bridge"] = "yes" if bridge else "no"
        properties["minutes"] = round(length / WALK_M_PER_MIN, 1)
        properties["source"] = SOURCE
        self.edges.append(_feature("LineString", line, properties))
        self.joined.append((start, end))

    def nearest(self, point: LonLat, among: str = "") -> str:
        wanted = (name for name in self.nodes if name.startswith(among))
        return min(wanted, key=lambda name: (metres(point, self.nodes[name]), name))


def _feature(kind: str, coordinates: Any, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def route(site: str, name: str, shelter: str, line: list[LonLat]) -> dict[str, Any]:
    """明白卡路线 One approved way out, as a feature."""
    properties = {
        "route_id": f"route-{site}",
        "name": f"{name}明白卡路线",
        "site": site,
        "shelter": shelter,
        "approved_on": "2026-04-20",
        "source": SOURCE,
    }
    return _feature("LineString", line, properties)


def collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    """要素集 RFC 7946"""
    return {"type": "FeatureCollection", "features": features}


def make_roads(places: Places, spurs: dict[str, tuple[LonLat, str]], rng: random.Random) -> Roads:
    """路网 ``spurs`` are places (shelters, danger points) with the kind of node that their own way leads to."""
    roads = Roads()
    last = int(river_m() // STEP_M)
    for n in range(last + 1):
        roads.node(f"W{n:02d}", on_river(n * STEP_M, WEST_M + 120 * rng.random()))
        roads.node(f"E{n:02d}", on_river(n * STEP_M, EAST_M + 120 * rng.random()))
    for n in range(last):
        roads.join(f"W{n:02d}", f"W{n + 1:02d}", "阿蓬江西岸公路", "road")
        roads.join(f"E{n:02d}", f"E{n + 1:02d}", "阿蓬江东岸公路", "road")
    lane = _lane(roads)
    for n in range(2, last, BRIDGES_EVERY):
        if not LANE_STRETCH[0] <= n * STEP_M <= LANE_STRETCH[1]:
            _bridge(roads, f"W{n:02d}", f"E{n:02d}", n * STEP_M, f"{n // BRIDGES_EVERY + 1}号大桥")
    _bridge(roads, lane[2], roads.nearest(on_river(28_200, EAST_M), "E"), 28_200, "濯水风雨廊桥")
    _bridge(roads, lane[5], roads.nearest(on_river(29_900, EAST_M), "E"), 29_900, "蒲花漫水桥")
    _town(roads)
    for township in TOWNSHIPS:
        for village in places.villages(township.code):
            _village(roads, village.code, village.name, village.lonlat, places.offset_m[village.code], rng)
    for name, (point, among) in spurs.items():
        near = roads.nearest(point, among)
        roads.node(name, point)
        if metres(roads.nodes[near], roads.nodes[name]) > 1:
            roads.join(near, name, "支路", "path")
    return roads


def _lane(roads: Roads) -> list[str]:
    """The riverside lane of 濯水, tied to the upper road by stepped alleys."""
    start, end = LANE_STRETCH
    count = 8
    names = [roads.node(f"L{n}", on_river(start + (end - start) * n / (count - 1), LANE_M)) for n in range(count)]
    for before, after in pairwise(names):
        roads.join(before, after, "濯水古镇沿江巷", "footway")
    for n, name in enumerate(names):
        roads.join(name, roads.nearest(roads.nodes[name], "W"), f"濯水古镇{n + 1}号梯道", "steps")
    return names


def _bridge(roads: Roads, west: str, east: str, along_m: float, name: str) -> None:
    west_end = roads.node(f"B{along_m:.0f}w", on_river(along_m, -60))
    east_end = roads.node(f"B{along_m:.0f}e", on_river(along_m, 60))
    roads.join(west, west_end, f"{name}西引道", "road")
    roads.join(west_end, east_end, name, "road", bridge=True)
    roads.join(east_end, east, f"{name}东引道", "road")


def _town(roads: Roads) -> None:
    """A few streets of 濯水 above the old town."""
    for row in range(4):
        for column in range(4):
            roads.node(f"T{row}{column}", on_river(27_700 + 220 * row, -700 - 130 * column))
            if column:
                roads.join(f"T{row}{column - 1}", f"T{row}{column}", f"濯水{row + 1}横街", "street")
            if row:
                roads.join(f"T{row - 1}{column}", f"T{row}{column}", f"濯水{column + 1}纵街", "street")
    for row in range(4):
        corner = f"T{row}0"
        roads.join(corner, roads.nearest(roads.nodes[corner], "W"), "濯水街口", "street")


def _village(roads: Roads, code: str, name: str, point: LonLat, offset_m: float, rng: random.Random) -> None:
    """From the village to the road on its own bank, in pieces of about 400 m, and a short lane within."""
    near = roads.nearest(point, "E" if offset_m > 0 else "W")
    end = roads.nodes[near]
    count = max(1, round(metres(point, end) / 400))
    before = roads.node(f"V{code}", point)
    for n in range(1, count):
        t = n / count
        bend = 60 * rng.random() - 30
        here = moved((point[0] + (end[0] - point[0]) * t, point[1] + (end[1] - point[1]) * t), bend, bend)
        after = roads.node(f"V{code}-{n}", here)
        roads.join(before, after, f"{name}村道", "track")
        before = after
    roads.join(before, near, f"{name}村道", "track")
    hamlet = roads.node(f"V{code}-h", moved(point, 160 + 60 * rng.random(), -120 - 60 * rng.random()))
    roads.join(f"V{code}", hamlet, f"{name}组道", "path")


def way_out(roads: Roads, start: str, end: str) -> list[LonLat]:
    """明白卡路线 The shortest way by nodes that leaves the red zone early and does not enter it again."""
    graph: dict[str, list[tuple[str, float]]] = {}
    for a, b in roads.joined:
        length = metres(roads.nodes[a], roads.nodes[b])
        inside = sum(in_zone(roads.nodes[name], "red") for name in (a, b))
        cost = length * (1, 8, 20)[inside]
        graph.setdefault(a, []).append((b, cost))
        graph.setdefault(b, []).append((a, cost))
    best: dict[str, tuple[float, str | None]] = {start: (0.0, None)}
    queue = [(0.0, start)]
    while queue:
        cost, at = heapq.heappop(queue)
        if cost > best[at][0]:
            continue
        for other, more in graph[at]:
            if other not in best or cost + more < best[other][0]:
                best[other] = (cost + more, at)
                heapq.heappush(queue, (cost + more, other))
    path, here = [roads.nodes[end]], best[end][1]
    while here is not None:
        path.append(roads.nodes[here])
        here = best[here][1]
    return path[::-1]


def in_zone(point: LonLat, step: str) -> bool:
    """Whether a point lies in the drawn zone, by its distance from the river."""
    along = nearest_along(point)
    low, high = ZONE_STRETCH
    return low - 50 <= along <= high + 50 and metres(point, on_river(along)) <= ZONE_M[step] + 30


def _danger(zone_id: str, name: str, hazard: str, step: str, region: str, ring: list[LonLat]) -> dict[str, Any]:
    about = {"zone_id": zone_id, "name": name, "kind": "danger", "hazard": hazard, "step": step}
    return _feature("Polygon", [[*ring, ring[0]]], {**about, "region": region, "source": SOURCE})


def make_zones() -> list[dict[str, Any]]:
    """危险区 Flood zones of 濯水 by step, a slope in 渔滩, and two population polygons."""
    low, high = ZONE_STRETCH
    alongs = [low + (high - low) * n / 13 for n in range(14)]
    features = []
    for step, half in ZONE_M.items():
        ring = [on_river(along, half) for along in alongs] + [on_river(along, -half) for along in reversed(alongs)]
        features.append(_danger(f"zone-zs-{step}", "濯水镇阿蓬江沿岸淹没危险区", "11A01", step, "500114112", ring))
    middle = on_river(*SLOPE_M)
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ring = [moved(middle, east * SLOPE_HALF_M, north * SLOPE_HALF_M) for east, north in corners]
    features.append(_danger("zone-fj-slope", "渔滩后山滑坡影响区", "11B03", "orange", "500114006005", ring))
    for zone_id, name, along, half, people in (
        ("people-zs-01", "濯水古镇沿江居住区", 28_400.0, 260.0, 640),
        ("people-zs-02", "蒲花河口居住区", 29_900.0, 240.0, 210),
    ):
        ends = (along - 500, along + 500)
        ring = [on_river(end, -half) for end in ends] + [on_river(end, half) for end in reversed(ends)]
        about: dict[str, Any] = {
            "zone_id": zone_id,
            "name": name,
            "kind": "population",
            "region": "500114112",
            "people": people,
            "source": SOURCE,
        }
        features.append(_feature("Polygon", [[*ring, ring[0]]], about))
    return features
