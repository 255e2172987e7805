"""示意图 The way, the danger areas and the shelter as a small drawing without a map; nobody needs it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import cos, radians
from typing import Any

SIDE, EDGE = 600, 40
REACH = 1.6  # how much of the surroundings of the way is drawn
LEAST_M = 400.0
DEGREE_M = 111_320.0
Point = tuple[float, float]
"""(lon, lat)"""


def sketch_svg(
    here: Point | None, route: Sequence[Point], goal: Point | None, zones: Iterable[Mapping[str, Any]]
) -> str:
    """North is up. Nothing in it depends on a script or on another file."""
    rings = [ring for zone in zones if zone.get("kind") == "danger" for ring in _rings(zone.get("geometry") or {})]
    marks = [point for point in (here, goal) if point is not None]
    frame = _Frame([*route, *marks] or [point for ring in rings for point in ring])
    parts = [
        '<defs><pattern id="d" width="12" height="12" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="12" height="12" fill="#f7d4d0"/><rect width="4" height="12" fill="#b3261e"/></pattern></defs>',
        f'<rect width="{SIDE}" height="{SIDE}" fill="#f3f5f4"/>',
    ]
    parts += [f'<path d="{frame.path(ring)}Z" fill="url(#d)" stroke="#b3261e" stroke-width="3"/>' for ring in rings]
    if len(route) > 1:
        line = frame.path(route)
        parts.append(f'<path d="{line}" fill="none" stroke="#fff" stroke-width="14" stroke-linejoin="round"/>')
        parts.append(f'<path d="{line}" fill="none" stroke="#12703c" stroke-width="8" stroke-linejoin="round"/>')
    if goal is not None:
        x, y = frame.at(goal)
        corner = f'x="{x - 14:.0f}" y="{y - 14:.0f}" width="28" height="28"'
        parts.append(f'<rect {corner} fill="#12703c" stroke="#fff" stroke-width="4"/>')
    if here is not None:
        x, y = frame.at(here)
        parts.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="14" fill="#14529e" stroke="#fff" stroke-width="5"/>')
    parts.append(_north_and_scale(frame.metres_per_px))
    size = f'viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'


class _Frame:
    """What part of the ground the drawing shows."""

    def __init__(self, points: Sequence[Point]) -> None:
        lons, lats = [p[0] for p in points] or [0.0], [p[1] for p in points] or [0.0]
        self._lon, self._lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
        self._squeeze = max(0.1, cos(radians(self._lat)))
        wide = (max(lons) - min(lons)) * self._squeeze * DEGREE_M
        high = (max(lats) - min(lats)) * DEGREE_M
        self.metres_per_px = max(wide * REACH, high * REACH, LEAST_M) / (SIDE - 2 * EDGE)

    def at(self, point: Point) -> Point:
        x = (point[0] - self._lon) * self._squeeze * DEGREE_M / self.metres_per_px
        y = (point[1] - self._lat) * DEGREE_M / self.metres_per_px
        return SIDE / 2 + x, SIDE / 2 - y

    def path(self, points: Sequence[Point]) -> str:
        return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in map(self.at, points))


def _rings(geometry: Mapping[str, Any]) -> list[list[Point]]:
    coordinates = geometry.get("coordinates") or []
    polygons = coordinates if geometry.get("type") == "MultiPolygon" else [coordinates]
    return [[(float(x), float(y)) for x, y, *_ in polygon[0]] for polygon in polygons if polygon]


def _north_and_scale(metres_per_px: float) -> str:
    metres = next((m for m in (50, 100, 200, 500, 1000, 2000, 5000) if m / metres_per_px >= 80), 10_000)
    width, length = metres / metres_per_px, f"{metres} m" if metres < 1000 else f"{metres // 1000} km"
    return (
        '<g font-family="sans-serif" font-size="24" fill="#1b2126"><path d="M556 70l14-40 14 40-14-10z"/>'
        '<text x="570" y="96" text-anchor="middle">N</text>'
        f'<path d="M30 574h{width:.0f}" stroke="#1b2126" stroke-width="5"/>'
        f'<text x="30" y="562">{length}</text></g>'
    )
