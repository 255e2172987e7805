"""疏散树 One tree from all usable shelters, grown inside out: every node's next step towards safety.

One search over the reversed, masked graph gives each node its nearest shelter, its walking length and its next node.
Weights count exposure, lengths do not. Time is length over speed: 3 km/h by day and 2 km/h at night (domain facts
§4.1, proposal; the pack's owner may replace it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from itertools import pairwise

import numpy as np
import shapely
from scipy.sparse.csgraph import dijkstra

from services.resources.network.graph import Floats, Foot, Ints, Network, metres_between
from services.resources.network.hazard import EXPOSURE, Mask, keeps_out
from shared.errors import require
from shared.geo import distance_m

DAY_KMH = 3.0
NIGHT_KMH = 2.0
NIGHT_FROM = time(19, 0)
NIGHT_TO = time(7, 0)
NO_NODE = -9999  # scipy's word for "no predecessor"


@dataclass(frozen=True, eq=False)
class Tree:
    """疏散树: of one network and one danger area; immutable, swapped as a whole."""

    network: Network
    mask: Mask
    shelters: tuple[str, ...]  # the sources, usable at the time
    cost: Floats = field(repr=False)  # metres weighted by exposure, inf = no way
    metres: Floats = field(repr=False)  # walking length to the shelter
    next_node: Ints = field(repr=False)  # towards the shelter, -1 at the shelter and where there is no way
    shelter_of: Ints = field(repr=False)  # index into ``shelters``, -1 for no way

    def way(self, node: int) -> list[int]:
        """The nodes from here to the shelter's door."""
        nodes = [node]
        while self.next_node[nodes[-1]] >= 0:
            nodes.append(int(self.next_node[nodes[-1]]))
            require(len(nodes) <= self.network.nodes, "a tree has no circle")
        return nodes


@dataclass(frozen=True)
class Way:
    """出路: from a point to a shelter; ``lonlat`` begins at the point itself."""

    shelter: str
    metres: float
    access_m: float
    lonlat: tuple[tuple[float, float], ...]
    nodes: tuple[int, ...]
    entered: Foot


def grow(network: Network, mask: Mask, shelters: Iterable[str]) -> Tree:
    """Grow the tree (生成疏散树) from the shelters that are anchored and lie outside the danger area."""
    usable = tuple(
        sorted(
            shelter
            for shelter in set(shelters)
            if shelter in network.anchors and not mask.inside[network.anchors[shelter]]
        )
    )
    nodes = network.nodes
    cost = np.full(nodes, np.inf)
    next_node = np.full(nodes, -1, dtype=np.int64)
    shelter_of = np.full(nodes, -1, dtype=np.int64)
    if usable:
        sources = np.array([network.anchors[shelter] for shelter in usable], dtype=np.int64)
        cost, before, root = dijkstra(
            network.arcs(mask.forward, mask.backward),
            directed=True,
            indices=sources,
            min_only=True,
            return_predecessors=True,
        )
        next_node = np.where(before == NO_NODE, -1, before).astype(np.int64)
        index = np.full(nodes + 1, -1, dtype=np.int64)
        index[sources] = np.arange(len(sources))
        shelter_of = np.where(np.isfinite(cost), index[np.where(root < 0, nodes, root)], -1)
    metres = _lengths(network, next_node)
    metres[~np.isfinite(cost)] = np.inf
    for array in (cost, next_node, shelter_of, metres):
        array.setflags(write=False)
    return Tree(network, mask, usable, cost, metres, next_node, shelter_of)


def _lengths(network: Network, next_node: Ints) -> Floats:
    """Walking length to the root for all nodes at once, by pointer doubling."""
    here = np.arange(network.nodes)
    onward = np.where(next_node >= 0, next_node, here)
    lengths = metres_between(network.lonlat, network.lonlat[onward]) if len(here) else np.zeros(0)
    while not np.array_equal(onward, onward[onward]):
        lengths = lengths + lengths[onward]
        onward = onward[onward]
    return lengths


def way_from(tree: Tree, lon: float, lat: float, within_m: float) -> Way | None:
    """The way from a point (取路): over the nearest road stretch that may be entered and has a way out.

    The path to the road obeys the same rule as the road: from outside it may not touch the danger area.
    """
    for foot in tree.network.snap(lon, lat, within_m):
        best: tuple[float, float, int] | None = None
        for node in (int(tree.network.u[foot.segment]), int(tree.network.v[foot.segment])):
            if not np.isfinite(tree.cost[node]) or not _may_walk(tree, lon, lat, foot, node):
                continue
            end = tree.network.lonlat[node]
            along = distance_m(foot.lat, foot.lon, float(end[1]), float(end[0]))
            weight = EXPOSURE if tree.mask.inside[node] else 1.0
            cost = along * weight + float(tree.cost[node])
            best = min(best or (np.inf, 0.0, -1), (cost, along, node))
        if best is not None:
            return _way(tree, lon, lat, foot, best[1], best[2])
    return None


def _may_walk(tree: Tree, lon: float, lat: float, foot: Foot, node: int) -> bool:
    end = tree.network.lonlat[node]
    line = shapely.LineString([(lon, lat), (foot.lon, foot.lat), (float(end[0]), float(end[1]))])
    return keeps_out(tree.mask.danger, line)


def _way(tree: Tree, lon: float, lat: float, foot: Foot, along: float, node: int) -> Way:
    nodes = tree.way(node)
    points = [(lon, lat), (foot.lon, foot.lat)]
    points += [(float(x), float(y)) for x, y in tree.network.lonlat[nodes]]
    clean = [points[0]] + [b for a, b in pairwise(points) if a != b]
    return Way(
        shelter=tree.shelters[int(tree.shelter_of[node])],
        metres=foot.access_m + along + float(tree.metres[node]),
        access_m=foot.access_m,
        lonlat=tuple(clean),
        nodes=tuple(nodes),
        entered=foot,
    )


def is_night(local: datetime, sunset: time | None = None, sunrise: time | None = None) -> bool:
    """Whether people walk in the dark; ``local`` is the district's own time."""
    at = local.time()
    return at >= (sunset or NIGHT_FROM) or at < (sunrise or NIGHT_TO)


def minutes_for(metres: float, *, night: bool) -> int:
    """Walking minutes (步行用时), rounded up: nobody is promised to be faster."""
    return int(np.ceil(metres / ((NIGHT_KMH if night else DAY_KMH) * 1000 / 60)))


def coverage(tree: Tree) -> Mapping[str, int]:
    """How many nodes have a way, none, or lie inside (覆盖报告), for the officer who releases the plan."""
    inside = tree.mask.inside
    way = np.isfinite(tree.cost)
    return {
        "nodes": tree.network.nodes,
        "inside": int(inside.sum()),
        "inside_without_way": int((inside & ~way).sum()),
        "outside_without_way": int((~inside & ~way).sum()),
        "shelters": len(tree.shelters),
    }
