"""危险区遮罩 The inside-out rule: nobody outside is led in, everybody inside is led out.

An arc may be used when it starts inside the danger area (weight x3 for exposure), and never when it starts outside
and touches it. An arc that starts inside but comes back after leaving is closed too, so that no route re-enters.

The danger area is what was drawn plus `MARGIN_M`: a line drawn by hand is not sharper than that, and a polyline in
an answer is rounded to about a metre. The rule holds for both, so that who stands in the margin is led away from the
drawn area and never across it.
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
class Danger:
    """危险区: as drawn, and with the margin; both prepared, lon/lat."""

    drawn: BaseGeometry
    area: BaseGeometry

    def lies_in(self, lon: float, lat: float) -> bool:
        return bool(shapely.intersects_xy(self.area, lon, lat))


@dataclass(frozen=True, eq=False)
class Mask:
    """遮罩: what one danger area does to one network."""

    danger: Danger
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


def danger_area(drawn: Iterable[BaseGeometry], margin_m: float = MARGIN_M) -> Danger:
    """The union of drawn zones, and the same with the margin (危险区＋余量), in lon/lat; empty for no zone."""
    zones = [zone for zone in drawn if not zone.is_empty]
    union = shapely.union_all(zones) if zones else shapely.MultiPolygon()
    # the union keeps the margin's area a superset of what was drawn even after rounding
    area = shapely.union(union, widened(union, margin_m))
    shapely.prepare(union)
    shapely.prepare(area)
    return Danger(union, area)


def widened(area: BaseGeometry, metres: float) -> BaseGeometry:
    """The area and what lies within ``metres`` of it."""
    if area.is_empty or metres <= 0:
        return area
    scale = np.array(local_scale(float(area.centroid.y)))
    flat = shapely.transform(area, lambda points: points * scale)
    return shapely.transform(flat.buffer(metres, quad_segs=4), lambda points: points / scale)


def mask_of(network: Network, danger: Danger) -> Mask:
    """Apply the inside-out rule (内出规则) to every segment that meets the danger area."""
    forward = network.metres.copy()
    backward = network.metres.copy()
    inside = np.zeros(network.nodes, dtype=bool)
    if danger.area.is_empty or not network.segments:
        return Mask(danger, inside, forward, backward)
    touched, inside = _apply(network, danger.area, forward, backward)
    _apply(network, danger.drawn, forward, backward)
    forward[touched] *= np.where(inside[network.u[touched]], EXPOSURE, 1.0)
    backward[touched] *= np.where(inside[network.v[touched]], EXPOSURE, 1.0)
    closed = int(np.isinf(forward).sum() + np.isinf(backward).sum())
    return Mask(danger, inside, forward, backward, len(touched), closed)


def _apply(
    network: Network, area: BaseGeometry, forward: Floats, backward: Floats
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Close what the rule closes for one area; which segments meet it, and which nodes lie in it."""
    inside = np.zeros(network.nodes, dtype=bool)
    touched = np.sort(network.tree.query(area, predicate="intersects"))
    ends = np.unique(np.concatenate([network.u[touched], network.v[touched]]))
    inside[ends] = shapely.intersects_xy(area, network.lonlat[ends, 0], network.lonlat[ends, 1])
    starts_u, starts_v = inside[network.u[touched]], inside[network.v[touched]]
    leaves_once = ~_comes_back(network, area, touched, starts_u, starts_v)
    forward[touched[~(starts_u & leaves_once)]] = np.inf
    backward[touched[~(starts_v & leaves_once)]] = np.inf
    return touched, inside


def _comes_back(
    network: Network,
    area: BaseGeometry,
    touched: NDArray[Any],
    starts_u: NDArray[np.bool_],
    starts_v: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Which touched segments leave the area and meet it again on the same stretch."""
    back = np.zeros(len(touched), dtype=bool)
    lines = network.lines[touched]
    both = starts_u & starts_v
    back[both] = ~shapely.covers(area, lines[both])
    one = starts_u ^ starts_v
    parts = shapely.intersection(lines[one], area)
    back[one] = shapely.get_num_geometries(parts) > 1
    return back


def keeps_out(danger: Danger, line: shapely.LineString) -> bool:
    """Whether a walk obeys the rule: it stays out, or stays in, or leaves once and for all."""
    return all(_keeps_out(area, line) for area in (danger.area, danger.drawn))


def _keeps_out(area: BaseGeometry, line: shapely.LineString) -> bool:
    if not area.intersects(line):
        return True
    if not area.intersects(shapely.Point(line.coords[0])):
        return False
    if area.covers(line):
        return True
    outside = shapely.line_merge(line.difference(area))
    if outside.is_empty:
        return True
    return outside.geom_type == "LineString" and not area.intersects(shapely.Point(line.coords[-1]))
