"""独立核验 Proves a tree again from nothing but coordinates, before anybody is led by it.

Written apart from the mask on purpose: it reads the finished ways, cuts them against the drawn zones with shapely
predicates, and shares no array with the code that grew the tree. A tree that fails is not published.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from services.resources.network.tree import Tree

FINDINGS_MAX = 20


@dataclass(frozen=True)
class Finding:
    """核验问题: the node whose way is wrong, where, and how."""

    node: int
    lon: float
    lat: float
    what: str  # leads_in | re_enters | shelter_in_danger | no_end


def prove(tree: Tree, drawn: Iterable[BaseGeometry]) -> tuple[Finding, ...]:
    """What is wrong with the tree against the zones as drawn (无问题则为空).

    Every step of every way is judged once: a step that starts outside must not touch a zone; a step that starts inside
    may leave, once. Since ways only share steps, no step wrong means no way wrong.
    """
    zone = shapely.union_all([*drawn])
    shapely.prepare(zone)
    points = shapely.points(tree.network.lonlat) if tree.network.nodes else np.empty(0, object)
    in_zone = shapely.intersects(zone, points)
    findings = [
        _at(tree, tree.network.anchors[shelter], "shelter_in_danger")
        for shelter in tree.shelters
        if in_zone[tree.network.anchors[shelter]]
    ]
    walked = np.flatnonzero(tree.next_node >= 0)
    onward = tree.next_node[walked]
    steps = shapely.linestrings(
        np.stack([tree.network.lonlat[walked], tree.network.lonlat[onward]], axis=1).reshape(-1, 2),
        indices=np.repeat(np.arange(len(walked)), 2),
    )
    touching = np.flatnonzero(shapely.intersects(zone, steps))
    for i in touching:
        node = int(walked[i])
        if not in_zone[node]:
            findings.append(_at(tree, node, "leads_in"))
        elif _returns(zone, steps[i]):
            findings.append(_at(tree, node, "re_enters"))
    findings += [_at(tree, node, "no_end") for node in _endless(tree)]
    return tuple(findings[:FINDINGS_MAX])


def _returns(zone: BaseGeometry, step: shapely.LineString) -> bool:
    """Whether a step that starts inside meets the zone again after it left."""
    if zone.covers(step):
        return False
    outside = step.difference(zone)
    if outside.geom_type != "LineString":
        return True
    return bool(zone.intersects(shapely.Point(step.coords[-1])))


def _endless(tree: Tree) -> list[int]:
    """Nodes that claim a way but whose steps do not end at the shelter they name."""
    doors = {tree.network.anchors[shelter]: n for n, shelter in enumerate(tree.shelters)}
    at = np.arange(tree.network.nodes)
    for _ in range(max(1, tree.network.nodes).bit_length() + 1):
        at = np.where(tree.next_node[at] >= 0, tree.next_node[at], at)
        at = at[at]
    claimed = np.flatnonzero(tree.shelter_of >= 0)
    return [int(node) for node in claimed if doors.get(int(at[node])) != tree.shelter_of[node]]


def _at(tree: Tree, node: int, what: str) -> Finding:
    lon, lat = tree.network.lonlat[node]
    return Finding(node, float(lon), float(lat), what)
