"""明白卡路线 The approved way out of a danger point, found on the drawn network."""

from __future__ import annotations

import heapq
from typing import Any

import shapely

from deploy.districts.places import LonLat, metres, rounded
from deploy.districts.whole.network import Net


def way_out(net: Net, start: LonLat, goals: dict[LonLat, str], danger: list[list[LonLat]]) -> tuple[str, list[LonLat]]:
    """明白卡路线 The shortest way to one of the goals that never enters a danger area from outside it."""
    areas = shapely.STRtree([shapely.Polygon(ring) for ring in danger])
    start = rounded(*start)
    best: dict[LonLat, tuple[float, LonLat | None]] = {start: (0.0, None)}
    queue = [(0.0, start)]
    while queue:
        cost, here = heapq.heappop(queue)
        if here in goals:
            path, at = [here], best[here][1]
            while at is not None:
                path.append(at)
                at = best[at][1]
            return goals[here], path[::-1]
        if cost > best[here][0]:
            continue
        for other in sorted(net.beside[here]):
            more = cost + metres(here, other)
            if (other not in best or more < best[other][0]) and _leaves(areas, here, other):
                best[other] = (more, here)
                heapq.heappush(queue, (more, other))
    raise AssertionError(f"no way out of {start}")


def _leaves(areas: Any, here: LonLat, there: LonLat) -> bool:
    met = areas.geometries[areas.query(shapely.LineString([here, there]), predicate="intersects")]
    return all(area.covers(shapely.Point(here)) for area in met)
