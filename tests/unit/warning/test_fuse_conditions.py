"""条件真值表 What a condition says: TRUE, DOUBTED, UNKNOWN, FALSE, over hand-made series."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.warning.fuses.book import Gauge
from services.warning.fuses.probe import DOUBTED, FALSE, TRUE, UNKNOWN
from services.warning.fuses.rules import read_rules
from services.warning.fuses.series import Series
from services.warning.readings.instant import MINUTE, SECOND
from services.warning.readings.validate import Checked, Doubt, Fate, Quality
from tests.support.fuse_packs import at, columns, pack, station

NAMES = {TRUE: "true", DOUBTED: "doubted", UNKNOWN: "unknown", FALSE: "false"}
HIGH = columns(stage_guarantee_m="7.5")


def checked(when: int, value: float | None, quality: Quality = Quality.GOOD, metric: str = "rain_mm") -> Checked:
    return Checked(
        station_id="A", metric=metric, value=value, observed_us=when, claimed_us=when, received_us=when,
        ref=f"{when}", quality=quality, doubt=Doubt.NONE, fate=Fate.NEW,
    )  # fmt: skip


def filled(values: str, metric: str = "rain_mm", kind: str = "interval", start: str = "10:00") -> Series:
    """``1 2 - 3? 4!``: every five minutes; - is a gap, ? doubtful, ! bad."""
    series = Series(kind, 300 * SECOND, None)
    for i, text in enumerate(values.split()):
        if text != "-":
            quality = {"?": Quality.DOUBTFUL, "!": Quality.BAD}.get(text[-1], Quality.GOOD)
            series.put(checked(at(start) + i * 5 * MINUTE, float(text.rstrip("?!")), quality, metric))
    series.settle()
    return series


def ask(condition: str, values: str, when: str, *, eased: bool = False, kind: str = "interval", **more: str) -> str:
    metric = "rain_mm" if kind == "interval" else {"level": "stage_m", "cumulative": "bucket_mm"}[kind]
    extra = "".join(f"\n  {key}: {value}" for key, value in more.items())
    text = f"- id: r\n  hazard: 11B03\n  per: station\n  metric: {metric}\n  levels: {{red: [{condition}]}}{extra}"
    gauge = station("A", metrics=("rain_mm", "stage_m", "bucket_mm"), columns=HIGH)
    (rule,), problems = read_rules(pack(text, gauge))
    assert not problems, problems
    series = {("A", metric): filled(values, metric, kind)}
    return NAMES[Gauge(rule, gauge).truth(series, 4, at(when), eased=eased)]


@pytest.mark.parametrize(
    ("condition", "values", "when", "truth"),
    [
        # sum: true as soon as the data suffice; false only with coverage (80 % of 6 is 5 readings)
        ("{sum: 30min, at_least: 10}", "10", "10:00", "true"),
        ("{sum: 30min, at_least: 10}", "4 3 3", "10:10", "true"),
        ("{sum: 30min, at_least: 10}", "1 1 1 1", "10:15", "unknown"),
        ("{sum: 30min, at_least: 10}", "1 1 1 1 1", "10:20", "false"),
        ("{sum: 30min, at_least: 10}", "1 1 - 1 1 1", "10:25", "false"),
        ("{sum: 30min, at_least: 10}", "1 1 - - 1 1", "10:25", "unknown"),
        ("{sum: 30min, at_least: 10}", "9 1 0 0 0 0 0", "10:25", "true"),
        ("{sum: 30min, at_least: 10}", "9 1 0 0 0 0 0", "10:30", "false"),  # (t − w, t]
        ("{sum: 30min, above: 10}", "10 0 0 0 0 0", "10:25", "false"),
        ("{sum: 30min, at_most: 10}", "1 1 1 1", "10:15", "unknown"),  # more rain may yet come to light
        ("{sum: 30min, at_most: 10}", "1 1 1 1 1", "10:20", "true"),
        ("{sum: 30min, at_most: 10}", "11", "10:00", "false"),
        ("{sum: 30min, below: 10}", "5 5 0 0 0", "10:20", "false"),
        ("{sum: 1h, at_least: 0.6}", "0.1 0.1 0.1 0.1 0.1 0.1", "10:25", "true"),  # as a person would add
        # max, min, count, mean
        ("{max: 30min, at_least: 5}", "1 5 1", "10:10", "true"),
        ("{max: 30min, at_least: 5}", "1 4 1", "10:10", "unknown"),
        ("{max: 30min, at_least: 5}", "1 4 1 1 1", "10:20", "false"),
        ("{max: 30min, below: 5}", "1 6", "10:05", "false"),
        ("{min: 30min, at_least: 5}", "6 6 6", "10:10", "unknown"),
        ("{min: 30min, at_least: 5}", "6 6 6 6 6", "10:20", "true"),
        ("{min: 30min, at_least: 5}", "6 4", "10:05", "false"),
        ("{min: 30min, at_most: 5}", "6 4", "10:05", "true"),
        ("{count: 30min, at_least: 3}", "0 0 0", "10:10", "true"),
        ("{count: 30min, at_least: 3}", "0 0", "10:05", "unknown"),
        ("{count: 30min, at_least: 6}", "0 0 0 0 0", "10:20", "false"),
        ("{mean: 30min, at_least: 5}", "9 9 9", "10:10", "unknown"),
        ("{mean: 30min, at_least: 5}", "5 5 5 5 5", "10:20", "true"),
        ("{mean: 30min, at_least: 5}", "5 5 5 5 4", "10:20", "false"),
        # value: latest, false while fresh, true while living
        ("{value: latest, at_least: 5}", "1 5", "10:05", "true"),
        ("{value: latest, at_least: 5}", "1 5", "10:14", "true"),
        ("{value: latest, at_least: 5}", "1 5", "10:15", "unknown"),
        ("{value: latest, at_least: 5}", "5 1", "10:10", "false"),
        ("{value: latest, at_least: 5}", "5 1", "10:11", "unknown"),
        ("{value: latest, at_least: 5}", "", "10:11", "unknown"),
        # doubtful trips and never clears; bad neither
        ("{sum: 30min, at_least: 10}", "5 5?", "10:05", "doubted"),
        ("{sum: 30min, at_least: 10}", "10 5?", "10:05", "true"),
        ("{sum: 30min, at_least: 10}", "1 1 1 1 1?", "10:20", "unknown"),
        ("{sum: 30min, at_least: 10}", "1 1 1 1 1 1?", "10:25", "false"),
        ("{sum: 30min, at_least: 10}", "5 5!", "10:05", "unknown"),
        ("{value: latest, at_least: 5}", "6 1?", "10:05", "true"),
        ("{value: latest, at_least: 5}", "1 6?", "10:05", "doubted"),
        ("{value: latest, at_least: 5}", "1 1? 1?", "10:10", "unknown"),
        # all and any
        ("{all: [{sum: 30min, at_least: 5}, {max: 30min, at_least: 4}]}", "4 1", "10:05", "true"),
        ("{all: [{sum: 30min, at_least: 5}, {max: 30min, at_least: 4}]}", "3 3", "10:05", "unknown"),
        ("{all: [{sum: 30min, at_least: 5}, {max: 30min, at_least: 4}]}", "3 3 0 0 0", "10:20", "false"),
        ("{all: [{sum: 30min, at_least: 5}, {max: 30min, at_least: 4}]}", "1 4?", "10:05", "doubted"),
        ("{sum: 30min, at_least: 50}, {max: 5min, at_least: 4}", "4", "10:00", "true"),
        ("{sum: 30min, at_least: 50}, {max: 5min, at_least: 4}", "3", "10:00", "unknown"),
        # another metric that this station measures but never sent, and one that it does not measure
        ("{metric: stage_m, value: latest, at_least: 4}", "9", "10:00", "unknown"),
    ],
)
def test_counted_statistics(condition: str, values: str, when: str, truth: str) -> None:
    assert ask(condition, values, when) == truth


@pytest.mark.parametrize(
    ("condition", "values", "when", "truth"),
    [
        # both ends of (t − 15 min, t] within one interval
        ("{rise: 15min, at_least: 1}", "1 1.5 2", "10:10", "true"),
        ("{rise: 15min, at_least: 1}", "1 2", "10:05", "unknown"),
        ("{rise: 15min, at_least: 1}", "0 1 1.5 2", "10:15", "true"),  # 10:00 is outside: last minus lowest is 1
        ("{rise: 15min, at_least: 1.1}", "0 1 1.5 2", "10:15", "false"),
        ("{rise: 15min, at_least: 1}", "3 1 2", "10:10", "true"),
        ("{rise: 15min, at_least: 1}", "1 1.5 2 -", "10:15", "false"),  # one missing at the end is within one interval
        ("{rise: 15min, at_least: 1}", "1 - 2 3", "10:15", "unknown"),  # the first end is missing
        ("{rise: 20min, at_least: 1}", "1 1 1 2 - -", "10:25", "unknown"),
        ("{rise: 15min, at_least: 0.7}", "3.1 3.4 3.8", "10:10", "true"),
        ("{fall: 15min, at_least: 1}", "2 2.5 1.5", "10:10", "true"),
        ("{fall: 15min, at_least: 1}", "2 2.4 1.5", "10:10", "false"),
        ("{rate: 15min, at_least: 6}", "1 1.2 2", "10:10", "true"),  # 1 in 10 min
        ("{rate: 15min, above: 6}", "1 1.2 2", "10:10", "false"),
        ("{rate: 5min, at_least: 0}", "1 1", "10:05", "unknown"),  # one reading has no rate
        ("{sustained: 15min, at_least: 5}", "5 6 5", "10:10", "true"),
        ("{sustained: 15min, at_least: 5}", "5 6", "10:05", "unknown"),
        ("{sustained: 15min, at_least: 5}", "5 4.9 5", "10:10", "false"),
        ("{sustained: 15min, at_least: 5}", "4 5 6 5", "10:15", "true"),
        ("{sustained: 15min, below: 5}", "4 4.9 4", "10:10", "true"),
        ("{sustained: 30min, at_least: 5}", "5 5 - 5 5 5", "10:25", "true"),
        ("{sustained: 30min, at_least: 5}", "5 5 - - 5 5", "10:25", "unknown"),  # a gap of over two
        ("{value: latest, at_least: station.stage_guarantee_m}", "7.5", "10:00", "true"),
        ("{value: latest, at_least: station.stage_guarantee_m+0.1}", "7.5", "10:00", "false"),
        ("{value: latest, at_least: station.stage_guarantee_m-0.1}", "7.4", "10:00", "true"),
        ("{value: latest, at_least: station.stage_warning_m}", "99", "10:00", "unknown"),  # an empty column
    ],
)
def test_levels_and_ends(condition: str, values: str, when: str, truth: str) -> None:
    assert ask(condition, values, when, kind="level") == truth


@pytest.mark.parametrize(
    ("values", "when", "truth"),
    [
        ("100", "10:00", "unknown"),  # a first count says nothing yet
        ("100 110", "10:05", "true"),
        ("100 104 4 6", "10:15", "true"),  # 4, reset and 4, 2
        ("100 - - - - 109", "10:25", "false"),  # the difference stands for its whole gap
        ("100 - - - - 110", "10:25", "true"),
    ],
)
def test_counters(values: str, when: str, truth: str) -> None:
    assert ask("{sum: 30min, at_least: 10}", values, when, kind="cumulative") == truth


@pytest.mark.parametrize(
    ("deadband", "values", "eased"),
    [
        ("10%", "9 0 0 0 0", "true"),
        ("10%", "8.9 0 0 0 0", "false"),
        ("2", "8 0 0 0 0", "true"),
        ("2 mm", "7.9 0 0 0 0", "false"),
        ("0", "9.9 0 0 0 0", "false"),
    ],
)
def test_the_deadband_moves_the_bound(deadband: str, values: str, eased: str) -> None:
    assert ask("{sum: 30min, at_least: 10}", values, "10:20", deadband=deadband) == "false"
    assert ask("{sum: 30min, at_least: 10}", values, "10:20", eased=True, deadband=deadband) == eased


def test_the_deadband_of_a_lower_bound_goes_up() -> None:
    assert ask("{min: 30min, at_most: 2}", "2.5 3 3 3 3", "10:20", eased=True, deadband="0.5", kind="level") == "true"
    assert ask("{min: 30min, at_most: 2}", "2.6 3 3 3 3", "10:20", eased=True, deadband="0.5", kind="level") == "false"


def test_a_condition_on_what_a_station_does_not_measure_is_false_there() -> None:
    text = (
        "- id: r\n  hazard: 11B03\n  per: township\n  metric: rain_mm\n"
        "  levels: {red: [{metric: stage_m, value: latest, at_least: 1}]}"
    )
    rain, both = station("A"), station("B", metrics=("rain_mm", "stage_m"))
    (rule,), _ = read_rules(pack(text, rain, both))
    assert NAMES[Gauge(rule, rain).truth({}, 4, at("10:00"))] == "false"
    assert NAMES[Gauge(rule, both).truth({}, 4, at("10:00"))] == "unknown"


def test_a_twentieth_of_the_interval_is_forgiven() -> None:
    series = Series("level", 300 * SECOND, None)
    for when in (at("10:00"), at("10:05") + 10 * SECOND, at("10:10") - 5 * SECOND):
        series.put(checked(when, 6))
    series.settle()
    text = (
        "- id: r\n  hazard: 11B03\n  per: station\n  metric: rain_mm\n  levels: {red: [{sustained: 15min, above: 5}]}"
    )
    (rule,), _ = read_rules(pack(text))
    gauge = Gauge(rule, station("A"))
    assert gauge.truth({("A", "rain_mm"): series}, 4, at("10:15") + 5 * SECOND) == TRUE


def test_a_late_reading_and_a_revision_rebuild_the_windows() -> None:
    series = filled("1 - 3 4")
    series.put(checked(at("10:05"), 2))
    series.settle()
    assert series.usable.cum[-1] == 10
    assert series.usable.t == [at("10:00") + i * 5 * MINUTE for i in range(4)]
    series.put(checked(at("10:00"), 7))
    series.settle()
    assert series.usable.cum == [0, 7, 9, 12, 16]
    assert series.good is series.usable


def test_a_doubtful_revision_parts_the_tracks_and_pruning_joins_them() -> None:
    series = filled("1 2 3")
    series.put(checked(at("10:00"), 9, Quality.DOUBTFUL))
    series.settle()
    assert (series.usable.cum[-1], series.good.cum[-1]) == (Decimal(14), Decimal(5))
    series.prune(at("10:05"))
    assert series.good is series.usable
    assert series.usable.t == [at("10:05"), at("10:10")]
    assert series.times(at("10:00"), at("10:05")) == [at("10:05")]
