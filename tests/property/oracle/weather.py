"""神谕: 随机的暴雨 Random small storms for comparing the engine with the oracle; hypothesis shrinks what differs."""

from __future__ import annotations

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from tests.property.oracle.storm import LEVELS_5MIN, PLAUSIBLE, Storm, gauge, river, row, rule, stage
from tests.property.oracle.truth import RANK, Station

RAIN = (0, 0, 0, 0, 5, 8, 12, 18, 19, 25, 35, 45)
STAGES = ("99.6", "99.8", "99.9", "100", "100.1", "100.1", "100.3", "100.5")
HOLDS = ("0min", "5min", "10min", "12min", "20min")


@st.composite
def silences(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "intervals": draw(st.sampled_from([2, 3])),
        "above": draw(st.sampled_from(["yellow", "orange", "red"])),
        "then": draw(st.sampled_from(["verify", "escalate", "raise"])),
    }


@st.composite
def common(draw: st.DrawFn, stations: int) -> dict[str, Any]:
    """What any rule may say."""
    out: dict[str, Any] = {"hold": draw(st.sampled_from(HOLDS))}
    if draw(st.booleans()):
        out["silence"] = draw(silences())
    if draw(st.integers(0, 3)) == 0:
        out["latch"] = draw(st.sampled_from(["yellow", "orange", "red"]))
    if draw(st.booleans()):
        count = draw(st.integers(1, stations))
        out["quorum"] = {"count": count, "of": "living", "minimum": draw(st.integers(1, stations))}
    if draw(st.booleans()):
        out["confirm_after"] = draw(st.sampled_from(["0min", "3min", "5min", "7min"]))
    return out


@st.composite
def rain_rules(draw: st.DrawFn, stations: int) -> dict[str, Any]:
    out = draw(common(stations))
    minutes = draw(st.sampled_from([5, 5, 15, 30]))
    statistic = draw(st.sampled_from(["sum", "sum", "sum", "max", "mean", "count"]))
    names = draw(st.lists(st.sampled_from(["blue", "yellow", "orange", "red"]), min_size=1, max_size=4, unique=True))
    bounds = {"blue": 1, "yellow": 2, "orange": 3, "red": 4} if statistic == "count" else {}
    out["levels"] = {
        name: [{statistic: f"{minutes}min", "at_least": bounds.get(name, LEVELS_5MIN[name][0]["at_least"])}]
        for name in names
    }
    if draw(st.booleans()):
        out["deadband"] = draw(st.sampled_from(["10%", "5%", 1.5]))
    if draw(st.integers(0, 2)) == 0:
        above_lowest = sorted(names, key=RANK.__getitem__)[
            1:
        ]  # below the lowest level there is none to be plausible by
        if above_lowest:
            out["plausible"] = dict.fromkeys(above_lowest, PLAUSIBLE["red"])
    if draw(st.integers(0, 2)) == 0:
        out["coverage"] = draw(st.sampled_from(["50%", "100%"]))
    return rule(**out)


@st.composite
def stage_rules(draw: st.DrawFn, stations: int) -> dict[str, Any]:
    out = draw(common(stations))
    guarantee: dict[str, Any] = {"value": "latest", "at_least": "station.stage_guarantee_m"}
    kinds: list[dict[str, Any]] = [
        guarantee,
        {"value": "latest", "above": "station.stage_warning_m+1.5"},
        {"rise": "30min", "at_least": 0.5},
        {"fall": "30min", "at_least": 0.5},
        {"rate": "30min", "above": 1},
        {"sustained": "30min", "at_least": 100},
        {"min": "30min", "at_most": 99},
        {"all": [guarantee, {"rise": "20min", "at_least": 0.2}]},
    ]
    level = draw(st.sampled_from(["yellow", "orange", "red"]))
    out["levels"] = {level: draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=2))}
    if draw(st.booleans()):
        out["deadband"] = draw(st.sampled_from([0.2, 0.5]))
    return river(**out)


@st.composite
def storms(draw: st.DrawFn, late: bool = False, lag: bool = False, quality: bool = True) -> Storm:
    """A storm of one rule over one to three stations of two townships."""
    count = draw(st.integers(1, 3))
    rainy = draw(st.integers(0, 2)) > 0
    chosen = draw(rain_rules(count) if rainy else stage_rules(count))
    make = gauge if rainy else stage
    stations: list[Station] = []
    for name in "ABC"[:count]:
        region = draw(st.sampled_from(["T1", "T1", "T2"]))
        stations.append(make(name, region, lat=29.5 + draw(st.sampled_from([0, 2, 20])) / 111.2))
    step = 5 if rainy else 10
    metric = "rain_mm" if rainy else "stage_m"
    rows: list[dict[str, Any]] = []
    for station in stations:
        for at in range(draw(st.integers(1, 14))):
            if draw(st.integers(0, 5)) == 0:
                continue
            minute = 600 + at * step
            value = draw(st.sampled_from(RAIN if rainy else STAGES))
            kind = draw(st.sampled_from([""] * 8 + ["doubtful", "bad", "test"])) if quality else ""
            delay = draw(st.integers(0, 3)) if lag else 0
            if late and draw(st.integers(0, 5)) == 0:
                delay = draw(st.sampled_from([6, 11, 20, 45]))
            rows.append(_at(station, minute, value, delay, kind, metric))
            if late and draw(st.integers(0, 9)) == 0:
                again = draw(st.sampled_from([value, draw(st.sampled_from(RAIN if rainy else STAGES))]))
                rows.append(_at(station, minute, again, delay + draw(st.sampled_from([1, 5, 10, 30])), kind, metric))
    more = draw(st.sampled_from([0, 0, 15, 60]))
    last = 600 + 14 * step + 45 + more
    assume(rows)
    return Storm("random", "", rows, "", [chosen], tuple(stations), f"{last // 60}:{last % 60}" if more else None)


def _at(station: Station, minute: int, value: Any, delay: int, kind: str, metric: str) -> dict[str, Any]:
    seen = minute + delay
    received = f"{seen // 60}:{seen % 60}" if delay else ""
    found: dict[str, Any] = row(
        station.station_id, f"{minute // 60}:{minute % 60}", value, received, kind, metric=metric
    )
    return found
