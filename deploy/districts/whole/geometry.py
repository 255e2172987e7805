"""几何 Rivers as drawn lines, rings around them, and what lies how far from what. Plane arithmetic on purpose: the same
digits on every machine.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import pairwise

from deploy.districts.places import M_PER_LAT, M_PER_LON, LonLat, metres, moved, rounded


@dataclass(frozen=True)
class Course:
    """河段 A drawn line with what lies so far along it and beside it."""

    points: tuple[LonLat, ...]

    @property
    def length_m(self) -> float:
        return sum(metres(a, b) for a, b in pairwise(self.points))

    def at(self, along_m: float, offset_m: float = 0.0) -> LonLat:
        """The point so far down the line and so far to its left."""
        left = along_m
        for start, end in pairwise(self.points):
            length = metres(start, end)
            if left <= length or end == self.points[-1]:
                east, north = (end[0] - start[0]) * M_PER_LON / length, (end[1] - start[1]) * M_PER_LAT / length
                return moved(start, east * left - north * offset_m, north * left + east * offset_m)
            left -= length
        raise AssertionError("a line has an end")

    def distance_m(self, point: LonLat) -> float:
        return min(_to_segment(point, a, b) for a, b in pairwise(self.points))

    def band(self, half_m: float, step_m: float = 250.0) -> list[LonLat]:
        """The closed ring of all that lies within ``half_m`` beside the line."""
        count = max(2, round(self.length_m / step_m))
        alongs = [self.length_m * n / count for n in range(count + 1)]
        ring = [self.at(along, half_m) for along in alongs] + [self.at(along, -half_m) for along in reversed(alongs)]
        return [*ring, ring[0]]


def _to_segment(point: LonLat, a: LonLat, b: LonLat) -> float:
    ax, ay = (a[0] - point[0]) * M_PER_LON, (a[1] - point[1]) * M_PER_LAT
    bx, by = (b[0] - point[0]) * M_PER_LON, (b[1] - point[1]) * M_PER_LAT
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    t = 0.0 if length2 == 0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / length2))
    return math.hypot(ax + t * dx, ay + t * dy)


def towards(point: LonLat, bearing: float, far_m: float) -> LonLat:
    """So far away on a compass bearing in degrees."""
    angle = math.radians(bearing)
    return moved(point, far_m * math.sin(angle), far_m * math.cos(angle))


def square(middle: LonLat, half_m: float) -> list[LonLat]:
    """方框 A closed ring around a point."""
    corners = [moved(middle, east * half_m, north * half_m) for east, north in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return [*corners, corners[0]]


def winding(start: LonLat, end: LonLat, step_m: float, sway_m: float, rng: random.Random) -> list[LonLat]:
    """弯道 From start to end in steps, swaying like a road in a valley; both ends exact."""
    length = metres(start, end)
    count = max(1, round(length / step_m))
    phase, turns = rng.uniform(0, math.tau), rng.uniform(1.0, 2.5)
    sway = min(sway_m, length / 8)
    line = [start]
    for n in range(1, count):
        t = n / count
        off = sway * math.sin(math.pi * t) * math.sin(phase + math.tau * turns * t) + rng.uniform(-0.06, 0.06) * step_m
        east, north = (end[0] - start[0]) * M_PER_LON / length, (end[1] - start[1]) * M_PER_LAT / length
        line.append(moved(start, east * length * t - north * off, north * length * t + east * off))
    return [rounded(*point) for point in (*line, end)]
