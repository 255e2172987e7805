"""危险区遮罩 The inside-out rule: nobody outside is led in, everybody inside is led out.

An arc may be used when it starts inside the danger area (weight x3 for exposure), and never when it starts outside
and touches it. An arc that starts inside but comes back after leaving is closed too, so that no route re-enters.

The danger area is what was drawn plus `MARGIN_M`: a line drawn by hand is not sharper than that, and a polyline in
an answer is rounded to about a metre.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from services.resources.network.graph import Floats, Network, local_scale
from shared.errors import Invalid

MARGIN_M = 5.0
EXPOSURE = 3.0
ZONE_VERTICES_MAX = 20_000


@dataclass(frozen=True, eq=False)
class Mask:
    """遮罩: what one danger area does to one network."""

    danger: BaseGeometry  # prepared, lon/lat, with the margin
    inside: NDArray[np.bool_] = field(repr=False)  # node lies in the danger area
    forward: Floats = field(repr=False)  # weight of u -> v, inf = closed
    backward: Floats = field(repr=False)  # weight of v -> u
    touched: int = 0  # segments that meet the danger area
    closed: int = 0  # directions that were closed


def read_polygon(geometry: Any, field_name: str = "geometry") -> BaseGeometry:
    """A danger polygon from GeoJSON (手绘危险区): valid, closed, not empty; a wrong one is refused by name."""
    try:
        polygon = shape(geometry)
    except (shapely.errors.GEOSException, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise Invalid(f"is not a GeoJSON geometry: {error}", "不是 GeoJSON 图形", field=field_name) from error
    if polygon.geom_type not in ("Polygon", "MultiPolygon") or polygon.is_empty:
        raise Invalid(
            f"a danger area is a Polygon or MultiPolygon, not {polygon.geom_type}",
            "危险区须为面",
            field=field_name,
        )
    if not bool(np.isfinite(shapely.get_coordinates(polygon)).all()):
        raise Invalid("a coordinate is not a number", "坐标不是数字", field=field_name)
    west, south, east, north = polygon.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise Invalid("coordinates are longitude first, in degrees", "坐标为经度在前、单位度", field=field_name)
    if shapely.get_num_coordinates(polygon) > ZONE_VERTICES_MAX:
        raise Invalid(f"has more than {ZONE_VERTICES_MAX} vertices; simplify it", "顶点过多，请简化", field=field_name)
    if not polygon.is_valid:
        # silently mending could drop the half of a danger area that crosses itself
        raise Invalid(
            f"the polygon is not simple: {shapely.is_valid_reason(polygon)}; draw it without crossing itself",
            "危险区边界自相交，请重画",
            field=field_name,
        )
    return polygon


def danger_area(drawn: Iterable[BaseGeometry], margin_m: float = MARGIN_M) -> BaseGeometry:
    """The union of drawn zones with the margin (危险区＋余量), in lon/lat; empty for no zone."""
    zones = [zone for zone in drawn if not zone.is_empty]
    if not zones:
        return shapely.MultiPolygon()
    union = shapely.union_all(zones)
    return widened(union, margin_m)


def widened(area: BaseGeometry, metres: float) -> BaseGeometry:
    """The area and what lies within ``metres`` of it."""
    if area.is_empty or metres <= 0:
        return area
    scale = np.array(local_scale(float(area.centroid.y)))
    flat = shapely.transform(area, lambda points: points * scale)
    return shapely.transform(flat.buffer(metres, quad_segs=4), lambda points: points / scale)


def mask_of(network: Network, danger: BaseGeometry) -> Mask:
    """Apply the inside-out rule (内出规则) to every segment that meets the danger area."""
    forward = network.metres.copy()
    backward = network.metres.copy()
    inside = np.zeros(network.nodes, dtype=bool)
    if danger.is_empty or not network.segments:
        return Mask(danger, inside, forward, backward)
    shapely.prepare(danger)
    touched = np.sort(network.tree.query(danger, predicate="intersects"))
    ends = np.unique(np.concatenate([network.u[touched], network.v[touched]]))
    inside[ends] = shapely.intersects_xy(danger, network.lonlat[ends, 0], network.lonlat[ends, 1])
    starts_u, starts_v = inside[network.u[touched]], inside[network.v[touched]]
    leaves_once = ~_comes_back(network, danger, touched, starts_u, starts_v)
    metres = network.metres[touched] * EXPOSURE
    forward[touched] = np.where(starts_u & leaves_once, metres, np.inf)
    backward[touched] = np.where(starts_v & leaves_once, metres, np.inf)
    closed = int(np.isinf(forward[touched]).sum() + np.isinf(backward[touched]).sum())
    return Mask(danger, inside, forward, backward, len(touched), closed)


def _comes_back(
    network: Network,
    danger: BaseGeometry,
    touched: NDArray[Any],
    starts_u: NDArray[np.bool_],
    starts_v: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Which touched segments leave the area and meet it again on the same stretch."""
    back = np.zeros(len(touched), dtype=bool)
    lines = network.lines[touched]
    both = starts_u & starts_v
    back[both] = ~shapely.covers(danger, lines[both])
    one = starts_u ^ starts_v
    parts = shapely.intersection(lines[one], danger)
    back[one] = shapely.get_num_geometries(parts) > 1
    return back
