"""神谕: 随机的暴雨 Random small storms for comparing the engine with the oracle.

A storm has one rule of one `Climate` over one to three stations. Values, bounds, windows and delays are drawn from few
numbers, so that bounds are met exactly and instants fall on the edges of windows, holds and clocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from tests.property.oracle.storm import Storm, gauge, river, row, rule, stage
from tests.property.oracle.truth import RANK, Station

LEVELS = ("blue", "yellow", "orange", "red")
RAIN = (0, 0, 0, 0, 5, 8, 9, 10, 12, 18, 19, 20, 25, "29.9", 30, 35, 40, 45)
STAGES = ("99.6", "99.8", "99.9", "100", "100.1", "100.1", "100.3", "100.5", "102")
GAINS = (0, 0, 0, 3, 10, 12, 20, 31, 45)
HOLDS = ("0min", "5min", "10min", "12min", "20min", "40min")
START = 600  # ten o'clock, in minutes of the day

Draw = st.DrawFn
Condition = dict[str, Any]


def up(draw: Draw) -> str:
    return draw(st.sampled_from(["at_least", "at_least", "above"]))


def rainfall(draw: Draw, height: int, metric: str = "") -> Condition:
    """A condition on rain that is the harder to meet the greater ``height`` (1 to 4)."""
    statistic = draw(st.sampled_from(["sum", "sum", "sum", "max", "mean", "count", "min"]))
    window = draw(st.sampled_from(["5min", "5min", "10min", "15min", "30min"]))
    scale = {"count": 1, "min": 3}.get(statistic, 10)
    found: Condition = {statistic: window, up(draw): height * scale}
    if draw(st.integers(0, 11)) == 0:
        found = {
            draw(st.sampled_from(["sum", "max"])): "15min",
            draw(st.sampled_from(["at_most", "below"])): 4 - height,
        }
    return {**found, "metric": metric} if metric else found


def water(draw: Draw, height: int, metric: str = "") -> Condition:
    """A condition on a stage."""
    window = draw(st.sampled_from(["10min", "20min", "30min", "40min"]))
    less = (4 - height) / 5
    kinds: list[Condition] = [
        {"value": "latest", up(draw): f"station.stage_guarantee_m-{less}" if less else "station.stage_guarantee_m"},
        {"value": "latest", up(draw): f"station.stage_warning_m+{1 + height / 4}"},
        {"value": "latest", up(draw): 99 + height / 4},
        {"rise": window, up(draw): height / 5},
        {"fall": window, up(draw): height / 5},
        {"rate": window, up(draw): height / 2},
        {"sustained": window, up(draw): 99 + height / 4},
        {"sustained": window, "below": 100 - height / 5},
        {"min": window, "at_most": 100 - height / 5},
        {"max": window, "at_least": 99 + height / 3},
    ]
    found = draw(st.sampled_from(kinds))
    found = {k: round(v, 3) if isinstance(v, float) else v for k, v in found.items()}
    return {**found, "metric": metric} if metric else found


@dataclass(frozen=True)
class Climate:
    """What a storm's stations measure, and how their rule asks for it."""

    metrics: tuple[str, ...]
    step: int  # minutes between readings
    values: dict[str, tuple[Any, ...]]
    make: Callable[..., Station]
    condition: Callable[[Draw, int], Condition]
    base: Callable[..., dict[str, Any]]
    deadbands: tuple[Any, ...]


def _mixed(draw: Draw, height: int) -> Condition:
    if draw(st.booleans()):
        return rainfall(draw, height)
    return water(draw, height, "stage_m")


def _counted(draw: Draw, height: int) -> Condition:
    window = draw(st.sampled_from(["5min", "10min", "20min"]))
    return {draw(st.sampled_from(["sum", "sum", "max", "mean"])): window, up(draw): height * 10}


RAINY = Climate(("rain_mm",), 5, {"rain_mm": RAIN}, gauge, rainfall, rule, ("10%", "5%", 1.5, 3))
RIVER = Climate(("stage_m",), 10, {"stage_m": STAGES}, stage, water, river, (0.2, 0.5))
COUNTER = Climate(("counter_mm",), 5, {"counter_mm": GAINS}, gauge, _counted, rule, ("10%", 2))
PAIR = Climate(("rain_mm", "stage_m"), 5, {"rain_mm": RAIN, "stage_m": STAGES}, gauge, _mixed, rule, (1.5, 3))
CLIMATES = (RAINY, RAINY, RAINY, RIVER, RIVER, COUNTER, PAIR)


# ---- rules


def _levels(draw: Draw, climate: Climate) -> dict[str, list[Condition]]:
    names = draw(st.lists(st.sampled_from(LEVELS), min_size=1, max_size=4, unique=True))
    alike = draw(st.booleans())  # one condition whose bound grows, as most rules have
    shape = climate.condition(draw, 4)
    out: dict[str, list[Condition]] = {}
    for name in names:
        any_of = [climate.condition(draw, RANK[name]) for _ in range(draw(st.sampled_from([1, 1, 1, 2])))]
        if draw(st.integers(0, 5)) == 0:
            inner = [climate.condition(draw, max(1, RANK[name] - 1)) for _ in range(2)]
            if draw(st.integers(0, 3)) == 0:
                inner = [inner[0], {"all": [inner[1], climate.condition(draw, 1)]}]
            any_of.append({"all": inner})
        out[name] = any_of
    if alike and climate in (RAINY, COUNTER):
        statistic = next(key for key in shape if key in ("sum", "max", "mean", "count", "min"))
        scale = {"count": 1, "min": 3}.get(statistic, 10)
        out = {name: [{statistic: shape[statistic], "at_least": RANK[name] * scale}] for name in names}
    return out


def _plausible(draw: Draw, names: list[str], stations: int) -> dict[str, Any]:
    """Not for the lowest level: below it there is none to be plausible by."""
    out = {}
    for name in sorted(names, key=RANK.__getitem__)[1:]:
        if draw(st.booleans()):
            neighbours = draw(st.sampled_from([1, 1, 1, min(2, max(1, stations - 1))]))
            within = draw(st.sampled_from(["5min", "10min", "30min", "30min"]))
            out[name] = {"neighbours": neighbours, "radius": draw(st.sampled_from(["3km", "15km"])), "within": within}
    return out


@st.composite
def rules(draw: Draw, climate: Climate, stations: int) -> dict[str, Any]:
    """What a rule may say; half of its fields are left to their defaults."""
    levels = _levels(draw, climate)
    out: dict[str, Any] = {"levels": levels, "hold": draw(st.sampled_from(HOLDS)), "metric": climate.metrics[0]}
    out["per"] = draw(st.sampled_from(["township", "township", "township", "district", "station"]))
    if draw(st.booleans()):
        out["silence"] = {
            "intervals": draw(st.sampled_from([1, 2, 2, 3, 4])),
            "above": draw(st.sampled_from(LEVELS)),
            "then": draw(st.sampled_from(["verify", "escalate", "raise", "raise"])),
        }
    if draw(st.integers(0, 3)) == 0:
        out["latch"] = draw(st.sampled_from(LEVELS))
    if draw(st.booleans()):
        count = draw(st.integers(1, stations))
        out["quorum"] = {"count": count, "of": "living", "minimum": draw(st.integers(1, stations))}
    if draw(st.booleans()):
        out["confirm_after"] = draw(st.sampled_from(["0min", "3min", "5min", "7min", "15min"]))
    if draw(st.booleans()):
        out["deadband"] = draw(st.sampled_from(climate.deadbands))
    if draw(st.integers(0, 2)) == 0:
        out["coverage"] = draw(st.sampled_from(["50%", "60%", "67%", "100%"]))
    plausible = _plausible(draw, list(levels), stations) if draw(st.integers(0, 2)) else {}
    if plausible:
        out["plausible"] = plausible
    return climate.base(**out)


# ---- stations and readings


def _stations(draw: Draw, climate: Climate, count: int) -> list[Station]:
    found = []
    for name in "ABC"[:count]:
        region = draw(st.sampled_from(["T1", "T1", "T2"]))
        lat = 29.5 + draw(st.sampled_from([0, 2, 2, 20])) / 111.2
        more: dict[str, Any] = {"metrics": climate.metrics}
        if draw(st.integers(0, 7)) == 0:
            more["serves"] = ("T1",)
        if draw(st.integers(0, 3)) == 0:  # it reports less often than it measures
            more["report_s"] = draw(st.sampled_from([2, 3])) * climate.step * 60
        if "stage_m" in climate.metrics:
            full = {"stage_guarantee_m": "100", "stage_warning_m": "98"}
            more["columns"] = {**full, "stage_guarantee_m": ""} if draw(st.integers(0, 7)) == 0 else full
        found.append(climate.make(name, region, lat=lat, **more))
    return found


@dataclass(frozen=True)
class Sky:
    """How readings come: late by how much, of what quality, and whether they are revised."""

    lag: bool = False
    late: bool = False
    quality: bool = True


def _delay(draw: Draw, sky: Sky) -> int:
    if sky.late and draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from([6, 11, 20, 45]))
    if sky.lag and draw(st.integers(0, 24)) == 0:
        return draw(st.sampled_from([-2, -3, -6]))  # a clock that is ahead
    return draw(st.integers(0, 3)) if sky.lag else 0


def _value(draw: Draw, climate: Climate, metric: str, before: int) -> Any:
    value = draw(st.sampled_from(climate.values[metric]))
    if climate is COUNTER:
        return draw(st.sampled_from([before + value, before + value, before + value, value]))
    return value


def _readings(draw: Draw, climate: Climate, station: Station, metric: str, sky: Sky) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    offset = draw(st.sampled_from([0, 0, 0, 2]))
    every = station.report_s // (climate.step * 60)
    before = draw(st.sampled_from([0, 970])) if climate is COUNTER else 0
    kinds = [""] * 12 + ["doubtful", "doubtful", "bad", "test", "missing"]
    for at in range(draw(st.integers(1, 14))):
        if draw(st.integers(0, 5)) == 0:
            continue
        minute = START + offset + at * climate.step
        value = before = _value(draw, climate, metric, before)
        quality = draw(st.sampled_from(kinds)) if sky.quality else ""
        waits = (every - 1 - at % every) * climate.step  # until the station sends
        delay = waits + _delay(draw, sky)
        out.append(_at(station, minute, None if quality == "missing" else value, delay, quality, metric))
        if sky.late and draw(st.integers(0, 9)) == 0:
            again = draw(st.sampled_from([value, _value(draw, climate, metric, before)]))
            later = max(delay, 0) + draw(st.sampled_from([1, 5, 10, 30]))
            out.append(_at(station, minute, again, later, "" if quality == "missing" else quality, metric))
    return out


def _at(station: Station, minute: int, value: Any, delay: int, kind: str, metric: str) -> dict[str, Any]:
    seen = minute + delay
    received = f"{seen // 60}:{seen % 60}" if delay else ""
    found: dict[str, Any] = row(
        station.station_id, f"{minute // 60}:{minute % 60}", value, received, kind, metric=metric
    )
    return found


@st.composite
def storms(draw: Draw, late: bool = False, lag: bool = False, quality: bool = True) -> Storm:
    """A storm of one rule over one to three stations of two townships."""
    sky = Sky(lag=lag, late=late, quality=quality)
    count = draw(st.integers(1, 3))
    climate = draw(st.sampled_from(CLIMATES))
    chosen = draw(rules(climate, count))
    stations = _stations(draw, climate, count)
    rows = [
        each
        for station in stations
        for metric in climate.metrics
        for each in _readings(draw, climate, station, metric, sky)
    ]
    assume(rows)
    more = draw(st.sampled_from([0, 0, 15, 60]))
    last = START + 14 * climate.step + 45 + more
    return Storm("random", "", rows, "", [chosen], tuple(stations), f"{last // 60}:{last % 60}" if more else None)
