"""洪水之夜 Rain and river stage of a night in the shape of 26–28 June 2024, as the pack's stations would see them.

演示数据: seeded and invented. A first rain passes, a lull, then the storm breaks over one township: red there within an
hour, orange beside it, little farther off; the river follows two hours behind. Minutes count from the drill's start;
what lies before it is the back-dated rain that the stations bring along.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SEED = 20240628
START = datetime(2024, 6, 27, 14, 0, tzinfo=UTC)  # 22:00 in Beijing
BEFORE_MIN = 13 * 60
END_MIN = 22 * 60
CORE_KM = 9.0
AROUND = 0.06  # of the core's rain falls everywhere
TIP_MM = 0.1

# (until minute, mm an hour at the storm's centre)
RAIN = (
    (-540, 5.0),
    (-180, 0.3),
    (-60, 4.0),
    (0, 12.0),
    (15, 45.0),
    (60, 100.0),
    (150, 55.0),
    (240, 25.0),
    (360, 8.0),
    (540, 1.0),
    (840, 0.0),
    (1020, 6.0),
    (END_MIN, 0.2),
)
RIVER_MIDDLE_MIN = 115.0
RIVER_SPREAD_MIN = 30.0
RIVER_FALLS_AFTER_MIN = 360.0
RIVER_FALL_M_H = 0.3
RIVER_OVER_M = 0.6  # how far the river at the storm's foot passes its guarantee stage


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
class FloodNight:
    """洪水之夜: where the storm stands; every value follows from seed, station and minute."""

    lat: float
    lon: float
    seed: int = SEED

    @classmethod
    def over(cls, gauges: Iterable[Gauge], seed: int = SEED) -> FloodNight:
        """The storm over the middle of these gauges."""
        places = [(gauge.lat, gauge.lon) for gauge in gauges]
        return cls(sum(lat for lat, _ in places) / len(places), sum(lon for _, lon in places) / len(places), seed)

    def share(self, gauge: Gauge) -> float:
        """How much of the core's rain falls there."""
        north = (gauge.lat - self.lat) * 111.2
        east = (gauge.lon - self.lon) * 111.2 * math.cos(math.radians(self.lat))
        return AROUND + (1 - AROUND) * math.exp(-(north**2 + east**2) / CORE_KM**2)

    def rain_mm(self, gauge: Gauge, minute: int) -> float:
        """Rain of the interval that ends at the minute."""
        middle = minute - gauge.interval_min / 2
        hourly = next((rate for until, rate in RAIN if middle < until), 0.0)
        wet = hourly * self.share(gauge) * gauge.interval_min / 60 * self._dice(gauge, minute).uniform(0.85, 1.15)
        return round(round(wet / TIP_MM) * TIP_MM, 1)

    def stage_m(self, gauge: Gauge, minute: int) -> float:
        """Stage at the minute: low water, then the flood wave, then the slow fall."""
        warning = gauge.stage_warning_m if gauge.stage_warning_m is not None else 300.0
        guarantee = gauge.stage_guarantee_m if gauge.stage_guarantee_m is not None else warning + 1.0
        low = warning - 2.2
        share = self.share(gauge)
        height = (guarantee + RIVER_OVER_M - low) if share > 0.8 and gauge.stage_guarantee_m else 1.6 * share + 0.3
        spread = RIVER_SPREAD_MIN if share > 0.8 else 2 * RIVER_SPREAD_MIN
        wave = height / (1 + math.exp(-(minute - RIVER_MIDDLE_MIN) / spread))
        fallen = max(0.0, (minute - RIVER_FALLS_AFTER_MIN) / 60 * RIVER_FALL_M_H)
        ripple = self._dice(gauge, minute).uniform(-0.01, 0.01)
        return round(max(low, low + wave - fallen) + ripple, 2)

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
