"""洪水之夜 Rain and river stage of a night in the shape of 26–28 June 2024, as the pack's stations would see them.

演示数据: seeded and invented; of the real night only the shape (50 of 60 gauges over 100 mm in a day, 23 of 31
townships touched, a river two metres over its guarantee stage at one gauge, one and a half at the next). A first rain
passes, a lull, then a band of rain lies over most of the district for seven hours; cells in it break over one township
(red within the hour), then over its neighbours. The rivers follow. Minutes count from the drill's start at 22:00; what
lies before is the back-dated rain that the stations bring along.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

SEED = 20240628
START = datetime(2024, 6, 27, 14, 0, tzinfo=UTC)  # 22:00 in Beijing
BEFORE_MIN = 13 * 60
NIGHT_MIN = 10 * 60  # what the drill tells
END_MIN = 22 * 60  # till then the stations go on
TIP_MM = 0.1
KM_A_DEGREE = 111.2

Profile = tuple[tuple[int, float], ...]  # (until minute, mm an hour)


@dataclass(frozen=True)
class Cell:
    """雨团: where it stands, seen from the storm's foot, how wide it is, and how hard it rains in its middle."""

    east_km: float
    north_km: float
    radius_km: float
    rain: Profile


FLUSHED_MM = {165: 33.0, 170: 38.4, 175: 35.1}  # somebody rinses one funnel and tells nobody (duty_room.md E5)
BAND_NORTH_KM = 26.2  # the band ends so far north of the foot
BAND_EDGE_KM = 1.0
OUTSIDE = 0.42  # of the band's rain falls beyond its edge
BAND: Profile = (
    (-540, 5.0),
    (-180, 0.3),
    (-60, 3.0),
    (0, 7.0),
    (60, 9.0),
    (420, 13.0),
    (480, 5.0),
    (560, 1.0),
    (840, 0.0),
    (1020, 3.0),
    (END_MIN, 0.2),
)
CELLS = (
    Cell(0.0, 0.0, 6.5, ((-60, 0.0), (0, 5.0), (15, 36.0), (60, 92.0), (150, 45.0), (240, 14.0))),
    Cell(1.5, 10.5, 4.5, ((35, 0.0), (80, 34.0), (150, 46.0), (210, 18.0))),
    Cell(-12.0, -3.0, 6.0, ((110, 0.0), (210, 20.0), (280, 8.0))),
    Cell(8.5, -4.0, 5.0, ((140, 0.0), (240, 18.0), (300, 8.0))),
    Cell(-1.0, 24.0, 4.0, ((180, 0.0), (290, 20.0), (340, 6.0))),
)


@dataclass(frozen=True)
class Gauge:
    """测站: what the drill needs to know of one."""

    station_id: str
    lat: float
    lon: float
    interval_min: int
    has_rain: bool
    has_stage: bool
    stage_warning_m: float | None = None
    stage_guarantee_m: float | None = None


@dataclass(frozen=True)
class Wave:
    """洪峰: its crest over guarantee (None: as the local rain has it), when half-way up, how slowly, when it falls."""

    over_m: float | None
    middle_min: float
    spread_min: float
    falls_min: float

    def risen(self, minute: float) -> float:
        """The share of its height that it has reached; all of it when it begins to fall."""
        return self._logistic(min(minute, self.falls_min)) / self._logistic(self.falls_min)

    def fallen_m(self, minute: float) -> float:
        return max(0.0, (minute - self.falls_min) / 60 * FALL_M_H)

    def _logistic(self, minute: float) -> float:
        return 1 / (1 + math.exp(-(minute - self.middle_min) / self.spread_min))


FOOT = Wave(2.01, 165.0, 45.0, 345.0)
ABOVE = Wave(1.51, 135.0, 36.0, 315.0)
LOCAL = Wave(None, 210.0, 55.0, 345.0)
BELOW = Wave(-0.35, 300.0, 60.0, 450.0)  # downstream of the foot, later
LOW_UNDER_WARNING_M = 2.2
FALL_M_H = 0.7


@dataclass(frozen=True)
class Rivers:
    """河流: the gauge at the storm's foot, the next one above it, and the one below."""

    foot: str = ""
    above: str = ""
    below: str = ""

    def wave(self, station_id: str) -> Wave:
        named = {self.foot: FOOT, self.above: ABOVE, self.below: BELOW}
        return named.get(station_id, LOCAL)


@dataclass(frozen=True)
class FloodNight:
    """洪水之夜: where the storm stands; every value follows from seed, station and minute."""

    lat: float
    lon: float
    rivers: Rivers = Rivers()
    seed: int = SEED
    flushed: str = ""  # the gauge whose bucket is rinsed

    @classmethod
    def over(cls, gauges: Iterable[Gauge], rivers: Rivers = Rivers(), seed: int = SEED) -> FloodNight:
        """The storm's foot over the middle of these gauges."""
        places = [(gauge.lat, gauge.lon) for gauge in gauges] or [(0.0, 0.0)]  # a pack without gauges has a dry night
        middle = (sum(lat for lat, _ in places) / len(places), sum(lon for _, lon in places) / len(places))
        return cls(*middle, rivers, seed)

    def with_a_flushed_gauge(self, gauges: Iterable[Gauge]) -> FloodNight:
        """The same night with one bucket rinsed: the one farthest from the storm, where it hardly rains."""
        buckets = [gauge for gauge in gauges if gauge.has_rain]
        far = max(buckets, key=lambda gauge: math.hypot(*self.at_km(gauge)), default=None)
        return replace(self, flushed=far.station_id) if far else self

    def at_km(self, gauge: Gauge) -> tuple[float, float]:
        """How far east and north of the storm's foot."""
        east = (gauge.lon - self.lon) * KM_A_DEGREE * math.cos(math.radians(self.lat))
        return east, (gauge.lat - self.lat) * KM_A_DEGREE

    def band(self, gauge: Gauge) -> float:
        """How much of the band's rain falls there."""
        beyond = (self.at_km(gauge)[1] - BAND_NORTH_KM) / BAND_EDGE_KM
        return OUTSIDE + (1 - OUTSIDE) / (1 + math.exp(max(-50.0, min(50.0, beyond))))

    def hourly_mm(self, gauge: Gauge, minute: float) -> float:
        """The storm's rain there at the minute, smooth."""
        east, north = self.at_km(gauge)
        wet = _rate(BAND, minute) * self.band(gauge)
        for cell in CELLS:
            if rate := _rate(cell.rain, minute):
                away = ((east - cell.east_km) ** 2 + (north - cell.north_km) ** 2) / cell.radius_km**2
                wet += rate * math.exp(-away)
        return wet

    def rain_mm(self, gauge: Gauge, minute: int) -> float:
        """Rain of the interval that ends at the minute, or what the bucket tips for."""
        if gauge.station_id == self.flushed and minute in FLUSHED_MM:
            return FLUSHED_MM[minute]
        hourly = self.hourly_mm(gauge, minute - gauge.interval_min / 2)
        wet = hourly * gauge.interval_min / 60 * self._dice(gauge, minute).uniform(0.85, 1.15)
        return round(round(wet / TIP_MM) * TIP_MM, 1)

    def stage_m(self, gauge: Gauge, minute: int) -> float:
        """Stage at the minute: low water, then the flood wave, then the fall."""
        warning = gauge.stage_warning_m if gauge.stage_warning_m is not None else 300.0
        guarantee = gauge.stage_guarantee_m if gauge.stage_guarantee_m is not None else warning + 1.0
        wave = self.rivers.wave(gauge.station_id)
        low = warning - LOW_UNDER_WARNING_M
        over_m = wave.over_m
        if over_m is None:  # about the warning stage where the band lies, well under it elsewhere
            over_m = (warning - guarantee) + 0.25 - 3.0 * (1 - self.band(gauge))
        level = low + (guarantee + over_m - low) * wave.risen(minute) - wave.fallen_m(minute)
        ripple = self._dice(gauge, minute).uniform(-0.01, 0.01)
        return round(max(low, level) + ripple, 2)

    def readings(self, gauge: Gauge, start: datetime, after: datetime, upto: datetime) -> list[Mapping[str, object]]:
        """What the station has measured after one instant and up to another; ``start`` is minute 0."""
        step = timedelta(minutes=gauge.interval_min)
        first = start - timedelta(minutes=BEFORE_MIN)
        last = min(upto, start + timedelta(minutes=END_MIN))
        number = max(0, math.floor((after - first) / step) + 1)
        made: list[Mapping[str, object]] = []
        while (at := first + number * step) <= last:
            minute = round((at - start) / timedelta(minutes=1))
            stamp = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            if gauge.has_rain:
                made.append({"metric": "rain_mm", "value": self.rain_mm(gauge, minute), "observed_at": stamp})
            if gauge.has_stage:
                made.append({"metric": "stage_m", "value": self.stage_m(gauge, minute), "observed_at": stamp})
            number += 1
        return made

    def _dice(self, gauge: Gauge, minute: int) -> random.Random:
        digest = hashlib.sha256(f"{self.seed}/{gauge.station_id}/{minute}".encode()).digest()
        return random.Random(int.from_bytes(digest[:8], "big"))


def _rate(profile: Profile, minute: float) -> float:
    return next((rate for until, rate in profile if minute < until), 0.0)
