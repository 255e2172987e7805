"""神谕: 一场暴雨 What a hand-made storm is written with: gauges, rules, rows, and the records that it must give.

A line of them reads::

    KNOWN_AT FROM>TO REASON [obs=HH:MM] [ver=…] [conf=…] [cond=…] [blind=yes] [in=SCOPE] [trip=N|none] [refused=latch]

Left out: obs is known_at, ver is confirmed, conf is TO, in is T1; what has no certain value by the text is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.property.oracle.rows import Region
from tests.property.oracle.truth import Metric, Station

DAY = datetime(2026, 6, 28, tzinfo=UTC)
REGIONS = (
    Region("999901", None, "district"),
    Region("T1", "999901", "township"),
    Region("T2", "999901", "township"),
)
METRICS = (
    Metric("rain_mm", "interval", Fraction(0), Fraction(500)),
    Metric("stage_m", "level", Fraction(0), Fraction(500), Fraction(1, 20)),
    Metric("counter_mm", "cumulative", Fraction(0), Fraction(1000)),
)
LEVELS_5MIN = {
    "blue": [{"sum": "5min", "at_least": 10}],
    "yellow": [{"sum": "5min", "at_least": 20}],
    "orange": [{"sum": "5min", "at_least": 30}],
    "red": [{"sum": "5min", "at_least": 40}],
}
PLAUSIBLE = {"red": {"neighbours": 1, "radius": "15km", "within": "30min"}}


def gauge(name: str, region: str = "T1", *, km: float = 0, **more: Any) -> Station:
    """A rain gauge ``km`` north of the others, every five minutes."""
    base = {"metrics": ("rain_mm",), "interval_s": 300, "report_s": 300}
    return Station(name, region, **{**base, "lat": 29.5 + km / 111.2, "lon": 108.7, **more})


def stage(name: str, region: str = "T1", **more: Any) -> Station:
    """A stage gauge, every ten minutes, guarantee stage 100 m."""
    columns = {"stage_guarantee_m": "100", "stage_warning_m": "98"}
    base = {"metrics": ("stage_m",), "interval_s": 600, "report_s": 600, "columns": columns}
    return Station(name, region, **{**base, "lat": 29.5, "lon": 108.7, **more})


def rule(**more: Any) -> dict[str, Any]:
    base = {
        "id": "rain",
        "title": {"zh": "暴雨", "en": "Rain"},
        "hazard": "11B03",
        "source": "演示数据",
        "per": "township",
        "metric": "rain_mm",
        "levels": LEVELS_5MIN,
        "hold": "30min",
    }
    return {**base, **more}


def river(**more: Any) -> dict[str, Any]:
    levels = {"red": [{"value": "latest", "at_least": "station.stage_guarantee_m"}]}
    return rule(**{"id": "river", "metric": "stage_m", "levels": levels, **more})


def only(*levels: str) -> dict[str, Any]:
    return {level: LEVELS_5MIN[level] for level in levels}


def clock(text: str) -> str:
    """``HH:MM`` of the storm's day (hours may pass 24) as an instant."""
    hours, minutes = text.split(":")
    return (DAY + timedelta(hours=int(hours), minutes=int(minutes))).isoformat().replace("+00:00", "Z")


def row(station: str, observed: str, value: Any, received: str = "", quality: str = "", metric: str = "rain_mm") -> Any:
    return {
        "station_id": station,
        "metric": metric,
        "value": "" if value is None else str(value),
        "observed_at": clock(observed),
        "received_at": clock(received) if received else "",
        "quality": quality,
    }


def series(station: str, start: str, *values: Any, every: int = 5, metric: str = "rain_mm", lag: int = 0) -> list[Any]:
    """Readings ``every`` so many minutes; None leaves one out."""
    hours, minutes = start.split(":")
    first, out = int(hours) * 60 + int(minutes), []
    for at, value in enumerate(values):
        then = first + at * every
        seen = f"{(then + lag) // 60}:{(then + lag) % 60}" if lag else ""
        if value is not None:
            out.append(row(station, f"{then // 60}:{then % 60}", value, seen, metric=metric))
    return out


@dataclass(frozen=True)
class Storm:
    name: str
    sentence: str
    rows: list[Any]
    expected: str
    rules: list[Any] = field(default_factory=lambda: [rule()])
    stations: tuple[Station, ...] = (gauge("A"),)
    until: str | None = None

    def until_instant(self) -> str | None:
        return clock(self.until) if self.until else None

    def lines(self) -> list[str]:
        return [line.strip() for line in self.expected.strip().splitlines() if line.strip()]
