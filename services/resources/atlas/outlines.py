"""示意范围 Schematic outlines of townships, made of where their villages are: no border of any map, and said so.

A point of the district belongs to the township of the nearest village; the whole is cut off `REACH` around the
villages. Drawn so that people see which township is meant; nothing is decided by it.
"""

from __future__ import annotations

from typing import Any

import shapely
from shapely.geometry import MultiPoint, mapping
from shapely.geometry.base import BaseGeometry

from shared.pack.model import Pack

REACH = 0.035  # degrees, about 3.5 km
DIGITS = 4  # about 10 m
HULL_RATIO = 0.3


def outlines(pack: Pack) -> dict[str, dict[str, Any]]:
    """Township code → GeoJSON polygon; a township whose place is not known has none."""
    seats: dict[tuple[float, float], str] = {}
    for region in pack.regions.values():
        township = pack.township_of(region.code)
        if township is not None and region.lat is not None and region.lon is not None:
            seats.setdefault((region.lon, region.lat), township)
    if len(seats) < 3:
        return {}
    points = MultiPoint(sorted(seats))
    land = shapely.concave_hull(points, ratio=HULL_RATIO).buffer(REACH)
    cells = shapely.voronoi_polygons(points, extend_to=land.envelope)
    parts: dict[str, list[BaseGeometry]] = {}
    index = shapely.STRtree(list(cells.geoms))
    for (lon, lat), township in seats.items():
        for found in index.query(shapely.Point(lon, lat), predicate="intersects")[:1]:
            parts.setdefault(township, []).append(cells.geoms[int(found)])
    return {code: _drawn(shapely.union_all(held).intersection(land)) for code, held in parts.items()}


def _drawn(shape: BaseGeometry) -> dict[str, Any]:
    rounded = shapely.set_precision(shape, 10**-DIGITS)
    drawn: dict[str, Any] = mapping(rounded)
    return drawn
