"""路网 Roads as arrays: nodes, segments, a CSR matrix and an R-tree, made once per network version.

Every vertex of a road is a node and every stretch between two vertices a segment, so that a hazard can be tested
exactly. Lines that cross without a common vertex do not meet (a bridge). Places that people walk to (shelters)
are anchored: the nearest segment is split at the foot of the perpendicular and joined to the place.

Topology (what touches what) is decided in lon/lat degrees, as drawn; metres are haversine; nearness uses a local
plane scaled at the district's middle latitude. Arrays are frozen; a network is shared by all readers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array

from shared.errors import Invalid, require
from shared.geo import EARTH_RADIUS_M, distance_m

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

VERTICES_MAX = 5_000_000
NODE_DECIMALS = 7  # about a centimetre: vertices closer than that are one junction
ARC_M_MIN = 0.01
ANCHOR_M_MAX = 500.0  # a shelter farther from every road is not reachable on this network
SNAP_CANDIDATES = 8


@dataclass(frozen=True)
class Anchor:
    """锚点: a place that must be a node of its own, such as a shelter's door."""

    anchor_id: str
    lon: float
    lat: float


@dataclass(frozen=True)
class Road:
    """道路: one line of the road file; ``lonlat`` in driving order."""

    name: str
    kind: str
    lonlat: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Foot:
    """落脚点: where a point meets a segment; ``t`` runs from the segment's ``u`` (0) to ``v`` (1)."""

    segment: int
    t: float
    lon: float
    lat: float
    access_m: float


@dataclass(frozen=True, eq=False)
class Network:
    """路网版本: immutable, named by the hash of what it was made from."""

    version: str
    lonlat: Floats  # (nodes, 2)
    u: Ints  # segment start node
    v: Ints  # segment end node
    metres: Floats  # segment length
    road: Ints  # segment -> index into names, -1 for an access path
    names: tuple[str, ...]
    anchors: Mapping[str, int]  # anchor id -> node
    unanchored: tuple[str, ...]  # anchors farther than ANCHOR_M_MAX from every road
    lines: NDArray[np.object_] = field(repr=False)  # shapely segments, lon/lat
    tree: shapely.STRtree = field(repr=False)  # over ``lines``
    plane: shapely.STRtree = field(repr=False)  # over the walkable segments in local metres
    scale: tuple[float, float] = (1.0, 1.0)  # degrees -> local metres

    @property
    def nodes(self) -> int:
        return int(self.lonlat.shape[0])

    @property
    def segments(self) -> int:
        return int(self.u.shape[0])

    def arcs(self, forward: Floats, backward: Floats) -> csr_array:
        """The reversed graph (row = where an arc ends) with a weight for each direction of each segment.

        ``inf`` closes a direction. Reversed, so that one search from the shelters finds everybody's way to them.
        """
        require(forward.shape == backward.shape == self.u.shape, "one weight for each segment and direction")
        row = np.concatenate([self.v, self.u])
        column = np.concatenate([self.u, self.v])
        weight = np.concatenate([forward, backward])
        is_open = np.isfinite(weight)
        row, column, weight = row[is_open], column[is_open], weight[is_open]
        # parallel segments: keep the cheapest, where a sparse matrix would add them up
        order = np.lexsort((weight, column, row))
        row, column, weight = row[order], column[order], weight[order]
        first = np.ones(len(row), dtype=bool)
        first[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1])
        return csr_array((weight[first], (row[first], column[first])), shape=(self.nodes, self.nodes))

    @cached_property
    def _road_of(self) -> Mapping[tuple[int, int], int]:
        return {
            (min(a, b), max(a, b)): road
            for a, b, road in zip(self.u.tolist(), self.v.tolist(), self.road.tolist(), strict=True)
        }

    def name_between(self, a: int, b: int) -> str:
        """The name of the road between two neighbouring nodes; empty where it has none."""
        road = self._road_of.get((min(a, b), max(a, b)), -1)
        return self.names[road] if road >= 0 else ""

    def snap(self, lon: float, lat: float, within_m: float) -> Iterator[Foot]:
        """The nearest segments (吸附到路段), nearest first, each with the foot of the perpendicular."""
        if not self.segments:
            return
        at = shapely.Point(lon * self.scale[0], lat * self.scale[1])
        near = self.plane.query(at.buffer(within_m, quad_segs=4), predicate="intersects")
        if not len(near):
            return
        distances = shapely.distance(self.plane.geometries[near], at)
        order = np.lexsort((near, distances))[:SNAP_CANDIDATES]
        for i in order:
            if distances[i] <= within_m:
                yield self._foot(int(near[i]), lon, lat)

    def _foot(self, segment: int, lon: float, lat: float) -> Foot:
        t, foot = foot_on(self.lonlat[self.u[segment]], self.lonlat[self.v[segment]], (lon, lat), self.scale)
        at_lon, at_lat = float(foot[0]), float(foot[1])
        return Foot(segment, t, at_lon, at_lat, distance_m(lat, lon, at_lat, at_lon))


def metres_between(a: Floats, b: Floats) -> Floats:
    """Haversine metres between two arrays of (lon, lat)."""
    lon1, lat1, lon2, lat2 = (np.radians(x) for x in (a[:, 0], a[:, 1], b[:, 0], b[:, 1]))
    h = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    metres: Floats = 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, np.sqrt(h)))
    return metres


def foot_on(start: Floats, end: Floats, point: tuple[float, float], scale: tuple[float, float]) -> tuple[float, Floats]:
    """The foot of the perpendicular from ``point`` on a segment: its share of the way, and where it is."""
    factor = np.array(scale)
    way = (end - start) * factor
    length2 = float(way @ way)
    t = 0.0 if length2 == 0 else float(((np.array(point) - start) * factor) @ way) / length2
    t = min(1.0, max(0.0, t))
    return t, start + (end - start) * t


def local_scale(lat: float) -> tuple[float, float]:
    """Metres for one degree of longitude and latitude near ``lat``."""
    per_degree = float(np.pi * EARTH_RADIUS_M / 180)
    return per_degree * float(np.cos(np.radians(lat))), per_degree


def roads_of(geojson: Any) -> list[Road]:
    """The roads of ``roads.geojson``: LineString and MultiLineString features; others are refused."""
    roads: list[Road] = []
    for n, feature in enumerate((geojson or {}).get("features", ()), start=1):
        geometry = feature.get("geometry") or {}
        properties = feature.get("properties") or {}
        kind = geometry.get("type")
        if kind not in ("LineString", "MultiLineString"):
            raise Invalid(
                f"roads.geojson feature {n}: {kind} is not a road; a road is a LineString",
                f"roads.geojson 第 {n} 个要素不是线",
                field="geometry",
            )
        parts = [geometry["coordinates"]] if kind == "LineString" else geometry["coordinates"]
        for part in parts:
            points = tuple((float(p[0]), float(p[1])) for p in part)
            roads.append(Road(str(properties.get("name") or ""), str(properties.get("kind") or ""), points))
    return roads


def build(roads: Sequence[Road], anchors: Sequence[Anchor] = ()) -> Network:
    """Make a network (建网). The same input gives the same arrays and the same version."""
    points, u, v, road, names = _segments(roads)
    lat = float(np.median(points[:, 1])) if len(points) else 0.0
    scale = local_scale(lat)
    points, u, v, road, nodes, unanchored = _anchor(points, u, v, road, anchors, scale)
    metres = np.maximum(metres_between(points[u], points[v]), ARC_M_MIN) if len(u) else np.zeros(0)
    lines = shapely.linestrings(np.stack([points[u], points[v]], axis=1)) if len(u) else np.empty(0, object)
    flat = shapely.linestrings(np.stack([points[u], points[v]], axis=1) * np.array(scale)) if len(u) else lines.copy()
    flat[road < 0] = None  # access paths end at doors: nobody is led over one from its middle
    for array in (points, u, v, metres, road, lines):
        array.setflags(write=False)
    return Network(
        version=_version(points, u, v, nodes),
        lonlat=points,
        u=u,
        v=v,
        metres=metres,
        road=road,
        names=names,
        anchors=nodes,
        unanchored=unanchored,
        lines=lines,
        tree=shapely.STRtree(lines),
        plane=shapely.STRtree(flat),
        scale=scale,
    )


def _segments(roads: Sequence[Road]) -> tuple[Floats, Ints, Ints, Ints, tuple[str, ...]]:
    names: dict[str, int] = {}
    nodes: dict[tuple[float, float], int] = {}
    pairs: dict[tuple[int, int], int] = {}
    for road in roads:
        name = names.setdefault(road.name, len(names))
        before: int | None = None
        for lon, lat in road.lonlat:
            if not (-180 <= lon <= 180 and -90 <= lat <= 90):
                raise Invalid(
                    f"a road has a point at ({lon}, {lat}); GeoJSON is longitude first, in degrees",
                    "道路坐标越界（GeoJSON 经度在前）",
                    field="coordinates",
                )
            here = nodes.setdefault((round(lon, NODE_DECIMALS), round(lat, NODE_DECIMALS)), len(nodes))
            if before is not None and before != here:
                pairs.setdefault((min(before, here), max(before, here)), name)
            before = here
    require(len(nodes) <= VERTICES_MAX, f"a network has at most {VERTICES_MAX} vertices")
    points = np.array(list(nodes), dtype=np.float64).reshape(-1, 2)
    ends = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    road_of = np.array(list(pairs.values()), dtype=np.int64)
    return points, ends[:, 0].copy(), ends[:, 1].copy(), road_of, tuple(names)


def _anchor(
    points: Floats, u: Ints, v: Ints, road: Ints, anchors: Sequence[Anchor], scale: tuple[float, float]
) -> tuple[Floats, Ints, Ints, Ints, dict[str, int], tuple[str, ...]]:
    """Split the segment nearest to each anchor at its foot, and join foot and anchor by an access path."""
    if not anchors or not len(u):
        return points, u, v, road, {}, tuple(anchor.anchor_id for anchor in anchors)
    factor = np.array(scale)
    plane = shapely.STRtree(shapely.linestrings(np.stack([points[u], points[v]], axis=1) * factor))
    extra: list[tuple[float, float]] = []
    cuts: dict[int, list[tuple[float, int]]] = {}
    access: list[tuple[int, int]] = []
    nodes: dict[str, int] = {}
    far: list[str] = []
    for anchor in sorted(anchors, key=lambda a: a.anchor_id):
        here = shapely.Point(anchor.lon * scale[0], anchor.lat * scale[1])
        segment = int(plane.nearest(here))
        if shapely.distance(plane.geometries[segment], here) > ANCHOR_M_MAX:
            far.append(anchor.anchor_id)
            continue
        t, foot = foot_on(points[u[segment]], points[v[segment]], (anchor.lon, anchor.lat), scale)
        if t in (0.0, 1.0):
            joined = int(u[segment] if t == 0.0 else v[segment])
        else:
            joined = len(points) + len(extra)
            extra.append((float(foot[0]), float(foot[1])))
            cuts.setdefault(segment, []).append((t, joined))
        door = len(points) + len(extra)
        extra.append((anchor.lon, anchor.lat))
        access.append((joined, door))
        nodes[anchor.anchor_id] = door
    points = np.concatenate([points, np.array(extra, dtype=np.float64).reshape(-1, 2)])
    keep = np.ones(len(u), dtype=bool)
    new: list[tuple[int, int, int]] = []
    for segment, feet in cuts.items():
        keep[segment] = False
        chain = [int(u[segment]), *(node for _, node in sorted(feet)), int(v[segment])]
        new += [(a, b, int(road[segment])) for a, b in pairwise(chain)]
    new += [(a, b, -1) for a, b in access]
    added = np.array(new, dtype=np.int64).reshape(-1, 3)
    return (
        points,
        np.concatenate([u[keep], added[:, 0]]),
        np.concatenate([v[keep], added[:, 1]]),
        np.concatenate([road[keep], added[:, 2]]),
        nodes,
        tuple(far),
    )


def _version(points: Floats, u: Ints, v: Ints, anchors: Mapping[str, int]) -> str:
    digest = hashlib.sha256()
    for array in (points, u, v):
        digest.update(np.ascontiguousarray(array).tobytes())
    for anchor, node in sorted(anchors.items()):
        digest.update(f"{anchor}={node};".encode())
    return "sha256:" + digest.hexdigest()
