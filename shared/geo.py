"""地理 Distances on WGS-84 (CGCS2000 agrees within a metre). Coordinates are (lat, lon) in degrees."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_M = 6_371_008.8


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance in metres."""
    p1, p2 = radians(lat1), radians(lat2)
    h = sin((p2 - p1) / 2) ** 2 + cos(p1) * cos(p2) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(h)))


def encode_polyline(points: list[tuple[float, float]], precision: int = 5) -> str:
    """Encoded polyline (Google's published algorithm) of (lat, lon) points."""
    out: list[str] = []
    last = (0, 0)
    scale = 10**precision
    for lat, lon in points:
        here = (round(lat * scale), round(lon * scale))
        for before, after in zip(last, here, strict=True):
            delta = after - before
            value = ~(delta << 1) if delta < 0 else delta << 1
            while value >= 0x20:
                out.append(chr((0x20 | (value & 0x1F)) + 63))
                value >>= 5
            out.append(chr(value + 63))
        last = here
    return "".join(out)


def decode_polyline(text: str, precision: int = 5) -> list[tuple[float, float]]:
    """The points of an encoded polyline, (lat, lon)."""
    points: list[tuple[float, float]] = []
    scale = 10**precision
    at, lat, lon = 0, 0, 0
    while at < len(text):
        deltas = []
        for _ in range(2):
            value, shift = 0, 0
            while True:
                chunk = ord(text[at]) - 63
                at += 1
                value |= (chunk & 0x1F) << shift
                shift += 5
                if chunk < 0x20:
                    break
            deltas.append(~(value >> 1) if value & 1 else value >> 1)
        lat += deltas[0]
        lon += deltas[1]
        points.append((lat / scale, lon / scale))
    return points
